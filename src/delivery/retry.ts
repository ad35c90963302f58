/**
 * When a recipient is tried again, and when it is given up. Pure: the time is an argument.
 *
 * @module
 */

import type { DeliveryOutcome } from "../spool/spool.ts";

/** The timetable, in milliseconds. */
export interface RetrySettings {
  /** The waits before the second, third, ... attempt; the last one repeats. Not empty. */
  readonly retryMs: readonly number[];
  /** How long after its arrival a mail is given up. */
  readonly giveUpMs: number;
}

/** Where a recipient stands after an attempt that came to nothing. Times are milliseconds since the epoch. */
export interface Attempted {
  /** This one included. */
  readonly attempts: number;
  readonly received: number;
  readonly now: number;
}

/** When the next attempt is due, at the latest at the moment of giving up; `null` when that has passed: give it up. */
export function nextDue({ attempts, received, now }: Attempted, { retryMs, giveUpMs }: RetrySettings): number | null {
  const last = received + giveUpMs;
  if (now >= last) return null;
  const wait = retryMs[Math.min(Math.max(attempts, 1), retryMs.length) - 1] ?? giveUpMs;
  return Math.min(now + wait, last);
}

/** What becomes of a recipient that is given up: RFC 3463 has X.4.7 for it, permanent now. */
export function expired(lastReply: string): DeliveryOutcome {
  return {
    kind: "failed",
    ours: true,
    enhanced: "5.4.7",
    reply: `554 5.4.7 Delivery time expired; the last answer was: ${lastReply}`,
  };
}
