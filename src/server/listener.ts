/**
 * One address that is listened on: accepts, refuses what is over the limits, and hands the rest to connections of the current generation.
 *
 * @module
 */

import { fail, type Result, succeed } from "../lib/result.ts";
import { canonicalAddress, type NetworkSet, networkSet } from "../lib/network.ts";
import type { ListenerConfig } from "../config/config.ts";
import type { Log } from "../log/event.ts";
import { formatReply, type Reply } from "../smtp/reply.ts";
import { REPLIES } from "../smtp/replies.ts";
import { Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";
import type { Generation } from "./generation.ts";
import { DIRECT, logFor, type Origin, readProxied } from "./proxied.ts";
import type { StartQueue } from "./start_queue.ts";
import { Transport } from "./transport.ts";

const TURN_AWAY_MS = 1_000;

/** What a listener needs of the server. */
export interface ListenerHost {
  readonly connections: Connections;
  readonly log: Log;
  readonly now: () => number;
  /** The generation that a new connection gets. */
  current(): Generation;
  /** ETRN. */
  readonly startQueue: StartQueue;
  /** Whether an address is banned now. */
  isBanned(remote: string): boolean;
  /** A fresh session id. */
  nextSession(): string;
}

/** A bound address. */
export class Listener {
  readonly #socket: Deno.TcpListener;
  #config: ListenerConfig;
  #proxies: NetworkSet;
  /** Connections of proxies that have still to say for whom. */
  readonly #unproven = new Set<Transport>();
  #accepting = false;

  private constructor(socket: Deno.TcpListener, config: ListenerConfig) {
    this.#socket = socket;
    this.#config = config;
    this.#proxies = networkSet(config.proxy);
  }

  /** Binds the address; the problem says what to do. */
  static bind(config: ListenerConfig): Result<Listener, string> {
    try {
      const socket = Deno.listen({ hostname: config.host, port: config.port, tcpBacklog: 1024 });
      return succeed(new Listener(socket, config));
    } catch (cause) {
      return fail(`Cannot listen on ${formatAddress(config)} (${config.name}): ${bindProblem(cause)}`);
    }
  }

  /** The address that was bound; the port is the system's choice where 0 was asked for. */
  get address(): string {
    const { hostname, port } = this.#socket.addr;
    return formatAddress({ host: hostname, port });
  }

  get config(): ListenerConfig {
    return this.#config;
  }

  /** Takes the settings of a new configuration for the same address. */
  configure(config: ListenerConfig): void {
    this.#config = config;
    this.#proxies = networkSet(config.proxy);
  }

  /** Whether clients are let in. */
  get accepting(): boolean {
    return this.#accepting;
  }

  /** Accepts until `close`. */
  async run(host: ListenerHost): Promise<void> {
    this.#accepting = true;
    while (this.#accepting) {
      try {
        this.#accept(await this.#socket.accept(), host);
      } catch (cause) {
        if (!this.#accepting) return;
        if (isClientGone(cause)) continue;
        // Out of descriptors: the next accept may do.
        const text = `Cannot accept on ${this.address}: ${cause instanceof Error ? cause.message : "unknown"}`;
        host.log({ kind: "warning", about: "accept", text });
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  /** Stops accepting. */
  close(): void {
    this.#accepting = false;
    try {
      this.#socket.close();
    } catch {
      // Closed before.
    }
    for (const transport of this.#unproven) transport.abort("closed");
  }

  #accept(conn: Deno.TcpConn, host: ListenerHost): void {
    const peer = canonicalAddress(conn.remoteAddr.hostname);
    const transport = new Transport(conn);
    if (this.#config.proxy.length === 0) return this.#open({ conn, transport, remote: peer, counted: peer, host });
    if (this.#proxies.has(peer)) return void this.#acceptProxied({ conn, transport, proxy: peer, host });
    const text = `Refused ${peer} at ${this.#config.name}: it is not in proxy, the networks of the proxies there`;
    host.log({ kind: "warning", about: "proxy", text });
    // To a client that expects TLS it would be noise.
    void turnAway(transport, this.#config.tls === "implicit" ? null : REPLIES.proxiesOnly);
  }

  /** Waits for the header, then goes on as if the client had come by itself. */
  async #acceptProxied(
    { conn, transport, proxy, host }: {
      readonly conn: Deno.TcpConn;
      readonly transport: Transport;
      readonly proxy: string;
      readonly host: ListenerHost;
    },
  ): Promise<void> {
    if (!host.connections.mayOpen(null)) return this.#refuse(proxy, transport, host);
    this.#unproven.add(transport);
    const { name } = this.#config;
    const read = await readProxied(transport, { proxy, listener: name, log: host.log });
    this.#unproven.delete(transport);
    if (read === null || !this.#accepting) return transport.abort("closed");
    this.#open({ conn, transport, ...read, host });
  }

  #open(
    { conn, transport, remote, counted, through = DIRECT, host }: {
      readonly conn: Deno.TcpConn;
      readonly transport: Transport;
      readonly remote: string;
      /** Whose connections are counted; `null`: nobody's. */
      readonly counted: string | null;
      readonly through?: Origin;
      readonly host: ListenerHost;
    },
  ): void {
    const { connections } = host;
    // Before anything is made for it: bots come by the thousand.
    if (host.isBanned(remote)) return void turnAway(transport, REPLIES.banned);
    if (!connections.mayOpen(counted)) return this.#refuse(remote, transport, host);
    setNoDelay(conn);
    const connection = new Connection({
      transport,
      generation: host.current(),
      listener: this.#config,
      session: host.nextSession(),
      remote,
      through,
      log: logFor(through, host.log),
      startQueue: host.startQueue,
      now: host.now,
    });
    void connections.serve(connection, counted, this.#config.name);
  }

  #refuse(remote: string, transport: Transport, { log }: ListenerHost): void {
    log({ kind: "warning", about: "connections", text: `Refused ${remote}: too many connections` });
    void turnAway(transport, REPLIES.tooManyConnections);
  }
}

async function turnAway(transport: Transport, reply: Reply | null): Promise<void> {
  const timer = setTimeout(() => transport.abort("deadline"), TURN_AWAY_MS);
  if (reply !== null) transport.write(formatReply(reply));
  await transport.close();
  clearTimeout(timer);
}

/** Writes `host:port`, an IPv6 address in brackets. */
export function formatAddress({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Replies are whole when they go out: waiting for more costs 40 ms (Nagle's algorithm and delayed acknowledgement). */
function setNoDelay(conn: Deno.TcpConn): void {
  try {
    conn.setNoDelay(true);
  } catch {
    // The client has gone already; the first read will say so.
  }
}

/** A client that resets its connection before it is accepted: with a pause for each, a few of them would keep all others out. */
function isClientGone(cause: unknown): boolean {
  return cause instanceof Deno.errors.NotConnected || cause instanceof Deno.errors.ConnectionAborted ||
    cause instanceof Deno.errors.ConnectionReset;
}

function bindProblem(cause: unknown): string {
  if (cause instanceof Deno.errors.AddrInUse) {
    return "the address is in use, stop the other program or choose another port";
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return "ports below 1024 need CAP_NET_BIND_SERVICE, or a (re)start as root with user =";
  }
  if (cause instanceof Deno.errors.AddrNotAvailable) return "this machine has no such address";
  return cause instanceof Error ? cause.message : "unknown reason";
}
