/**
 * When a network is banned by itself: counts by address and network within an hour. Time is an argument, in milliseconds since the epoch.
 *
 * @module
 */

import { hostOf, networkOf } from "../lib/network.ts";

/** From which counts on; `null`: off. */
export interface BanThresholds {
  /** Failed logins of an address. */
  readonly failuresPerHour: number | null;
  /** Refusals to a network that had to wait. */
  readonly afterDelays: number | null;
}

/** What happened. */
export interface BanCause {
  readonly remote: string;
  readonly what: "failure" | "delay";
}

/** A network that is to be banned, and why. */
export interface DueBan {
  readonly network: string;
  readonly reason: string;
}

interface Count {
  begun: number;
  count: number;
}

const HOUR_MS = 3_600_000;
/** What strangers can fill has to have an end. */
const LIMIT = 20_000;

/** Counts of the last hour. */
export class BanCounts {
  readonly #failures = new Map<string, Count>();
  readonly #delays = new Map<string, Count>();

  /** Counts, and tells of the network that has reached its number; its count begins anew then. */
  note({ remote, what }: BanCause, { failuresPerHour, afterDelays }: BanThresholds, now: number): DueBan | null {
    if (what === "failure") {
      const network = hostOf(remote);
      const count = countUp(this.#failures, { key: network, most: failuresPerHour, now });
      return count === null ? null : { network, reason: `${count} failed logins within an hour` };
    }
    const network = networkOf(remote);
    const count = countUp(this.#delays, { key: network, most: afterDelays, now });
    return count === null ? null : { network, reason: `${count} delayed refusals within an hour` };
  }
}

function countUp(
  counts: Map<string, Count>,
  { key, most, now }: { readonly key: string; readonly most: number | null; readonly now: number },
): number | null {
  if (most === null) return null;
  const before = counts.get(key);
  const entry = before === undefined || Math.abs(now - before.begun) >= HOUR_MS ? { begun: now, count: 0 } : before;
  entry.count++;
  counts.delete(key);
  if (entry.count >= most) return entry.count;
  counts.set(key, entry);
  const [oldest] = counts.keys();
  if (counts.size > LIMIT && oldest !== undefined) counts.delete(oldest);
  return null;
}
