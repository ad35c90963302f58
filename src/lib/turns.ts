/**
 * So many pieces of work at a time that cannot be stopped once they run, such as scrypt or calls into a C library. The others wait in
 * line.
 *
 * @module
 */

/**
 * Does the work when it is its turn, first come first served. An aborted signal ends the wait with its reason at once; work that runs
 * keeps its turn until it is done.
 */
export type Turns = <Value>(work: () => Promise<Value>, signal?: AbortSignal) => Promise<Value>;

/** Makes a line for so many at a time. */
export function createTurns(limit: number): Turns {
  const line = new Set<() => void>();
  let running = 0;

  const enter = async (signal: AbortSignal | undefined) => {
    if (running < limit) {
      running++;
      return;
    }
    const turn = Promise.withResolvers<void>();
    line.add(turn.resolve);
    try {
      await untilAborted(turn.promise, signal);
    } catch (reason) {
      // A turn that came in the same moment goes to the next.
      if (!line.delete(turn.resolve)) exit();
      throw reason;
    }
  };

  const exit = () => {
    const [next] = line;
    if (next === undefined) {
      running--;
      return;
    }
    // The place goes over to the next in line, so `running` stays as it is.
    line.delete(next);
    next();
  };

  return async (work, signal) => {
    signal?.throwIfAborted();
    await enter(signal);
    if (signal?.aborted === true) {
      exit();
      throw signal.reason;
    }
    return await untilAborted(Promise.try(work).finally(exit), signal);
  };
}

async function untilAborted<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return await promise;
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
