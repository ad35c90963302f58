/**
 * When each credential was last used, kept in memory and written now and then.
 *
 * @module
 */

/** Remembers uses. */
export interface LastUse extends Disposable {
  /** Remembers a use; `at` is in milliseconds since the epoch. */
  note(credential: string, at: number): void;
}

const WRITE_EVERY_MS = 5000;

/** Hands what was noted to `write` every few seconds and when it is disposed. What `write` throws for is tried again with the next. */
export function createLastUse(write: (uses: ReadonlyMap<string, number>) => void): LastUse {
  let pending = new Map<string, number>();
  let timer: ReturnType<typeof setTimeout> | null = null;

  const flush = () => {
    timer = null;
    const uses = pending;
    pending = new Map();
    try {
      write(uses);
    } catch {
      // A full disk or a busy file: the time of a last use is not worth an alarm, the next write takes it along.
      pending = new Map([...uses, ...pending]);
    }
  };

  return {
    note: (credential, at) => {
      pending.set(credential, at);
      if (timer !== null) return;
      const started = setTimeout(flush, WRITE_EVERY_MS);
      Deno.unrefTimer(started);
      timer = started;
    },
    [Symbol.dispose]: () => {
      if (timer !== null) clearTimeout(timer);
      if (pending.size > 0) flush();
    },
  };
}
