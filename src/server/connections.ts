/**
 * Who is connected: the limits, the clock that looks after deadlines, and the drain at the end.
 *
 * @module
 */

import { hostOf, isLoopback } from "../lib/network.ts";
import type { LimitsConfig } from "../config/config.ts";
import type { Connection } from "./connection.ts";

const SWEEP_MS = 1_000;
const LOOPBACK_CONNECTIONS = 1_000;

/** All connections of the process. */
export class Connections implements Disposable {
  readonly #open = new Set<Connection>();
  readonly #byHost = new Map<string, number>();
  readonly #byListener = new Map<string, { open: number; total: number }>();
  readonly #sweeper: ReturnType<typeof setInterval>;
  readonly #now: () => number;
  #limits: LimitsConfig;
  #emptied: (() => void) | null = null;

  constructor(limits: LimitsConfig, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  /** How many are open. */
  get count(): number {
    return this.#open.size;
  }

  /** How many are open and how many there were, by the name of the listener. */
  get byListener(): ReadonlyMap<string, { readonly open: number; readonly total: number }> {
    return this.#byListener;
  }

  /** Takes the limits of a new configuration; connections that are open stay. */
  configure(limits: LimitsConfig): void {
    this.#limits = limits;
  }

  /** Whether one more from this address may come in; `null`: from none that is counted. */
  mayOpen(address: string | null): boolean {
    if (this.#open.size >= this.#limits.connections) return false;
    if (address === null) return true;
    const most = isLoopback(address)
      ? Math.max(LOOPBACK_CONNECTIONS, this.#limits.connectionsPerAddress)
      : this.#limits.connectionsPerAddress;
    return (this.#byHost.get(hostOf(address)) ?? 0) < most;
  }

  /** Counts a connection until it has ended; `address` as for `mayOpen`. */
  async serve(connection: Connection, address: string | null, listener: string): Promise<void> {
    const host = address === null ? null : hostOf(address);
    const sessions = this.#byListener.getOrInsert(listener, { open: 0, total: 0 });
    sessions.open++;
    sessions.total++;
    this.#open.add(connection);
    if (host !== null) this.#byHost.set(host, (this.#byHost.get(host) ?? 0) + 1);
    await connection.run();
    this.#open.delete(connection);
    sessions.open--;
    if (host !== null) this.#release(host);
    if (this.#open.size === 0) this.#emptied?.();
  }

  #release(host: string): void {
    const left = (this.#byHost.get(host) ?? 1) - 1;
    if (left === 0) this.#byHost.delete(host);
    else this.#byHost.set(host, left);
  }

  /** Says 421 to each that waits for a command, lets content under way end, and cuts what is left at `over`. */
  async drain(over: AbortSignal): Promise<void> {
    if (this.#open.size === 0) return;
    const emptied = new Promise<void>((resolve) => this.#emptied = resolve);
    for (const connection of this.#open) connection.shutDown();
    const end = () => {
      for (const connection of this.#open) connection.abort();
    };
    over.addEventListener("abort", end);
    if (over.aborted) end();
    await emptied;
    over.removeEventListener("abort", end);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#sweeper);
  }

  #sweep(): void {
    const now = this.#now();
    for (const connection of this.#open) connection.checkDeadline(now);
  }
}
