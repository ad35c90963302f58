/**
 * The load generator and the sink: compiled once, run as processes, read as JSON.
 *
 * @module
 */

import { freePort, makeFolder, run, runOrThrow, ServerProcess } from "../tests/servers/lib.ts";

const HERE = new URL(".", import.meta.url).pathname;
const BIN = `${HERE}bin`;

/** Compiles the C programs into bench/bin. Needs gcc and OpenSSL's headers. */
export async function compileTools(): Promise<void> {
  await Deno.mkdir(BIN, { recursive: true });
  const gcc = (name: string, ...libraries: string[]) =>
    runOrThrow("gcc", { args: ["-O2", "-o", `${BIN}/${name}`, `${HERE}${name}.c`, ...libraries] });
  await gcc("smtpload", "-lssl", "-lcrypto");
  await gcc("smtpsink");
}

/** A mechanism, as smtpload names it. */
export type LoadMechanism = "plain" | "login" | "cram-md5" | "digest-md5" | "scram-sha-256";

/** What smtpload does; see the head of smtpload.c. */
export interface LoadOptions {
  readonly port: number;
  readonly tls: "none" | "starttls" | "smtps";
  readonly mechanism: LoadMechanism;
  /** With `accounts` a format such as `user%ld@baz.co.jp`. */
  readonly user: string;
  readonly password: string;
  readonly sessions: number;
  /** Logins or mails in all. */
  readonly total: number;
  readonly mode: "auth" | "send";
  /** Mails on one connection. */
  readonly mailsPerSession?: number;
  readonly octets?: number;
  readonly accounts?: number;
  /** The reply code that ends a login. Default 235. */
  readonly expect?: number;
  /** With PLAIN and LOGIN: every second login has this password, and has to end in 535. */
  readonly wrongPassword?: string;
  readonly deadlineSeconds?: number;
}

/** What smtpload saw. */
export interface LoadResult {
  readonly ok: number;
  /** Those that failed, or were not over at the deadline. */
  readonly lost: number;
  readonly seconds: number;
  /** Of `ok`, a second. */
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly firstUnexpected: string | null;
}

/** Runs smtpload to its end. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const { output } = await run(`${BIN}/smtpload`, { args: loadArgs(options) });
  const line = output.split("\n").find((text) => text.startsWith("{"));
  if (line === undefined) throw new Error(`Cannot read what smtpload says: ${output}`);
  return parseResult(JSON.parse(line));
}

function loadArgs(options: LoadOptions): readonly string[] {
  const { port, tls, mechanism, user, password, sessions, total, mode } = options;
  return [
    ...["-p", `${port}`, "-t", tls, "-a", mechanism, "-u", user, "-w", password],
    ...["-c", `${sessions}`, "-n", `${total}`, "-M", mode, "-D", `${options.deadlineSeconds ?? 120}`],
    ...["-m", `${options.mailsPerSession ?? 1}`, "-s", `${options.octets ?? 4096}`],
    ...(options.accounts === undefined ? [] : ["-U", `${options.accounts}`]),
    ...(options.expect === undefined ? [] : ["-x", `${options.expect}`]),
    ...(options.wrongPassword === undefined ? [] : ["-W", options.wrongPassword]),
    ...["-I", crypto.randomUUID().slice(0, 8)],
  ];
}

/** What smtpload prints, as far as it is used. */
interface SmtploadJson extends Pick<LoadResult, "ok" | "seconds" | "rate" | "firstUnexpected"> {
  readonly failed: number;
  readonly unfinished: number;
  readonly notStarted: number;
  readonly latMs: Pick<LoadResult, "p50" | "p99">;
}

function parseResult({ failed, unfinished, notStarted, latMs, ...json }: SmtploadJson): LoadResult {
  const { ok, seconds, rate, firstUnexpected } = json;
  return { ok, lost: failed + unfinished + notStarted, seconds, rate, p50: latMs.p50, p99: latMs.p99, firstUnexpected };
}

/** Opens sessions, logs each in and keeps them idle until disposed. Resolves when all are there; throws when some are not. */
export async function holdSessions(
  options: Pick<LoadOptions, "port" | "tls" | "mechanism" | "user" | "password" | "sessions">,
): Promise<AsyncDisposable> {
  const { port, tls, mechanism, user, password, sessions } = options;
  const args = ["-p", `${port}`, "-t", tls, "-a", mechanism, "-u", user, "-w", password, "-c", `${sessions}`];
  const process = new ServerProcess(`${BIN}/smtpload`, { args: [...args, "-M", "idle", "-T", "600", "-D", "700"] });
  const ready = await process.line((line) => line.startsWith("READY "));
  if (ready !== `READY ${sessions}`) {
    await process.stop();
    throw new Error(`Cannot hold ${sessions} sessions: ${ready}`);
  }
  return process;
}

/** A next hop that takes every mail and counts. */
export interface Sink extends AsyncDisposable {
  readonly port: number;
  /** Mails so far. */
  count(): Promise<number>;
}

/** Starts smtpsink. */
export async function startSink(): Promise<Sink> {
  const folder = await makeFolder();
  const port = freePort();
  const file = `${folder.path}/count`;
  const process = new ServerProcess(`${BIN}/smtpsink`, { args: [`${port}`, file] });
  await reachable(port);
  return {
    port,
    count: async () => {
      const octets = await Deno.readFile(file);
      return Number(new DataView(octets.buffer).getBigUint64(0, true));
    },
    [Symbol.asyncDispose]: async () => {
      await process.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function reachable(port: number): Promise<void> {
  for (;;) {
    try {
      using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
      return;
    } catch (cause) {
      if (!(cause instanceof Deno.errors.ConnectionRefused)) throw cause;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
