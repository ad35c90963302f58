/**
 * How many conversations with one hop at a time: few at first, more while it goes well, half as many after trouble. Pure.
 *
 * @module
 */

/** What is known of a hop. */
export interface Concurrency {
  /** At least 1; the whole part of it is what is allowed now. */
  readonly window: number;
  /** Up to here each success opens one conversation more, beyond it only a full round of them does. */
  readonly threshold: number;
}

const FIRST_WINDOW = 2;

/** A hop that nothing is known of. */
export const UNTRIED: Concurrency = { window: FIRST_WINDOW, threshold: Infinity };

/** How many conversations are allowed, where `limit` is the most. */
export function allowed({ window }: Concurrency, limit: number): number {
  return Math.max(1, Math.min(Math.floor(window), limit));
}

/** A mail went through, whatever the hop said of it. */
export function afterSuccess({ window, threshold }: Concurrency, limit: number): Concurrency {
  const step = window < threshold ? 1 : 1 / window;
  return { window: Math.min(window + step, Math.max(limit, 1)), threshold };
}

/** The hop could not be reached, would not speak with us, or broke off. */
export function afterTrouble({ window }: Concurrency): Concurrency {
  const half = Math.max(1, window / 2);
  return { window: half, threshold: half };
}
