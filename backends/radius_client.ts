/**
 * The RADIUS client's edge: sockets, repetitions (RFC 5080 section 2.2.1), failover.
 *
 * @module
 */

import { randomBytes, randomInt } from "node:crypto";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { canonicalAddress } from "../src/lib/network.ts";
import { fail, type Result, succeed } from "../src/lib/result.ts";
import {
  AUTHENTICATOR_OCTETS,
  encodeRequest,
  PACKET_LIMIT_OCTETS,
  type RadiusAttribute,
  type RadiusReply,
  type RadiusRequest,
  readReply,
  type ReplyFault,
} from "./radius_packet.ts";

/** A server. */
export interface RadiusServer {
  /** A name or an address. */
  readonly host: string;
  readonly port: number;
}

/** How servers are asked. */
export interface RadiusClientOptions {
  /** In the order in which they are asked; one at least. */
  readonly servers: readonly RadiusServer[];
  readonly secret: Uint8Array;
  /** The wait for the first answer; each repetition waits twice as long as the one before. */
  readonly retryMs: number;
  /** The longest wait for one question, over all servers. */
  readonly timeoutMs: number;
  /** How long a server that was silent is asked after all others. */
  readonly holdDownMs: number;
}

/** One question. The attributes may depend on the authenticator of the request, which is another for each server. */
export interface RadiusQuestion {
  readonly kind: RadiusRequest["kind"];
  readonly attributes: (authenticator: Uint8Array) => readonly RadiusAttribute[];
  /** Whether a reply without Message-Authenticator is none. */
  readonly signed: boolean;
}

/** Asks servers. After it is disposed every question ends at once. */
export interface RadiusClient extends Disposable {
  /** The first reply that is proved to be one. The problem is a short sentence for the log. Never rejects. */
  ask(question: RadiusQuestion, signal: AbortSignal): Promise<Result<RadiusReply, string>>;
}

/** Sendings to a server before the next one is asked; the last one is asked until the time is over. */
const SENDINGS = 2;
/** No wait for a repetition is longer (MRT of RFC 5080 section 2.2.1). */
const LONGEST_RETRY_MS = 16_000;
/** Waits are shorter by up to this part, so that clients which began together do not go on together. */
const JITTER = 0.1;

/** Makes a client; nothing is sent before the first question. `now` gives milliseconds and never goes back. */
export function createRadiusClient(
  options: RadiusClientOptions,
  now: () => number = () => performance.now(),
): RadiusClient {
  const { servers, holdDownMs, timeoutMs, retryMs } = options;
  const closed = new AbortController();
  const heldUntil = new Map<RadiusServer, number>();

  async function ask(question: RadiusQuestion, signal: AbortSignal): Promise<Result<RadiusReply, string>> {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort("time"), timeoutMs);
    const end = AbortSignal.any([signal, closed.signal, stop.signal]);
    const reply = Promise.withResolvers<RadiusReply>();
    const notes = new Set<string>();
    using attempts = new DisposableStack();
    try {
      const order = servers.toSorted((a, b) => Number(isHeld(a)) - Number(isHeld(b)));
      for (const [at, server] of order.entries()) {
        const address = await within(addressOf(server.host), { end });
        const made = address === null
          ? fail(`cannot resolve ${server.host}`)
          : openAttempt({ ...server, address }, { question, secret: options.secret });
        if (!made.ok) {
          notes.add(made.problem);
          continue;
        }
        const attempt = attempts.use(made.value);
        // A late reply still counts while the next server is asked already.
        attempt.reply.then((value) => {
          heldUntil.delete(server);
          reply.resolve(value);
        });
        const limit = at < order.length - 1 ? SENDINGS : Infinity;
        const answer = await repeat(attempt, { limit, retryMs, reply: reply.promise, end });
        if (answer !== null) return succeed(answer);
        notes.add(attempt.note());
        if (signal.aborted || closed.signal.aborted) break;
        if (question.kind === "access") heldUntil.set(server, now() + holdDownMs);
        if (end.aborted) break;
      }
      return fail([...notes].join("; "));
    } finally {
      clearTimeout(timer);
    }
  }

  function isHeld(server: RadiusServer): boolean {
    return (heldUntil.get(server) ?? -Infinity) > now();
  }

  return { ask, [Symbol.dispose]: () => closed.abort() };
}

/** The request to one server, on a socket of its own: its port is as hard to guess as its identifier. */
interface Attempt extends Disposable {
  /** Never settles without a reply. */
  readonly reply: Promise<RadiusReply>;
  /** Sends the same octets each time (RFC 2865 section 2.5); a server takes them for a repetition. */
  send(): Promise<void>;
  /** What is known of the silence, for the log. */
  note(): string;
}

interface RepeatOptions {
  readonly limit: number;
  readonly retryMs: number;
  readonly reply: Promise<RadiusReply>;
  readonly end: AbortSignal;
}

async function repeat(attempt: Attempt, { limit, retryMs, reply, end }: RepeatOptions): Promise<RadiusReply | null> {
  for (let sent = 0; sent < limit && !end.aborted; sent++) {
    await attempt.send();
    const ms = Math.min(retryMs * 2 ** sent, Math.max(retryMs, LONGEST_RETRY_MS));
    const answer = await within(reply, { ms: ms * (1 - JITTER * Math.random()), end });
    if (answer !== null) return answer;
  }
  return null;
}

/** The value, or `null` when the time is over or the signal is given first. */
async function within<Value>(
  value: Promise<Value>,
  { ms, end }: { readonly ms?: number; readonly end: AbortSignal },
): Promise<Value | null> {
  const over = Promise.withResolvers<null>();
  const onEnd = () => over.resolve(null);
  const timer = ms === undefined ? undefined : setTimeout(onEnd, ms);
  end.addEventListener("abort", onEnd, { once: true });
  if (end.aborted) onEnd();
  try {
    return await Promise.race([value, over.promise]);
  } finally {
    clearTimeout(timer);
    end.removeEventListener("abort", onEnd);
  }
}

function openAttempt(
  { host, port, address }: RadiusServer & { readonly address: string },
  { question, secret }: { readonly question: RadiusQuestion; readonly secret: Uint8Array },
): Result<Attempt, string> {
  const name = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
  const identifier = randomInt(256);
  const authenticator = randomBytes(AUTHENTICATOR_OCTETS);
  const request = { kind: question.kind, identifier, authenticator, attributes: question.attributes(authenticator) };
  const packet = encodeRequest(request, secret);
  const to = { transport: "udp", hostname: address, port } as const;
  let socket: Deno.DatagramConn;
  try {
    socket = Deno.listenDatagram({ transport: "udp", hostname: isIP(address) === 6 ? "::" : "0.0.0.0", port: 0 });
  } catch (error) {
    return fail(`cannot ask ${name}: ${reasonOf(error)}`);
  }
  const faults = new Set<ReplyFault>();
  let unsent: string | null = null;
  const check = (datagram: Uint8Array, from: Deno.NetAddr): RadiusReply | null => {
    if (canonicalAddress(from.hostname) !== canonicalAddress(address) || from.port !== port) return null;
    const read = readReply(datagram, { request, secret, signed: question.signed });
    if (read.ok) return read.value;
    faults.add(read.problem);
    return null;
  };
  return succeed({
    reply: receive(socket, check),
    send: async () => {
      try {
        await socket.send(packet, to);
        unsent = null;
      } catch (error) {
        unsent = reasonOf(error);
      }
    },
    note: () => unsent === null ? noteOf(name, faults) : `cannot ask ${name}: ${unsent}`,
    [Symbol.dispose]: () => socket.close(),
  });
}

/** The first datagram that passes; pending for ever once the socket is closed. */
function receive(
  socket: Deno.DatagramConn,
  check: (datagram: Uint8Array, from: Deno.NetAddr) => RadiusReply | null,
): Promise<RadiusReply> {
  const { promise, resolve } = Promise.withResolvers<RadiusReply>();
  const read = async () => {
    for (;;) {
      const [datagram, from] = await socket.receive(new Uint8Array(PACKET_LIMIT_OCTETS));
      const reply = from.transport === "udp" ? check(datagram, from) : null;
      if (reply !== null) return resolve(reply);
    }
  };
  // Reading ends with the socket, in whatever way the runtime tells it.
  read().catch(() => {});
  return promise;
}

function noteOf(name: string, faults: ReadonlySet<ReplyFault>): string {
  if (faults.has("forged")) return `answers of ${name} do not fit the secret: forged, or the secrets differ`;
  if (faults.has("unsigned")) return `answers of ${name} have no Message-Authenticator (require_message_authenticator)`;
  return `no answer from ${name}`;
}

async function addressOf(host: string): Promise<string | null> {
  if (isIP(host) !== 0) return host;
  try {
    return (await lookup(host)).address;
  } catch {
    return null;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown reason";
}
