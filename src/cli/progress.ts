/**
 * How far long work is: a line on the terminal that is written over, or one now and then where there is none.
 *
 * @module
 */

import { complain, writeErr } from "./output.ts";

/** Work that is under way. Disposing it clears the line. */
export interface Progress extends Disposable {
  /** One more piece is done. */
  step(): void;
}

const ON_TERMINAL_MS = 200;
const ELSEWHERE_MS = 10_000;

/** Begins. Short work shows nothing. */
export function startProgress(total: number, what: string): Progress {
  const terminal = Deno.stderr.isTerminal();
  const everyMs = terminal ? ON_TERMINAL_MS : ELSEWHERE_MS;
  let [done, told, shown] = [0, performance.now(), false];
  return {
    step: () => {
      done++;
      if (done === total || performance.now() - told < everyMs) return;
      told = performance.now();
      shown = true;
      const text = `${done} of ${total} ${what}`;
      if (terminal) writeErr(`\r${text}`);
      else complain(text);
    },
    [Symbol.dispose]: () => {
      if (terminal && shown) writeErr(`\r${" ".repeat(`${total} of ${total} ${what}`.length)}\r`);
      shown = false;
    },
  };
}
