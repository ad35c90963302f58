/**
 * Connections that a proxy makes for others: what it says of them, and what becomes of those of which it says nothing.
 *
 * @module
 */

import { type ProxyHeader, readProxyHeader } from "../lib/proxy_header.ts";
import type { ClientTls } from "../lib/proxy_tlvs.ts";
import type { Log, LogEvent } from "../log/event.ts";
import type { TlsState } from "../smtp/session_state.ts";
import { TransportEnded } from "./octet_stream.ts";
import type { Transport } from "./transport.ts";

/** A proxy sends its header with the first octets; one that has to be waited for longer sends none. */
const HEADER_LIMIT_MS = 3_000;

/** How a connection has come to us. */
export interface Origin {
  /** The proxy's address; `null`: the client has come by itself. */
  readonly proxy: string | null;
  /** The TLS that ended at the proxy. */
  readonly tls: ClientTls | null;
  /** Neither logins nor mail: nobody's rights are known, or it is a health check. */
  readonly mayOnlyLook: boolean;
  /** A health check comes every few seconds and is worth no line of the log; of what may be one only what no check does is. */
  readonly check: "yes" | "maybe" | "no";
}

/** Without a proxy. */
export const DIRECT: Origin = { proxy: null, tls: null, mayOnlyLook: false, check: "no" };

/** For whom a proxy has connected. */
export interface Proxied {
  /** The client's address; the proxy's own where it has none. */
  readonly remote: string;
  /** Whose connections are counted: proxies have as many as they like. */
  readonly counted: string | null;
  readonly through: Origin;
}

/** Reads the header. `null`: there is none that could be believed; it is logged, and the connection is to be closed. Never rejects. */
export async function readProxied(
  transport: Transport,
  { proxy, listener, log }: { readonly proxy: string; readonly listener: string; readonly log: Log },
): Promise<Proxied | null> {
  const read = await readHeader(transport);
  if (read.kind === "header") return proxiedBy(proxy, read.header, { listener, log });
  if (read.kind === "refused") {
    log({ kind: "warning", about: "proxy", text: `Closed a connection of ${proxy} at ${listener}: ${read.why}` });
  }
  return null;
}

type Read =
  | { readonly kind: "header"; readonly header: ProxyHeader }
  | { readonly kind: "refused"; readonly why: string }
  /** Somebody who only looked whether the port is open, or we have closed it ourselves. */
  | { readonly kind: "gone" };

async function readHeader(transport: Transport): Promise<Read> {
  const timer = setTimeout(() => transport.abort("deadline"), HEADER_LIMIT_MS);
  try {
    const found = await transport.readFirst((octets) => {
      const read = readProxyHeader(octets);
      if (read.kind === "more") return null;
      return read.kind === "bad" ? { ...read, octets: 0 } : read;
    });
    if (found === null) {
      return transport.octetsRead === 0 ? { kind: "gone" } : { kind: "refused", why: "its PROXY header is cut short" };
    }
    return found.kind === "header" ? found : { kind: "refused", why: `no PROXY header, ${found.why}` };
  } catch (cause) {
    if (!(cause instanceof TransportEnded)) throw cause;
    if (cause.because === "deadline") {
      return { kind: "refused", why: `no PROXY header within ${HEADER_LIMIT_MS / 1000} s` };
    }
    if (cause.because === "closed" || transport.octetsRead === 0) return { kind: "gone" };
    return { kind: "refused", why: "its PROXY header is cut short" };
  } finally {
    clearTimeout(timer);
  }
}

function proxiedBy(
  proxy: string,
  header: ProxyHeader,
  { listener, log }: { readonly listener: string; readonly log: Log },
): Proxied {
  const origin = { ...DIRECT, proxy };
  switch (header.kind) {
    case "client":
      return {
        ...{ remote: header.address, counted: header.address },
        // In version 1 HAProxy names itself as the client of its checks.
        through: { ...origin, tls: header.tls, check: header.address === proxy ? "maybe" : "no" },
      };
    case "health":
      return { remote: proxy, counted: null, through: { ...origin, mayOnlyLook: true, check: "yes" } };
    case "nobody": {
      const text =
        `${proxy} has a client at ${listener} without an address (${header.family}), which may neither log in nor send`;
      log({ kind: "warning", about: "proxy", text });
      return { remote: proxy, counted: null, through: { ...origin, mayOnlyLook: true } };
    }
  }
}

/** The TLS that ended at the proxy, as the session's: what a client binds to is the proxy's certificate, which we do not know. */
export function tlsThrough(
  { proxy, tls }: Origin,
  { session, remote, log }: { readonly session: string; readonly remote: string; readonly log: Log },
): TlsState | null {
  if (proxy === null || tls === null) return null;
  const { version, cipher, commonName } = tls;
  log({ kind: "tls", session, remote, proxy, version, cipher, ...commonName !== null && { commonName } });
  return { version, cipher, binding: null };
}

/** What the log has of a connection that looks like a health check. */
export function logFor({ check }: Origin, log: Log): Log {
  switch (check) {
    case "no":
      return log;
    case "yes":
      return (event) => {
        if (event.kind !== "refused" && !isTrivial(event)) log(event);
      };
    case "maybe":
      return reservedLog(log);
  }
}

/** Says nothing before something happens that no health check does. */
function reservedLog(log: Log): Log {
  const held: LogEvent[] = [];
  let isTold = false;
  return (event) => {
    isTold ||= !isTrivial(event);
    held.push(event);
    if (isTold) { for (const each of held.splice(0)) log(each); }
  };
}

function isTrivial({ kind }: LogEvent): boolean {
  return kind === "disconnected" || kind === "tls" || kind === "tls-failed";
}
