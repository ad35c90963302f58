/**
 * So many pieces of work at a time, the others in line.
 *
 * @module
 */

/** Lets pieces of work in, first come first served. */
export interface WorkLimit {
  /** Does the work when it is its turn. An aborted signal takes it out of the line: a rejection with the signal's reason. */
  run<Value>(work: () => Promise<Value>, signal?: AbortSignal): Promise<Value>;
}

/** Makes a limit of so many at a time. */
export function createWorkLimit(limit: number): WorkLimit {
  const line = new Set<() => void>();
  let running = 0;

  const enter = async (signal: AbortSignal | undefined) => {
    signal?.throwIfAborted();
    if (running < limit) {
      running++;
      return;
    }
    const turn = Promise.withResolvers<void>();
    const leave = () => {
      line.delete(turn.resolve);
      turn.reject(signal?.reason);
    };
    line.add(turn.resolve);
    signal?.addEventListener("abort", leave, { once: true });
    await turn.promise.finally(() => signal?.removeEventListener("abort", leave));
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

  return {
    run: async (work, signal) => {
      await enter(signal);
      try {
        return await work();
      } finally {
        exit();
      }
    },
  };
}
