/**
 * [guessing] and [bans]: what slows down who guesses passwords, and when a network is closed for a while.
 *
 * @module
 */

import type { z } from "zod";
import { count, duration, flag, list, network, table } from "./quantities.ts";

/** Guessing of passwords. */
export interface GuessingConfig {
  readonly enabled: boolean;
  /** Outside the rule for networks, and never banned by themselves. */
  readonly exemptNetworks: readonly string[];
  /** Distinct wrong secrets of an account that strangers have free. Default 5. */
  readonly freeGuesses: number;
  /** After those, strangers share one attempt in this time. Default 10 s. */
  readonly slotMs: number;
  /** From so many distinct accounts that a network failed on within `networkWindowMs`, its replies wait for `networkDelayMs`. */
  readonly networkAccounts: number;
  readonly networkWindowMs: number;
  readonly networkDelayMs: number;
  /** An account without a wrong secret for so long starts afresh. Default 24 h. */
  readonly forgetMs: number;
  /** Days for which a password is recognised that was replaced. 0: not at all. Default 30. */
  readonly rememberPreviousDays: number;
}

/** Bans that the server makes by itself; off until a number is given. */
export interface BansConfig {
  /** Failed logins of an address within an hour. `null`: off. */
  readonly failuresPerHour: number | null;
  /** Replies to a network that had to wait by the rule for networks, within an hour. `null`: off. */
  readonly afterDelays: number | null;
  /** How long such a ban lasts. Default 1 h. */
  readonly timeMs: number;
  /** A network is not banned by itself while an account has logged in from it within so many days. Default 30. */
  readonly knownDays: number;
}

/** [guessing] */
export const guessingSchema = table({
  enabled: flag.default(true),
  exemptNetworks: list(network).prefault([]).meta({
    description: "outside the rule for networks, and never banned by themselves",
  }),
  freeGuesses: count(1, 1000).default(5).meta({ description: "distinct wrong passwords before strangers share slots" }),
  slot: duration.prefault("10s").meta({ description: "strangers share one attempt on an account in this time" }),
  networkAccounts: count(1, 10_000).default(20).meta({ description: "accounts that a network may fail on" }),
  networkWindow: duration.prefault("10min").meta({ description: "within this time" }),
  networkDelay: duration.prefault("60s").meta({ description: "beyond it, each refusal waits so long" }),
  forget: duration.prefault("24h").meta({
    description: "an account without a wrong password for so long starts afresh",
  }),
  rememberPreviousDays: count(0, 3660).default(30).meta({
    description: "how long a replaced password is recognised, so that a forgotten device counts as no guess; 0: never",
  }),
});

/** [bans] */
export const bansSchema = table({
  failuresPerHour: count(1, 1_000_000).optional().meta({
    description: "an address with so many failed logins in an hour is banned; default: off",
  }),
  afterDelays: count(1, 1_000_000).optional().meta({
    description: "a network whose refusals had to wait so many times in an hour is banned; default: off",
  }),
  time: duration.prefault("1h").meta({ description: "how long a ban lasts that the server makes by itself" }),
  knownDays: count(1, 180).default(30).meta({
    description: "no such ban on a network from which somebody has logged in within so many days",
  }),
});

/** The settings as the program has them. */
export function completeGuessing(
  { slot, networkWindow, networkDelay, forget, ...rest }: z.output<typeof guessingSchema>,
): GuessingConfig {
  const times = { slotMs: slot, networkWindowMs: networkWindow, networkDelayMs: networkDelay, forgetMs: forget };
  return { ...rest, ...times };
}

/** The settings as the program has them. */
export function completeBans(
  { failuresPerHour, afterDelays, time, knownDays }: z.output<typeof bansSchema>,
): BansConfig {
  return { failuresPerHour: failuresPerHour ?? null, afterDelays: afterDelays ?? null, timeMs: time, knownDays };
}
