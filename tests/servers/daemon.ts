/**
 * A daemon that a test stops, starts again, and makes hang.
 *
 * @module
 */

import { type Folder, makeFolder, ServerProcess } from "./lib.ts";

/** How it is started. */
export interface DaemonOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** The line of its output that says that it answers. */
  readonly ready: (line: string) => boolean;
  /** What ends it and each of its processes. Default SIGTERM. */
  readonly ending?: Deno.Signal;
}

/** A daemon in a folder of its own. Disposing ends it, also while it hangs, and removes the folder. */
export class Daemon implements AsyncDisposable {
  readonly #folder: Folder;
  readonly #options: DaemonOptions;
  #process: ServerProcess | null = null;

  private constructor(folder: Folder, options: DaemonOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** Starts one in a new folder, which `prepare` fills. */
  static async start(prepare: (folder: string) => Promise<DaemonOptions>): Promise<Daemon> {
    const folder = await makeFolder({ open: true });
    try {
      const daemon = new Daemon(folder, await prepare(folder.path));
      await daemon.start();
      return daemon;
    } catch (cause) {
      await folder[Symbol.asyncDispose]();
      throw cause;
    }
  }

  get folder(): string {
    return this.#folder.path;
  }

  /** What it has written since it was started last. */
  get lines(): readonly string[] {
    return this.#process?.lines ?? [];
  }

  /** Starts it again; resolves when it answers. */
  async start(): Promise<void> {
    const { program, args, ready } = this.#options;
    const process = new ServerProcess(program, { args });
    this.#process = process;
    await process.line(ready);
  }

  /** Ends it with all of its processes. */
  async stop(): Promise<void> {
    if (this.#process === null) return;
    this.resume();
    this.#signal(this.#options.ending ?? "SIGTERM");
    await this.#process.ended;
    this.#process = null;
  }

  /** SIGSTOP to all of its processes: the system still accepts connections for it. */
  pause(): void {
    this.#signal("SIGSTOP");
  }

  /** SIGCONT. */
  resume(): void {
    this.#signal("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#folder[Symbol.asyncDispose]();
  }

  /** Its processes are one group, since it was started in a session of its own. */
  #signal(name: Deno.Signal): void {
    if (this.#process === null) return;
    try {
      Deno.kill(-this.#process.pid, name);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    }
  }
}
