/**
 * One question to a daemon behind a Unix socket: a connection, octets out, octets back.
 *
 * @module
 */

import { concat } from "../../src/lib/octets.ts";
import { fail, type Result, succeed } from "../../src/lib/result.ts";

/** What is asked, and how the answer is known to be whole. */
export interface UnixQuestion<Value> {
  /** Where the socket may be; the first one that is there is used. */
  readonly paths: readonly string[];
  /** Sent in one write. */
  readonly octets: Uint8Array;
  /** What has come so far; `ended` when no more will. `undefined` while more has to come; an answer without a value is none. */
  readonly read: (octets: Uint8Array, ended: boolean) => Value | undefined;
}

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 200;
const CHUNK_OCTETS = 2048;

/**
 * Asks once. The problem is a short sentence for the log and holds nothing of what was sent. The queue of such a daemon is short, and a full
 * one answers EAGAIN at once instead of letting the caller wait: connecting is tried again until the signal, which ends everything. Never
 * rejects.
 */
export async function askUnix<Value>(
  { paths, octets, read }: UnixQuestion<Value>,
  signal: AbortSignal,
): Promise<Result<Value, string>> {
  let missing: string | null = null;
  for (const path of paths) {
    try {
      using connection = closedBy(signal, await connect(path, signal));
      return await converse(connection.conn, { path, octets, read });
    } catch (error) {
      if (signal.aborted) return fail(`given up before ${path} answered`);
      if (!(error instanceof Deno.errors.NotFound)) return fail(whyUnreachable(error, path));
      missing ??= path;
    }
  }
  return fail(`there is no socket ${missing}`);
}

async function connect(path: string, signal: AbortSignal): Promise<Deno.UnixConn> {
  for (let pause = FIRST_PAUSE_MS;; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    signal.throwIfAborted();
    try {
      return await Deno.connect({ transport: "unix", path });
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    }
    await wait(pause, signal);
  }
}

/** Closing is the only thing that ends a read. */
function closedBy(signal: AbortSignal, conn: Deno.UnixConn): Disposable & { readonly conn: Deno.UnixConn } {
  let open = true;
  const close = () => {
    if (open) conn.close();
    open = false;
  };
  signal.addEventListener("abort", close, { once: true });
  if (signal.aborted) close();
  return {
    conn,
    [Symbol.dispose]: () => {
      signal.removeEventListener("abort", close);
      close();
    },
  };
}

async function converse<Value>(
  conn: Deno.UnixConn,
  { path, octets, read }: Omit<UnixQuestion<Value>, "paths"> & { readonly path: string },
): Promise<Result<Value, string>> {
  for (let at = 0; at < octets.length;) at += await conn.write(octets.subarray(at));
  let have = new Uint8Array();
  for (const chunk = new Uint8Array(CHUNK_OCTETS);;) {
    const count = await conn.read(chunk);
    if (count !== null) have = concat(have, chunk.subarray(0, count));
    const value = read(have, count === null);
    if (value !== undefined) return succeed(value);
    if (count === null) return fail(`${path} closed the connection without an answer`);
  }
}

function whyUnreachable(error: unknown, path: string): string {
  if (error instanceof Deno.errors.ConnectionRefused) return `nobody listens at ${path}`;
  if (error instanceof Deno.errors.PermissionDenied) return `permission denied for ${path}`;
  return error instanceof Error ? `${path}: ${error.message}` : `${path}: unknown reason`;
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    resolve();
  };
  const timer = setTimeout(end, ms);
  signal.addEventListener("abort", end, { once: true });
  return promise;
}
