/**
 * One log, several listeners.
 *
 * @module
 */

import type { Log } from "./event.ts";

/** A log to which listeners are added. */
export interface Tee {
  readonly log: Log;
  /** Told of each event from now on, after the log itself. It must not throw. */
  add(listener: Log): void;
}

/** Makes a log that also tells others. */
export function teeLog(log: Log): Tee {
  const listeners: Log[] = [];
  return {
    log: (event) => {
      log(event);
      for (const listener of listeners) listener(event);
    },
    add: (listener) => void listeners.push(listener),
  };
}
