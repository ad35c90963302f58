/**
 * A Worker as a partner that answers each message with one, or dies.
 *
 * @module
 */

import { fail, type Result, succeed } from "../lib/result.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";

/** Starts the Worker of the spool, with permissions for `data_dir` alone. */
export function startSpoolWorker(dir: string): Worker {
  return new Worker(new URL("./spool_worker.ts", import.meta.url), {
    type: "module",
    name: "spool",
    deno: {
      permissions: {
        read: [dir],
        write: [dir],
        net: false,
        env: false,
        run: false,
        ffi: false,
        sys: false,
        import: false,
      },
    },
  });
}

/** The main thread's end of a Worker. One exchange at a time. */
export class WorkerPeer {
  readonly #worker: Worker;
  #waiting: ((reply: Result<FromWorker, string>) => void) | null = null;
  #dead: string | null = null;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = (event: MessageEvent<FromWorker>) => this.#reply(succeed(event.data));
    worker.onmessageerror = () => this.#die("its message cannot be read");
    worker.onerror = (event) => {
      // Without this Deno ends the process.
      event.preventDefault();
      this.#die(event.message);
    };
  }

  /**
   * Sends a message and waits for the reply to it. The problem says why there is none; the Worker is dead then. One that ends itself
   * gives no event, hence the deadline.
   */
  exchange(
    message: ToWorker,
    options: { readonly transfer: Transferable[]; readonly deadlineMs: number | null },
  ): Promise<Result<FromWorker, string>> {
    if (this.#dead !== null) return Promise.resolve(fail(this.#dead));
    const { deadlineMs } = options;
    return new Promise((resolve) => {
      const deadline = deadlineMs === null
        ? undefined
        : setTimeout(() => this.#die(`no reply for ${deadlineMs} ms`), deadlineMs);
      this.#waiting = (reply) => {
        clearTimeout(deadline);
        resolve(reply);
      };
      this.#worker.postMessage(message, options.transfer);
    });
  }

  terminate(): void {
    this.#die("terminated");
  }

  #die(why: string): void {
    if (this.#dead !== null) return;
    this.#dead = why;
    this.#worker.terminate();
    this.#reply(fail(why));
  }

  #reply(reply: Result<FromWorker, string>): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.(reply);
  }
}
