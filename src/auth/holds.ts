/**
 * Replies that wait.
 *
 * @module
 */

/** Waits that can all be ended at once. */
export interface Holds extends Disposable {
  /** Takes one of the few places for a long delay; false when all are taken. Each place taken is given back by `hold`. */
  take(): boolean;
  /** Waits, then gives the place back. Ends at once when the signal aborts or the holds are disposed. */
  hold(ms: number, signal: AbortSignal): Promise<void>;
  /** A short wait that needs no place. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

/** Waits for so many milliseconds or until the signal aborts, without rejecting. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

/** Makes holds with so many places. */
export function createHolds(places: number, wait: Wait): Holds {
  const ended = new AbortController();
  let taken = 0;
  const pause = (ms: number, signal: AbortSignal) => wait(ms, AbortSignal.any([signal, ended.signal]));
  return {
    take: () => {
      if (taken >= places) return false;
      taken++;
      return true;
    },
    hold: (ms, signal) => pause(ms, signal).finally(() => taken--),
    pause,
    [Symbol.dispose]: () => ended.abort(),
  };
}

/** A wait by the clock on the wall. */
export function waitByTimer(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || ms <= 0) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const end = () => {
    clearTimeout(timer);
    resolve();
  };
  signal.addEventListener("abort", end, { once: true });
  return promise.finally(() => signal.removeEventListener("abort", end));
}
