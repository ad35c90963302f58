/**
 * The authentication log in the records file. Events wait in memory for a second and are written together.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { integer, text } from "../accounts/columns.ts";
import { readNumber } from "../accounts/database.ts";
import { INSERT_AUTHENTICATION, isNobodys, listQuery, nameKey, readRecord, rowOf } from "./authentication_row.ts";
import type {
  AuthenticationEvent,
  AuthenticationFilter,
  AuthenticationRecord,
  Authentications,
  StaleClient,
} from "./records.ts";
import { relaxedTransaction } from "./relaxed.ts";

/** How much of the log is kept, and what it may cost. */
export interface AuthenticationLimits {
  /** Events in memory. */
  readonly waiting: number;
  /** Failures that concern no account, in one second. */
  readonly nobodysPerSecond: number;
  /** Rows in the file. */
  readonly rows: number;
}

/** What the server works with. */
export const AUTHENTICATION_LIMITS: AuthenticationLimits = {
  waiting: 5000,
  nobodysPerSecond: 200,
  rows: 1_000_000,
};

const WRITE_EVERY_MS = 1000;
/** Rows that a sweep removes in one transaction, so that nobody waits long for the file, and in all, so that the server does not. */
const [SWEPT_AT_ONCE, SWEPT_ROWS] = [1000, 10_000];

/** The authentication log of this file. */
export class SqliteAuthentications implements Authentications {
  readonly #database: DatabaseSync;
  readonly #limits: AuthenticationLimits;
  readonly #insert: StatementSync;
  readonly #trimNobodys: StatementSync;
  readonly #trimOldest: StatementSync;
  readonly #expire: StatementSync;
  readonly #forget: StatementSync;
  readonly #queries = new Map<string, StatementSync>();
  #waiting: (readonly (string | number | null)[])[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #second = { at: 0, nobodys: 0 };
  /** About as many as are in the file: other processes remove some too. */
  #rows: number | null = null;
  #dropped = 0;
  /** What is older goes; known from the first sweep on. */
  #oldest = 0;

  readonly #stale: StatementSync;

  constructor(database: DatabaseSync, limits: AuthenticationLimits) {
    this.#database = database;
    this.#limits = limits;
    this.#insert = database.prepare(INSERT_AUTHENTICATION);
    this.#trimNobodys = database.prepare(
      "DELETE FROM authentication WHERE seq IN (SELECT seq FROM authentication WHERE nobody = 1 ORDER BY seq LIMIT ?)",
    );
    this.#trimOldest = database.prepare(
      "DELETE FROM authentication WHERE seq IN (SELECT seq FROM authentication ORDER BY seq LIMIT ?)",
    );
    this.#expire = database.prepare(
      "DELETE FROM authentication WHERE seq IN (SELECT seq FROM authentication WHERE at < ? ORDER BY at LIMIT ?)",
    );
    this.#stale = database.prepare(
      `SELECT remote, mechanism, listener, count(*) AS times, min(at) AS first, max(at) AS last FROM authentication
       WHERE (account = ?1 OR name = ?2) AND result = 'rejected' AND reason = 'stale password'
       GROUP BY remote, mechanism, listener ORDER BY last DESC LIMIT 20`,
    );
    this.#forget = database.prepare("DELETE FROM authentication WHERE account = ? OR name = ?");
  }

  get dropped(): number {
    return this.#dropped;
  }

  note(event: AuthenticationEvent, now: number): void {
    if (this.#waiting.length >= this.#limits.waiting || this.#isFlood(event, now)) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(rowOf(event, now));
    if (this.#timer !== null) return;
    const started = setTimeout(() => this.flush(), WRITE_EVERY_MS);
    Deno.unrefTimer(started);
    this.#timer = started;
  }

  list(
    filter: AuthenticationFilter,
    page: { readonly before: number | null; readonly count: number },
  ): readonly AuthenticationRecord[] {
    this.flush();
    const { sql, values } = listQuery(filter, page);
    const statement = this.#queries.getOrInsertComputed(sql, () => this.#database.prepare(sql));
    return statement.all(...values).map(readRecord);
  }

  staleClients(account: string): readonly StaleClient[] {
    this.flush();
    return this.#stale.all(account, nameKey(account)).map((row) => ({
      remote: text(row, "remote"),
      mechanism: text(row, "mechanism"),
      listener: text(row, "listener"),
      times: integer(row, "times"),
      first: integer(row, "first"),
      last: integer(row, "last"),
    }));
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const rows = this.#waiting;
    if (rows.length === 0) return;
    try {
      // The main thread need not wait for the disk; a power cut may take the last seconds of the log.
      relaxedTransaction(this.#database, () => {
        for (const row of rows) this.#insert.run(...row);
        this.#trim(rows.length);
      });
      this.#waiting = [];
    } catch {
      // A full disk or a busy file: they wait for the next event, and the bound of what waits holds.
      this.#rows = null;
    }
  }

  /** Removes what is of an account: its logins, and those that were tried with its name. */
  forget(account: string): void {
    this.flush();
    this.#forget.run(account, nameKey(account));
  }

  /** Removes what is older than `oldest`; where it is much, some of it now and the rest with later writes and sweeps. */
  sweep(oldest: number): void {
    this.#oldest = oldest;
    this.flush();
    // Counted anew: other processes remove rows too.
    this.#rows = null;
    let left = SWEPT_ROWS;
    for (let removed = SWEPT_AT_ONCE; removed === SWEPT_AT_ONCE && left > 0; left -= removed) {
      relaxedTransaction(this.#database, () => {
        removed = this.#remove(this.#expire, [oldest, SWEPT_AT_ONCE]);
      });
    }
    for (const statement of [this.#trimNobodys, this.#trimOldest]) {
      for (let removed = 1; removed > 0 && left > 0 && this.#excess() > 0; left -= removed) {
        const most = Math.min(SWEPT_AT_ONCE, this.#excess());
        relaxedTransaction(this.#database, () => {
          removed = this.#remove(statement, [most]);
        });
      }
    }
  }

  #isFlood(event: AuthenticationEvent, now: number): boolean {
    if (!isNobodys(event)) return false;
    const at = Math.floor(now / 1000);
    if (at !== this.#second.at) this.#second = { at, nobodys: 0 };
    return ++this.#second.nobodys > this.#limits.nobodysPerSecond;
  }

  /** Makes room for what was just added. Failures of invented names go first: a flood of them must not push out what people ask for. */
  #trim(added: number): void {
    if (this.#rows !== null) this.#rows += added;
    const most = 2 * added;
    const expired = this.#remove(this.#expire, [this.#oldest, most]);
    const excess = Math.min(this.#excess(), most - expired);
    if (excess <= 0) return;
    const nobodys = this.#remove(this.#trimNobodys, [excess]);
    if (nobodys < excess) this.#remove(this.#trimOldest, [excess - nobodys]);
  }

  #remove(statement: StatementSync, values: readonly number[]): number {
    const removed = Number(statement.run(...values).changes);
    if (this.#rows !== null) this.#rows -= removed;
    return removed;
  }

  #excess(): number {
    this.#rows ??= readNumber(this.#database, "SELECT count(*) FROM authentication");
    return this.#rows - this.#limits.rows;
  }
}
