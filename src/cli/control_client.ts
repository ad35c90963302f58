/**
 * HTTP over a Unix socket, for commands that talk to the running server. Not by `fetch` with a Unix `proxy`: with HTTP_PROXY in the
 * environment Deno 2.9 sends the request, and the password in it, to that proxy over TCP instead.
 *
 * @module
 */

import { DEFAULT_CONFIG_FILE, DEFAULT_DATA_DIR, readDataDir } from "../config/data_dir.ts";
import { concat, utf8 } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";

/** An answer; `body` is its JSON, or null when it has none. */
export interface SocketAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** `no-server`: nobody listens there. `no-permission`: we may not ask. `io`: the conversation failed, or it cannot be told. */
export interface SocketProblem {
  readonly kind: "no-server" | "no-permission" | "io";
  readonly message: string;
}

/**
 * The `data_dir` of a command that works with the running server: of the configuration, where that cannot be read $DOKODEMO_DATA_DIR,
 * then the default. A file that was named and cannot be read is a problem: the default could be another server's.
 */
export async function findDataDir(named: string | undefined): Promise<Result<string, string>> {
  const file = named ?? Deno.env.get("DOKODEMO_CONFIG");
  const found = await readDataDir(file ?? DEFAULT_CONFIG_FILE) ?? Deno.env.get("DOKODEMO_DATA_DIR") ?? "";
  if (found !== "") return succeed(found);
  if (file !== undefined) return fail(`Cannot read ${file}: set DOKODEMO_DATA_DIR to the data_dir in it`);
  return succeed(DEFAULT_DATA_DIR);
}

/** Asks the server behind a socket. `path` and `body` are those of the request; `timeoutMs` holds for the whole, default 70 s. */
export async function requestOverSocket(
  socket: string,
  request: {
    readonly method: "GET" | "POST" | "PUT" | "DELETE";
    readonly path: string;
    readonly body?: unknown;
    readonly timeoutMs?: number;
  },
): Promise<Result<SocketAnswer, SocketProblem>> {
  let connection: Deno.UnixConn;
  try {
    connection = await connect(socket);
  } catch (error) {
    return fail({ kind: connectProblem(error), message: `Cannot connect to ${socket}: ${reasonOf(error)}` });
  }
  const timeoutMs = request.timeoutMs ?? 70_000;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    connection.close();
  }, timeoutMs);
  try {
    // A server that has heard enough (413, 503) answers and closes: that breaks our write, and the answer is there all the same.
    const unsent = await writeAll(connection, encodeRequest(request)).then(() => null, (error: unknown) => error);
    const received = await readAll(connection);
    if (received === "" && unsent !== null) throw unsent;
    const answer = parseAnswer(received);
    return answer.ok ? answer : fail({ kind: "io", message: `Cannot read the answer of ${socket}: ${answer.problem}` });
  } catch (error) {
    const reason = late ? `no answer within ${timeoutMs} ms` : reasonOf(error);
    return fail({ kind: "io", message: `Cannot talk to ${socket}: ${reason}` });
  } finally {
    clearTimeout(timer);
    if (!late) connection.close();
  }
}

/** A Unix socket whose queue is full refuses with EAGAIN instead of letting us wait: try again for two seconds. */
async function connect(socket: string): Promise<Deno.UnixConn> {
  for (let left = 40;; left--) {
    try {
      return await Deno.connect({ transport: "unix", path: socket });
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock) || left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function connectProblem(error: unknown): SocketProblem["kind"] {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) return "no-server";
  return error instanceof Deno.errors.PermissionDenied ? "no-permission" : "io";
}

/** HTTP/1.0 (RFC 1945): the answer is never chunked and ends with the connection. */
function encodeRequest(
  { method, path, body }: { readonly method: string; readonly path: string; readonly body?: unknown },
): Uint8Array {
  const octets = utf8(body === undefined ? "" : JSON.stringify(body));
  const fields = ["Host: localhost", "Content-Type: application/json", `Content-Length: ${octets.length}`];
  return concat(utf8(`${method} ${path} HTTP/1.0\r\n${fields.join("\r\n")}\r\n\r\n`), octets);
}

async function writeAll(connection: Deno.Conn, octets: Uint8Array): Promise<void> {
  for (let at = 0; at < octets.length;) at += await connection.write(octets.subarray(at));
}

/** All until the other side closes; a reset after the first octet is an end like any, for `parseAnswer` knows what is missing. */
async function readAll(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  try {
    for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
      text += decoder.decode(buffer.subarray(0, count), { stream: true });
    }
  } catch (error) {
    if (text === "") throw error;
  }
  return text + decoder.decode();
}

/** The problem quotes nothing of the answer. */
function parseAnswer(text: string): Result<SocketAnswer, string> {
  const end = text.indexOf("\r\n\r\n");
  const [statusLine = "", ...fields] = text.slice(0, Math.max(end, 0)).split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(statusLine)?.[1];
  if (status === undefined) return fail("it is no HTTP");
  const body = text.slice(end + 4);
  const length = fields.map((field) => /^content-length: *(\d+)$/i.exec(field)?.[1]).find((it) => it !== undefined);
  if (length !== undefined && utf8(body).length !== Number(length)) return fail("it is cut off");
  try {
    return succeed({ status: Number(status), body: body === "" ? null : JSON.parse(body) });
  } catch {
    return fail("it is no JSON");
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
