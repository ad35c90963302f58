/**
 * How far long work is: a line on the terminal that is written over, or one now and then where there is none.
 *
 * @module
 */

import { complain, writeErr } from "./output.ts";

/** Work that is under way. Disposing it clears the line. */
export interface Progress extends Disposable {
  /** So many more pieces are done; one, where nothing is said. */
  step(count?: number): void;
}

const ON_TERMINAL_MS = 200;
const ELSEWHERE_MS = 10_000;

/** Begins; `total` is `null` where nobody knows it. Short work shows nothing. */
export function startProgress(total: number | null, what: string): Progress {
  const terminal = Deno.stderr.isTerminal();
  const everyMs = terminal ? ON_TERMINAL_MS : ELSEWHERE_MS;
  const textOf = (done: number) => total === null ? `${done} ${what}` : `${done} of ${total} ${what}`;
  let [done, told, shown] = [0, performance.now(), false];
  return {
    step: (count = 1) => {
      done += count;
      if (done === total || performance.now() - told < everyMs) return;
      told = performance.now();
      shown = true;
      const text = textOf(done);
      if (terminal) writeErr(`\r${text}`);
      else complain(text);
    },
    [Symbol.dispose]: () => {
      if (terminal && shown) writeErr(`\r${" ".repeat(textOf(total ?? done).length)}\r`);
      shown = false;
    },
  };
}
