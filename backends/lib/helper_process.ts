/**
 * One process of a helper: lines in, lines out, and an end for it and whatever it has started.
 *
 * @module
 */

import { fail, type Result, succeed } from "../../src/lib/result.ts";
import { printable } from "../../src/lib/text.ts";
import { LINE_LIMIT_OCTETS } from "./helper_protocol.ts";
import { type OctetLine, octetLines } from "./octet_lines.ts";
import type { RunAs } from "./run_as.ts";

/** What is started. No shell sees the arguments. */
export interface Program {
  readonly path: string;
  readonly args: readonly string[];
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** `null`: the user of this process. */
  readonly as: RunAs | null;
}

/** What is told of a process. Nothing after `ended`. */
export interface ProcessEvents {
  line(line: OctetLine): void;
  /** A line of its standard error: printable, cut. */
  said(text: string): void;
  /** `how`: such as `ended with exit code 1`; `code` is `null` where a signal has ended it. */
  ended(how: string, code: number | null): void;
}

/** The environment of a program that gets nothing of ours. */
export const PLAIN_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C.UTF-8",
};

const SAID_LIMIT_OCTETS = 2000;
const SAID_LIMIT = 500;
/** How long output may be held open by what a process left behind, and how long one may take to end by itself. */
const PATIENCE_MS = 1000;

/** A process in a session of its own: a ^C at our terminal is not for it, and killing it kills its children. */
export class HelperProcess {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #ended: Promise<void>;
  #over = false;

  private constructor(program: Program, events: ProcessEvents) {
    const { path, args, env, as } = program;
    this.#child = new Deno.Command(path, {
      args: [...args],
      ...{ cwd: "/", clearEnv: true, env: { ...env }, detached: true },
      ...(as === null ? {} : { uid: as.uid, gid: as.gid }),
      ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#input.closed.catch(() => {});
    this.#ended = this.#run(events);
  }

  /** Starts it; the problem is a sentence. */
  static start(program: Program, events: ProcessEvents): Result<HelperProcess, string> {
    try {
      return succeed(new HelperProcess(program, events));
    } catch (error) {
      const why = error instanceof Error ? printable(error.message, 200) : "unknown reason";
      return fail(`cannot be started: ${why}`);
    }
  }

  /** Hands over octets. That they cannot be written is told by the end of the process. */
  send(octets: Uint8Array<ArrayBuffer>): void {
    this.#input.write(octets).catch(() => {});
  }

  /** There will be no more for it to read. */
  closeInput(): void {
    this.#input.close().catch(() => {});
  }

  /** Ends it with -9, and its children. */
  kill(): void {
    if (this.#over) return;
    try {
      Deno.kill(-this.#child.pid, "SIGKILL");
    } catch (error) {
      // It has ended in this moment; or it belongs to another user, and ends when its input does.
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) throw error;
    }
  }

  /** Closes its input, which asks it to end, and kills it when it does not. Resolves when it has ended. */
  async end(): Promise<void> {
    this.closeInput();
    const timer = setTimeout(() => this.kill(), PATIENCE_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  async #run(events: ProcessEvents): Promise<void> {
    const { stdout, stderr, status } = this.#child;
    const cut = new AbortController();
    const reading = [
      follow(stdout, { limit: LINE_LIMIT_OCTETS, signal: cut.signal, take: (line) => events.line(line) }),
      follow(stderr, {
        ...{ limit: SAID_LIMIT_OCTETS, signal: cut.signal },
        take: ({ octets }) => events.said(printable(new TextDecoder().decode(octets), SAID_LIMIT)),
      }),
    ];
    const { code, signal } = await status;
    const timer = setTimeout(() => cut.abort(), PATIENCE_MS);
    await Promise.all(reading);
    clearTimeout(timer);
    this.#over = true;
    if (signal === null) events.ended(`ended with exit code ${code}`, code);
    else events.ended(`was ended by ${signal}`, null);
  }
}

/** Takes lines until the end, or until the signal. */
async function follow(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  { limit, signal, take }: {
    readonly limit: number;
    readonly signal: AbortSignal;
    readonly take: (line: OctetLine) => void;
  },
): Promise<void> {
  const cut = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  // What was read before the signal is taken all the same.
  const piped = stream.pipeTo(cut.writable, { signal }).catch(() => {});
  try {
    for await (const line of octetLines(cut.readable, limit)) take(line);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  await piped;
}
