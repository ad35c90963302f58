/**
 * The networks from which each account has logged in, in a SQLite file of its own, so that the owner of an account under attack is
 * known again after a restart.
 *
 * @module
 */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { type Result, succeed } from "../lib/result.ts";
import { integer } from "./columns.ts";
import { type DatabaseProblem, type DatabaseShape, openDatabase } from "./database.ts";

const NETWORK_DATABASE: DatabaseShape = {
  what: "known networks",
  applicationId: 0x646f6b6e,
  migrations: [
    `
    CREATE TABLE known_network (
      account TEXT NOT NULL,
      network TEXT NOT NULL,
      last INTEGER NOT NULL,
      PRIMARY KEY (account, network)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX known_network_last ON known_network (account, last);
    `,
  ],
};

const DAY_MS = 24 * 60 * 60 * 1000;
const FORGOTTEN_AFTER_MS = 180 * DAY_MS;
const PER_ACCOUNT = 50;

/** Opens the file, or makes it; `null` keeps the networks in memory. */
export function openKnownNetworks(file: string | null): Result<KnownNetworksFile, DatabaseProblem> {
  if (file === null) {
    const database = new DatabaseSync(":memory:");
    for (const migration of NETWORK_DATABASE.migrations) database.exec(migration);
    return succeed(new KnownNetworksFile(database));
  }
  const opened = openDatabase(file, NETWORK_DATABASE);
  return opened.ok ? succeed(new KnownNetworksFile(opened.value)) : opened;
}

/**
 * The known networks of all accounts: the 50 latest of each, forgotten after 180 days without a login. Times are milliseconds since the
 * epoch. Made by `openKnownNetworks`.
 */
export class KnownNetworksFile implements Disposable {
  readonly #database: DatabaseSync;
  readonly #last: StatementSync;
  readonly #anybody: StatementSync;
  readonly #upsert: StatementSync;
  readonly #trim: StatementSync;

  constructor(database: DatabaseSync) {
    // Losing the last of them costs nobody more than a wait for a slot, so no login has to wait for the disk.
    database.exec("PRAGMA synchronous=NORMAL");
    this.#database = database;
    this.#last = database.prepare("SELECT last FROM known_network WHERE account = ? AND network = ?");
    this.#anybody = database.prepare("SELECT 1 FROM known_network WHERE network = ? AND last > ? LIMIT 1");
    this.#upsert = database.prepare("INSERT OR REPLACE INTO known_network (account, network, last) VALUES (?, ?, ?)");
    this.#trim = database.prepare(
      `DELETE FROM known_network WHERE account = ?1 AND network IN
         (SELECT network FROM known_network WHERE account = ?1 ORDER BY last DESC LIMIT -1 OFFSET ${PER_ACCOUNT})`,
    );
  }

  /** Whether the account has logged in from this network. */
  has(account: string, network: string, now: number): boolean {
    const last = this.#lastLogin(account, network);
    return last !== null && last > now - FORGOTTEN_AFTER_MS;
  }

  /** Whether anybody has logged in from this network since then, to a day. */
  hasAnybody(network: string, since: number): boolean {
    return this.#anybody.get(network, since) !== undefined;
  }

  /** Remembers a login. Written once a day for each network at most. */
  add(account: string, network: string, now: number): void {
    const last = this.#lastLogin(account, network);
    if (last !== null && last > now - DAY_MS) return;
    this.#upsert.run(account, network, now);
    this.#trim.run(account);
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #lastLogin(account: string, network: string): number | null {
    const row = this.#last.get(account, network);
    return row === undefined ? null : integer(row, "last");
  }
}
