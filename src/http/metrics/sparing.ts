/**
 * Questions that cost whoever answers them more the more there is: asked so seldom that they take a small part of its time.
 *
 * @module
 */

/** How often may be asked. */
export interface SparingOptions {
  /** An answer is given again for so many times the time that it took. */
  readonly times: number;
  /** Milliseconds, growing. */
  readonly now: () => number;
}

/** Asks, or gives the last answer again. Those who ask at the same time share one; a rejection is not kept. */
export function sparing<Value>(ask: () => Promise<Value>, { times, now }: SparingOptions): () => Promise<Value> {
  let last: { readonly answer: Promise<Value>; until: number } | null = null;
  return () => {
    const begun = now();
    if (last !== null && begun < last.until) return last.answer;
    const entry = { answer: ask(), until: Infinity };
    entry.answer.then(
      () => entry.until = now() + times * (now() - begun),
      () => entry.until = -Infinity,
    );
    last = entry;
    return entry.answer;
  };
}
