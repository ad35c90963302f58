/**
 * The time and one kind of timer, so that tests can have their own.
 *
 * @module
 */

/** Tells the time and wakes. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `wake` at this time, or somewhat before when that is far away; disposing it before means never. */
  wakeAt(at: number, wake: () => void): Disposable;
}

/** `setTimeout` takes no longer wait than this. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/** The clock of the system. */
export const systemClock: Clock = {
  now: () => Date.now(),
  wakeAt: (at, wake) => {
    const timer = setTimeout(wake, Math.min(Math.max(at - Date.now(), 0), LONGEST_WAIT_MS));
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};
