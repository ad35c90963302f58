/**
 * Connections to one of several servers: kept, counted, and opened to the next server when one does not work.
 *
 * @module
 */

import { fail, type Result } from "../src/lib/result.ts";
import type { LdapFailure } from "./ldap_connection.ts";
import type { LdapServer } from "./ldap_options.ts";
import { createTurns, type Turns } from "../src/lib/turns.ts";

/** As whom a connection is bound: the service account (or nobody), for searches, or whoever logged in last. */
export type LdapRole = "service" | "login";

/** What a connection is wanted for. */
export interface LdapUse {
  readonly role: LdapRole;
  readonly signal: AbortSignal;
}

/** What the pool has to know of a connection. */
export interface PooledConnection {
  /** Whether another question can be put. */
  readonly usable: boolean;
  close(): void;
}

/** How a pool works. */
export interface PoolOptions<Connection extends PooledConnection> {
  /** In the order of preference. */
  readonly servers: readonly LdapServer[];
  /** So many are in use at most; of each role as many may be kept. */
  readonly limit: number;
  /** Opens a connection that is ready for its role. */
  readonly open: (
    server: LdapServer,
    use: LdapUse,
  ) => Promise<Result<Connection, LdapFailure>>;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/** What is done with a connection. */
export type LdapWork<Connection, Value> = (
  connection: Connection,
  signal: AbortSignal,
) => Promise<Result<Value, LdapFailure>>;

interface Kept<Connection> {
  readonly connection: Connection;
  readonly server: LdapServer;
  readonly role: LdapRole;
  readonly since: number;
}

/** A server that did not work is left out this long, if there is another. */
const HOLD_MS = 30_000;
/** A kept connection is not used after this long: routers forget those that are quiet, and tell nobody. */
const IDLE_MS = 60_000;
/** Who gives up this late gives up because of the server. */
const PATIENCE_MS = 1000;

/** Connections to some servers of the same directory. */
export class LdapPool<Connection extends PooledConnection> implements AsyncDisposable {
  readonly #options: PoolOptions<Connection>;
  readonly #turns: Turns;
  readonly #closing = new AbortController();
  readonly #open = new Set<Connection>();
  /** The one used last is at the end. */
  readonly #kept = new Set<Kept<Connection>>();
  readonly #heldUntil = new Map<LdapServer, number>();

  constructor(options: PoolOptions<Connection>) {
    this.#options = options;
    this.#turns = createTurns(options.limit);
  }

  /**
   * Does the work on a connection to the first server that works, and again on the next one where the connection failed. So the work may
   * be done twice; a server may have seen it and not have answered.
   */
  async use<Value>({ role, signal }: LdapUse, work: LdapWork<Connection, Value>): Promise<Result<Value, LdapFailure>> {
    using both = eitherSignal(signal, this.#closing.signal);
    try {
      return await this.#turns(() => this.#onSomeServer({ role, signal: both.signal }, work), both.signal);
    } catch (reason) {
      // The line rejects only with the reason of the signal.
      if (!both.signal.aborted) throw reason;
      return fail({ kind: "aborted", text: "given up" });
    }
  }

  /** Closes all connections. What is under way ends, and what is asked afterwards fails. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort("over");
    for (const connection of this.#open) connection.close();
    this.#open.clear();
    this.#kept.clear();
    return Promise.resolve();
  }

  async #onSomeServer<Value>(use: LdapUse, work: LdapWork<Connection, Value>): Promise<Result<Value, LdapFailure>> {
    let last: Result<Value, LdapFailure> = fail({ kind: "unreachable", text: "there is no server" });
    for (const server of this.#inOrder()) {
      const begun = this.#options.now();
      last = await this.#onServer(server, use, work);
      if (last.ok || last.problem.kind === "refused") {
        this.#heldUntil.delete(server);
        return last;
      }
      const gaveUp = last.problem.kind === "aborted";
      if (!gaveUp || this.#options.now() - begun >= PATIENCE_MS) this.#hold(server);
      if (gaveUp) return last;
    }
    return last;
  }

  async #onServer<Value>(
    server: LdapServer,
    use: LdapUse,
    work: LdapWork<Connection, Value>,
  ): Promise<Result<Value, LdapFailure>> {
    const { role, signal } = use;
    for (;;) {
      const kept = this.#take(server, role);
      const opened = kept === null ? await this.#openTo(server, use) : { ok: true, value: kept } as const;
      if (!opened.ok) return opened;
      const connection = opened.value;
      const outcome = await work(connection, signal);
      if (connection.usable && !signal.aborted) this.#keep({ connection, server, role, since: this.#options.now() });
      else this.#drop(connection);
      // The server may have closed a kept connection long ago: that says nothing about the server.
      const stale = kept !== null && !outcome.ok && outcome.problem.kind === "closed";
      if (!stale || signal.aborted) return outcome;
      for (const other of this.#kept) if (other.server === server) this.#drop(other.connection);
    }
  }

  async #openTo(server: LdapServer, use: LdapUse): Promise<Result<Connection, LdapFailure>> {
    const opened = await this.#options.open(server, use);
    if (opened.ok) this.#open.add(opened.value);
    return opened;
  }

  /** Those that are held come last, so that one is asked in any case: who was held first is tried first. */
  #inOrder(): readonly LdapServer[] {
    const now = this.#options.now();
    const until = (server: LdapServer) => this.#heldUntil.get(server) ?? 0;
    const [free, held] = [(server: LdapServer) => until(server) <= now, (server: LdapServer) => until(server) > now];
    const order = this.#options.servers.filter(free);
    const [first] = order;
    // One asker finds out whether it works again, the others go on with the next meanwhile.
    if (first !== undefined && this.#heldUntil.has(first)) this.#hold(first);
    return [...order, ...this.#options.servers.filter(held).toSorted((a, b) => until(a) - until(b))];
  }

  #hold(server: LdapServer): void {
    this.#heldUntil.set(server, this.#options.now() + HOLD_MS);
  }

  #take(server: LdapServer, role: LdapRole): Connection | null {
    for (const kept of [...this.#kept].reverse()) {
      const { connection, since } = kept;
      if (!connection.usable || this.#options.now() - since > IDLE_MS) {
        this.#drop(connection);
      } else if (kept.server === server && kept.role === role) {
        this.#kept.delete(kept);
        return connection;
      }
    }
    return null;
  }

  #keep(kept: Kept<Connection>): void {
    this.#kept.add(kept);
    // After a change of servers there may be some to each.
    const [oldest] = this.#kept;
    if (oldest !== undefined && this.#kept.size > 2 * this.#options.limit) this.#drop(oldest.connection);
  }

  #drop(connection: Connection): void {
    connection.close();
    this.#open.delete(connection);
    for (const kept of this.#kept) if (kept.connection === connection) this.#kept.delete(kept);
  }
}

/** A signal that is aborted as soon as one of two is. Disposing lets go of both. */
function eitherSignal(one: AbortSignal, other: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const either = new AbortController();
  const onAbort = () => either.abort("over");
  for (const signal of [one, other]) signal.addEventListener("abort", onAbort, { once: true });
  if (one.aborted || other.aborted) onAbort();
  return {
    signal: either.signal,
    [Symbol.dispose]: () => {
      for (const signal of [one, other]) signal.removeEventListener("abort", onAbort);
    },
  };
}
