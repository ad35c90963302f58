/**
 * How late timers are: what every client of a busy server waits for besides its own work.
 *
 * @module
 */

const EVERY_MS = 200;

/** Tells every delay, in seconds, until it is disposed. It keeps no process alive. */
export function sampleEventLoop(observe: (seconds: number) => void, everyMs = EVERY_MS): Disposable {
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    observe(Math.max(0, now - last - everyMs) / 1000);
    last = now;
  }, everyMs);
  Deno.unrefTimer(timer);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
