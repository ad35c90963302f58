/**
 * What the modules here share: folders that go away, ports that are free, and child processes whose output is awaited
 * line by line.
 *
 * @module
 */

/** Registers a test, as `Deno.test(name, run)` does. */
export type RegisterTest = (name: string, run: () => Promise<void>) => void;

/**
 * Gives a `Deno.test` for tests that need these programs. Where one is missing such a test is left out and says why; with
 * `DOKODEMO_TEST_ALL=1`, as in CI, it fails instead. A name with a slash is a path.
 */
export function requirePrograms(names: readonly string[]): RegisterTest {
  const missing = names.filter((name) => findProgram(name) === null);
  if (missing.length === 0) return (name, run) => Deno.test(name, run);
  const reason = `not on this machine: ${missing.join(", ")} (.ci/install installs what the tests use)`;
  if (Deno.env.get("DOKODEMO_TEST_ALL") === "1") {
    return (name) =>
      Deno.test(name, () => {
        throw new Error(reason);
      });
  }
  return (name, run) => Deno.test(`${name} (left out: ${reason})`, { ignore: true }, run);
}

/** The path of a program, looked for as the shell does and in the folders of the administrator's programs; `null`: it is not here. */
export function findProgram(name: string): string | null {
  if (name.includes("/")) return isFile(name) ? name : null;
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.map((folder) => `${folder}/${name}`).find(isFile) ?? null;
}

/** A temporary folder that is removed when it is disposed. */
export interface Folder extends AsyncDisposable {
  readonly path: string;
}

/** Makes a temporary folder; with `open` other users may look into it (Postfix's daemons run as such). */
export async function makeFolder(options: { readonly open?: boolean } = {}): Promise<Folder> {
  const path = await Deno.makeTempDir({ prefix: "dokodemo_test_" });
  if (options.open === true) await Deno.chmod(path, 0o755);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await Deno.remove(path, { recursive: true });
    },
  };
}

/**
 * A port on 127.0.0.1 that was free a moment ago, chosen by the system: for programs that have to be told a number. Ports given
 * out by one process differ.
 */
export function freePort(): number {
  for (;;) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    if (!givenPorts.has(port)) {
      givenPorts.add(port);
      return port;
    }
  }
}

const givenPorts = new Set<number>();

/** How a program ended and what it wrote, standard output and error together in the order of arrival. */
export interface Finished {
  readonly code: number;
  readonly output: string;
}

/** How to run a program. */
export interface RunOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Only `env`, nothing of this process's environment. */
  readonly clearEnv?: boolean;
  readonly cwd?: string;
  /** What it reads from standard input; nothing by default. */
  readonly input?: string | Uint8Array;
}

/** Runs a program to its end. */
export async function run(program: string, options: RunOptions = {}): Promise<Finished> {
  await using child = new ServerProcess(program, options);
  const { code } = await child.ended;
  return { code, output: child.output };
}

/** As `run`, but anything other than exit code 0 throws an `Error` with the output. */
export async function runOrThrow(program: string, options: RunOptions = {}): Promise<string> {
  const { code, output } = await run(program, options);
  if (code !== 0) {
    throw new Error(`Cannot run ${program} ${(options.args ?? []).join(" ")}: exit code ${code}\n${output}`);
  }
  return output;
}

/** A child process in a session of its own (some daemons signal their whole group), whose output is kept and can be awaited. */
export class ServerProcess implements AsyncDisposable {
  /** Every line so far, of standard output and error. */
  readonly lines: string[] = [];
  /** How it ended, once all of its output is here. */
  readonly ended: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #waiting = new Set<() => void>();
  #over = false;
  #quiet = false;

  constructor(program: string, options: RunOptions = {}) {
    this.#child = new Deno.Command(findProgram(program) ?? program, {
      args: [...(options.args ?? [])],
      env: { ...options.env },
      clearEnv: options.clearEnv ?? false,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdin: options.input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
    const reading = [this.#read(this.#child.stdout), this.#read(this.#child.stderr)];
    if (options.input !== undefined) reading.push(this.#feed(options.input));
    this.ended = this.#end(reading);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** All that it wrote. */
  get output(): string {
    return this.lines.map((line) => `${line}\n`).join("");
  }

  /** The first line, past or to come, that `matches`; throws with the whole output when the process ends without one. */
  async line(matches: (line: string) => boolean): Promise<string> {
    return (await this.matching(1, matches))[0] ?? "";
  }

  /** The first `count` lines, past or to come, that match. */
  async matching(count: number, matches: (line: string) => boolean): Promise<readonly string[]> {
    for (;;) {
      const found = this.lines.filter(matches);
      if (found.length >= count) return found.slice(0, count);
      if (this.#over) throw new Error(`Process ended before it wrote the awaited line:\n${this.output}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** From now on its output is read and thrown away, and no line is awaited: for servers under load that log much. */
  quiet(): void {
    this.#quiet = true;
  }

  /** Sends a signal; it is no fault if the process is gone. */
  signal(name: Deno.Signal): void {
    try {
      this.#child.kill(name);
    } catch (cause) {
      if (!this.#over && !(cause instanceof TypeError) && !(cause instanceof Deno.errors.NotFound)) throw cause;
    }
  }

  /** Sends a signal and waits for the end. */
  async stop(name: Deno.Signal = "SIGTERM"): Promise<Deno.CommandStatus> {
    this.signal(name);
    return await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) await this.stop();
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const octets of stream) {
      if (this.#quiet) continue;
      const parts = (rest + decoder.decode(octets, { stream: true })).split("\n");
      rest = parts.pop() ?? "";
      this.lines.push(...parts);
      this.#wake();
    }
    if (rest !== "") this.lines.push(rest);
  }

  async #feed(input: string | Uint8Array): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    try {
      await writer.write(typeof input === "string" ? new TextEncoder().encode(input) : Uint8Array.from(input));
      await writer.close();
    } catch (cause) {
      // A program may end without reading all of its input; its exit code tells.
      if (!(cause instanceof Deno.errors.BrokenPipe)) throw cause;
    }
  }

  async #end(reading: readonly Promise<void>[]): Promise<Deno.CommandStatus> {
    await Promise.all(reading);
    const status = await this.#child.status;
    this.#over = true;
    this.#wake();
    return status;
  }

  #wake(): void {
    const woken = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of woken) wake();
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
