/**
 * HTTP for a socket that everybody on this machine may open. `Deno.serve` keeps a connection whose request never ends for as long as
 * its client likes, and has no limit for how many: any local user could take all our descriptors, and with them the SMTP service.
 * Here a connection is one request (HTTP/1.0 or 1.1, RFC 9112), there are few at a time, and each phase has a deadline.
 *
 * @module
 */

import { concat, latin1, utf8 } from "../lib/octets.ts";
import { problem } from "./problem.ts";

/** What one client, and all of them, may use. */
export interface StrangerLimits {
  /** At the same time. When all are taken, the oldest whose request is not complete has to go; without one the new one gets 503. */
  readonly connections: number;
  /** For the request line and the header fields together. */
  readonly headOctets: number;
  readonly bodyOctets: number;
  /** From the connection to the end of the request. */
  readonly requestMs: number;
  /** From there to the end of the answer. */
  readonly answerMs: number;
}

interface Guest {
  readonly connection: Deno.Conn;
  reading: boolean;
  readonly close: () => void;
}

const REQUEST_LINE_REGEXP = /^([A-Z]{1,16}) (\/[\x21-\x7e]*) HTTP\/1\.[01]$/;
const FIELD_REGEXP = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/;
const HEAD_END = "\r\n\r\n";

/** Serves until disposed, which lets complete requests be answered, for `graceMs` at most, and ends all others at once. */
export function serveStrangers(
  listener: Deno.Listener,
  options: {
    readonly handler: (request: Request) => Response | Promise<Response>;
    readonly limits: StrangerLimits;
    readonly graceMs: number;
  },
): AsyncDisposable {
  const { limits } = options;
  const guests = new Set<Guest>();
  const conversations = new Set<Promise<void>>();

  const admit = (connection: Deno.Conn) => {
    if (guests.size >= limits.connections) [...guests].find((guest) => guest.reading)?.close();
    if (guests.size >= limits.connections) return void turnAway(connection);
    const gone = Promise.withResolvers<void>();
    const guest: Guest = {
      connection,
      reading: true,
      close: () => {
        if (guests.delete(guest)) connection.close();
        gone.resolve();
      },
    };
    guests.add(guest);
    // A handler that never answers must not keep us: the conversation is over when its connection is.
    const conversation = Promise.race([gone.promise, converse(guest, options)]).catch(() => {}).finally(() => {
      guest.close();
      conversations.delete(conversation);
    });
    conversations.add(conversation);
  };

  const accepting = acceptAll(listener, admit);
  return {
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const guest of guests) if (guest.reading) guest.close();
      const timer = setTimeout(() => guests.forEach((guest) => guest.close()), options.graceMs);
      await Promise.all(conversations);
      clearTimeout(timer);
    },
  };
}

async function turnAway(connection: Deno.Conn): Promise<void> {
  const answer = problem(503, { detail: "Too many ask at the same time: try again in a minute" });
  await writeAnswer(connection, answer).catch(() => {});
  connection.close();
}

async function acceptAll(listener: Deno.Listener, admit: (connection: Deno.Conn) => void): Promise<void> {
  for (;;) {
    try {
      admit(await listener.accept());
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
      // No descriptor is free, or a client left before it was accepted: the others must still get in.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Rejects when the connection ends early, whoever ended it. */
async function converse(
  guest: Guest,
  { handler, limits }: {
    readonly handler: (request: Request) => Response | Promise<Response>;
    readonly limits: StrangerLimits;
  },
): Promise<void> {
  let timer = setTimeout(guest.close, limits.requestMs);
  try {
    const request = await readRequest(guest.connection, limits);
    guest.reading = false;
    clearTimeout(timer);
    timer = setTimeout(guest.close, limits.answerMs);
    await writeAnswer(guest.connection, request instanceof Response ? request : await handler(request));
  } finally {
    clearTimeout(timer);
  }
}

/** A complete request, or the answer to what is none. */
async function readRequest(connection: Deno.Conn, limits: StrangerLimits): Promise<Request | Response> {
  const buffer = new Uint8Array(limits.headOctets + limits.bodyOctets);
  let filled = 0;
  const more = async () => {
    const count = filled === buffer.length ? null : await connection.read(buffer.subarray(filled));
    filled += count ?? 0;
    return count !== null;
  };

  let end = -1;
  while (end < 0) {
    if (filled > limits.headOctets || !await more()) return problem(400, { detail: "This is no HTTP request" });
    end = latin1(buffer.subarray(0, filled)).indexOf(HEAD_END);
  }
  const head = parseHead(latin1(buffer.subarray(0, end)));
  if (head === null) return problem(400, { detail: "This is no HTTP request" });
  const { length } = head;
  if (length === null) return problem(400, { detail: "A body needs a Content-Length" });
  if (length > limits.bodyOctets) {
    return problem(413, { detail: `A body may have ${limits.bodyOctets} octets at most` });
  }

  const start = end + HEAD_END.length;
  while (filled < start + length) {
    if (!await more()) return problem(400, { detail: "The request is cut off" });
  }
  return head.request(buffer.slice(start, start + length));
}

/** `length`: of the body, null where it is not told by one plain Content-Length (RFC 9112 section 6.3: chunks are not read here). */
function parseHead(
  text: string,
): { readonly length: number | null; readonly request: (body: Uint8Array<ArrayBuffer>) => Request } | null {
  const [first = "", ...lines] = text.split("\r\n");
  const [, method, target] = REQUEST_LINE_REGEXP.exec(first) ?? [];
  const url = target === undefined ? null : URL.parse(`http://localhost${target}`);
  if (method === undefined || url === null || method === "CONNECT" || method === "TRACE" || method === "TRACK") {
    return null;
  }
  const headers = new Headers();
  for (const line of lines) {
    const [, name, value] = FIELD_REGEXP.exec(line) ?? [];
    if (name === undefined || value === undefined) return null;
    headers.append(name, value);
  }
  const told = headers.get("content-length") ?? "0";
  const length = /^\d{1,9}$/.test(told) && !headers.has("transfer-encoding") ? Number(told) : null;
  const bare = method === "GET" || method === "HEAD";
  return { length, request: (body) => new Request(url, { method, headers, body: bare ? null : body }) };
}

async function writeAnswer(connection: Deno.Conn, response: Response): Promise<void> {
  const body = new Uint8Array(await response.arrayBuffer());
  const fields = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const length = response.status === 204 ? "" : `content-length: ${body.length}\r\n`;
  const head = `HTTP/1.1 ${response.status} ${response.statusText}\r\n${fields}${length}connection: close\r\n\r\n`;
  const octets = concat(utf8(head), body);
  for (let at = 0; at < octets.length;) at += await connection.write(octets.subarray(at));
}
