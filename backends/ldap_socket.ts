/**
 * The way to an LDAP server: TCP, TLS, and StartTLS (RFC 4511 section 4.14).
 *
 * StartTLS is done here and not by `ldapts`, whose client keeps what came before the handshake: an attacker on the way could put a
 * piece of an answer in front of TLS, and it would count as the server's.
 *
 * @module
 */

import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { concat } from "../src/lib/octets.ts";
import { fail, type Result, succeed } from "../src/lib/result.ts";
import { printable } from "../src/lib/text.ts";
import type { LdapServer } from "./ldap_options.ts";

/** How to connect. */
export interface ConnectOptions {
  readonly startTls: boolean;
  /** PEM; `null`: the authorities that the runtime trusts. */
  readonly ca: string | null;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
}

/** A way to a server, ready for the first request. */
export type LdapSocket = Socket | TLSSocket;

/** Opens the way. The problem is a sentence for the administrator; nothing stays open then. */
export async function connectLdap(server: LdapServer, options: ConnectOptions): Promise<Result<LdapSocket, string>> {
  const opened: Socket[] = [];
  const closeAll = () => {
    for (const socket of opened) socket.destroy();
  };
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(new Error("given up"));
  options.signal.addEventListener("abort", onAbort, { once: true });
  try {
    options.signal.throwIfAborted();
    return succeed(await Promise.race([open(server, options, opened), aborted.promise]));
  } catch (error) {
    closeAll();
    return fail(options.signal.aborted ? `no connection to ${nameOf(server)} in time` : problemOf(error, server));
  } finally {
    options.signal.removeEventListener("abort", onAbort);
  }
}

/** `host:port`, for messages. */
export function nameOf({ host, port }: LdapServer): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

async function open(
  server: LdapServer,
  { startTls, ca }: ConnectOptions,
  opened: Socket[],
): Promise<LdapSocket> {
  const { host, port, implicitTls } = server;
  const tls = { host, ...(isIP(host) === 0 ? { servername: host } : {}), ...(ca === null ? {} : { ca }) };
  if (implicitTls) return await ready(connectTls({ ...tls, port }), { event: "secureConnect", opened });
  const plain = await ready(connectTcp({ host, port }), { event: "connect", opened });
  if (!startTls) return plain;
  await requestTls(plain);
  return await ready(connectTls({ ...tls, socket: plain }), { event: "secureConnect", opened });
}

function ready<Opened extends Socket>(
  socket: Opened,
  { event, opened }: { readonly event: "connect" | "secureConnect"; readonly opened: Socket[] },
): Promise<Opened> {
  opened.push(socket);
  const { promise, resolve, reject } = Promise.withResolvers<Opened>();
  socket.once(event, () => resolve(socket));
  socket.once("close", () => reject(new Error("it closed the connection")));
  // For good: after an attempt that was given up nobody else listens, and an error that nobody hears ends the process.
  socket.on("error", reject);
  return promise;
}

/** ExtendedRequest of message 1 with the name 1.3.6.1.4.1.1466.20037. */
const START_TLS_REQUEST = Uint8Array.fromHex("301d02010177188016312e332e362e312e342e312e313436362e3230303337");
const EXTENDED_RESPONSE = 0x78;
const RESPONSE_LIMIT_OCTETS = 4096;

/** Resolves once the server has said yes, and nothing else. */
async function requestTls(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let received = new Uint8Array();
  const onData = (octets: Uint8Array) => {
    received = concat(received, octets);
    const code = startTlsCode(received);
    if (code === "more") return;
    if (code === 0) resolve();
    else {reject(
        new Error(code === "broken" ? "its answer to StartTLS is broken" : `it refused StartTLS (code ${code})`),
      );}
  };
  const onClose = () => reject(new Error("it closed the connection at StartTLS"));
  socket.on("data", onData);
  socket.once("close", onClose);
  try {
    socket.write(START_TLS_REQUEST);
    await promise;
  } finally {
    socket.off("data", onData);
    socket.off("close", onClose);
  }
}

/** The result code of one whole answer to message 1. Octets behind it are an attack: before TLS the server has nothing more to say. */
export function startTlsCode(octets: Uint8Array): number | "more" | "broken" {
  const message = element(octets, 0);
  if (message === "more") return octets.length > RESPONSE_LIMIT_OCTETS ? "broken" : "more";
  if (message.tag !== 0x30 || message.end !== octets.length) return "broken";
  const id = element(octets, message.start);
  if (id === "more" || id.tag !== 0x02 || id.end !== id.start + 1 || octets[id.start] !== 1) return "broken";
  const response = element(octets, id.end);
  if (response === "more" || response.tag !== EXTENDED_RESPONSE) return "broken";
  const code = element(octets, response.start);
  if (code === "more" || code.tag !== 0x0a || code.end !== code.start + 1) return "broken";
  return octets[code.start] ?? "broken";
}

/** The BER element at an offset: its tag, where its content begins and where it ends. */
function element(
  octets: Uint8Array,
  offset: number,
): { readonly tag: number; readonly start: number; readonly end: number } | "more" {
  const [tag, first] = octets.subarray(offset, offset + 2);
  if (tag === undefined || first === undefined) return "more";
  const count = first < 0x80 ? 0 : first & 0x7f;
  const start = offset + 2 + count;
  if (start > octets.length) return "more";
  const length = count === 0 ? first : octets.subarray(offset + 2, start).reduce((sum, octet) => sum * 256 + octet, 0);
  return start + length > octets.length ? "more" : { tag, start, end: start + length };
}

const PROBLEMS: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "connection refused"],
  ["ENOTFOUND", "no such host"],
  ["EAI_AGAIN", "its name cannot be resolved now"],
  ["EHOSTUNREACH", "no route to it"],
  ["ENETUNREACH", "no route to it"],
  ["ECONNRESET", "it reset the connection"],
  ["ETIMEDOUT", "no answer"],
]);

function problemOf(error: unknown, server: LdapServer): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = error instanceof Error ? printable(error.message.split("\n")[0] ?? "", 120) : typeof error;
  const known = PROBLEMS.get(code) ??
    (CERTIFICATE_REGEXP.test(code) ? `its certificate is not accepted, ${reason}` : null);
  return `cannot connect to ${nameOf(server)}: ${known ?? reason}`;
}

/** The codes by which Node.js and its successors tell what is wrong with a certificate. */
const CERTIFICATE_REGEXP = /CERT|VERIFY|ISSUER/;
