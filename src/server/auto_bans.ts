/**
 * Bans that the server makes by itself, out of the ends of logins; off until [bans] has a number.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { banOperations, neverBanned } from "../http/operations/bans.ts";
import { isLoopback, networkOf, networkSet } from "../lib/network.ts";
import type { Log, LogEvent } from "../log/event.ts";
import { BanCounts } from "../policy/ban_counts.ts";
import type { Records } from "../records/records.ts";

/** What it works with. */
export interface AutoBanParts {
  readonly records: Records;
  readonly config: () => Config;
  readonly log: Log;
  readonly now: () => number;
  /** Whether somebody has logged in from a network since. */
  readonly isKnown: (network: string, since: number) => boolean;
}

const DAY_MS = 86_400_000;
/** Reasons of a refusal that say nothing of a secret, or one that was right once. */
const NO_GUESS_REGEXP = /^(?:disabled|expired|must-change|not-allowed|stale password)\b/;
const WAITS_REGEXP = /; network is guessing, reply waits \d/;

/** Takes each event of the log; never throws. */
export function createAutoBans(parts: AutoBanParts): Log {
  const counts = new BanCounts();
  return (event) => {
    if (event.kind !== "authentication" || event.result !== "rejected") return;
    const { bans } = parts.config();
    if (bans.failuresPerHour === null && bans.afterDelays === null) return;
    try {
      judge(event, counts, parts);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      parts.log({ kind: "alarm", about: "bans", text: `Cannot ban ${event.remote}: ${reason}` });
    }
  };
}

function judge(
  { remote, reason }: Extract<LogEvent, { readonly kind: "authentication" }>,
  counts: BanCounts,
  { records, config, log, now, isKnown }: AutoBanParts,
): void {
  const { bans } = config();
  if (remote === "local" || isLoopback(remote) || NO_GUESS_REGEXP.test(reason)) return;
  if (networkSet(neverBanned(config())).has(remote)) return;
  const causes = ["failure", ...WAITS_REGEXP.test(reason) ? ["delay"] as const : []] as const;
  for (const what of causes) {
    const due = counts.note({ remote, what }, bans, now());
    if (due === null || records.bans.around(remote, now()) !== null) continue;
    // An office must not be locked out by one forgotten phone.
    if (isKnown(networkOf(remote), now() - bans.knownDays * DAY_MS)) continue;
    const operations = banOperations({ records, config, log, now }, { who: "dokodemo", from: "local" });
    operations.add({ ...due, lastsMs: bans.timeMs, force: false });
  }
}
