/**
 * The file `limits` in data_dir: what was used, who was sent to before, the values that accounts have of their own, and who is on hold.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { integer, type Row, text } from "../accounts/columns.ts";
import {
  type DatabaseProblem,
  type DatabaseShape,
  openDatabase,
  readNumber,
  transaction,
} from "../accounts/database.ts";
import { type Result, succeed } from "../lib/result.ts";
import { relaxedTransaction } from "./relaxed.ts";
import { integerOrNull } from "./row.ts";

/** The name of the file in data_dir. */
export const LIMITS_FILE = "limits";

/** What the file is. */
export const LIMITS_DATABASE: DatabaseShape = {
  what: "limits",
  applicationId: 0x646f6b6c,
  migrations: [`
    CREATE TABLE usage (
      scope TEXT NOT NULL,
      subject TEXT NOT NULL,
      at INTEGER NOT NULL,
      saved TEXT NOT NULL,
      PRIMARY KEY (scope, subject)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX usage_at ON usage (at);

    CREATE TABLE known_recipient (
      account TEXT NOT NULL,
      hash BLOB NOT NULL,
      at INTEGER NOT NULL,
      PRIMARY KEY (account, hash)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX known_recipient_at ON known_recipient (account, at);

    CREATE TABLE own_value (
      account TEXT NOT NULL,
      name TEXT NOT NULL,
      most INTEGER,
      PRIMARY KEY (account, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE hold (
      account TEXT PRIMARY KEY,
      since INTEGER NOT NULL,
      rule TEXT NOT NULL,
      who TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE held_before (
      account TEXT NOT NULL REFERENCES hold (account) ON DELETE CASCADE,
      mail TEXT NOT NULL,
      recipient INTEGER NOT NULL,
      PRIMARY KEY (account, mail, recipient)
    ) STRICT, WITHOUT ROWID;
  `],
};

/** A use as it is written. */
export interface SavedRow {
  readonly scope: string;
  readonly subject: string;
  readonly at: number;
  /** JSON. */
  readonly saved: string;
}

/** A recipient that an account has sent to. */
export interface KnownRow {
  readonly account: string;
  readonly hash: Uint8Array;
  readonly at: number;
}

/** An account on hold. */
export interface Hold {
  readonly account: string;
  /** In milliseconds since the epoch. */
  readonly since: number;
  /** Why. */
  readonly rule: string;
  /** Who did it. */
  readonly by: string;
}

/** A recipient of a mail that somebody held before the account was put on hold. */
export interface HeldRecipient {
  readonly mail: string;
  readonly recipient: number;
}

/** How much the file keeps. */
export interface LimitBounds {
  /** Uses that are kept; the longest unseen go. */
  readonly uses: number;
  /** Recipients that are remembered of one account. */
  readonly recipientsOfAccount: number;
}

/** What the server works with. */
export const LIMIT_BOUNDS: LimitBounds = { uses: 200_000, recipientsOfAccount: 20_000 };

const SWEPT_AT_ONCE = 5000;

/** Opens the file, or makes it where there is none. */
export function openLimitRecords(
  file: string,
  bounds: LimitBounds = LIMIT_BOUNDS,
): Result<LimitRecords, DatabaseProblem> {
  const opened = openDatabase(file, LIMITS_DATABASE);
  return opened.ok ? succeed(new LimitRecords(opened.value, bounds)) : opened;
}

/** The open file. Use and recipients are written without waiting for the disk; values and holds are durable when a method returns. */
export class LimitRecords implements Disposable {
  readonly #database: DatabaseSync;
  readonly #bounds: LimitBounds;
  readonly #readUse: StatementSync;
  readonly #writeUse: StatementSync;
  readonly #isKnown: StatementSync;
  readonly #know: StatementSync;
  readonly #readOwn: StatementSync;

  constructor(database: DatabaseSync, bounds: LimitBounds) {
    this.#database = database;
    this.#bounds = bounds;
    this.#readUse = database.prepare("SELECT saved FROM usage WHERE scope = ? AND subject = ?");
    this.#writeUse = database.prepare("INSERT OR REPLACE INTO usage (scope, subject, at, saved) VALUES (?, ?, ?, ?)");
    this.#isKnown = database.prepare("SELECT 1 FROM known_recipient WHERE account = ? AND hash = ?");
    this.#know = database.prepare("INSERT OR REPLACE INTO known_recipient (account, hash, at) VALUES (?, ?, ?)");
    this.#readOwn = database.prepare("SELECT name, most FROM own_value WHERE account = ?");
  }

  /** What was saved of a use, or `null`. */
  readUse(scope: string, subject: string): string | null {
    const row = this.#readUse.get(scope, subject);
    return row === undefined ? null : text(row, "saved");
  }

  /** Writes uses and recipients. Throws when the file cannot be written. */
  write(uses: readonly SavedRow[], known: readonly KnownRow[]): void {
    relaxedTransaction(this.#database, () => {
      for (const { scope, subject, at, saved } of uses) this.#writeUse.run(scope, subject, at, saved);
      for (const { account, hash, at } of known) this.#know.run(account, hash, at);
    });
  }

  /** Whether an account has sent to the recipient with this hash. */
  isKnown(account: string, hash: Uint8Array): boolean {
    return this.#isKnown.get(account, hash) !== undefined;
  }

  /** Removes uses last written before `oldest`, and what is above the bounds. */
  sweep(oldest: number): void {
    const { uses, recipientsOfAccount } = this.#bounds;
    relaxedTransaction(this.#database, () => {
      this.#database.prepare("DELETE FROM usage WHERE at < ?").run(oldest);
      const over = readNumber(this.#database, "SELECT count(*) FROM usage") - uses;
      if (over > 0) {
        this.#database.prepare(
          "DELETE FROM usage WHERE (scope, subject) IN (SELECT scope, subject FROM usage ORDER BY at LIMIT ?)",
        ).run(over);
      }
      const crowded = this.#database.prepare(
        "SELECT account, count(*) AS many FROM known_recipient GROUP BY account HAVING many > ?",
      ).all(recipientsOfAccount);
      for (const row of crowded) this.#trimKnown(text(row, "account"), integer(row, "many") - recipientsOfAccount);
    });
  }

  /** The values that an account has of its own; `null`: no limit. */
  ownValues(account: string): ReadonlyMap<string, number | null> {
    return new Map(this.#readOwn.all(account).map((row) => [text(row, "name"), integerOrNull(row, "most")]));
  }

  /** Sets values; `undefined` takes the account's own away. */
  setOwnValues(account: string, values: ReadonlyMap<string, number | null | undefined>): void {
    transaction(this.#database, () => {
      for (const [name, most] of values) {
        this.#database.prepare("DELETE FROM own_value WHERE account = ? AND name = ?").run(account, name);
        if (most === undefined) continue;
        this.#database.prepare("INSERT INTO own_value (account, name, most) VALUES (?, ?, ?)").run(account, name, most);
      }
    });
  }

  /** The accounts that have a saved use or values of their own, the latest first. */
  accounts(count: number): readonly string[] {
    return this.#database.prepare(
      `SELECT account FROM (
        SELECT subject AS account, at FROM usage WHERE scope = 'account'
        UNION ALL SELECT account, 0 AS at FROM own_value
      ) GROUP BY account ORDER BY max(at) DESC, account LIMIT ?`,
    ).all(count).map((row) => text(row, "account"));
  }

  /** Removes everything of an account. */
  forgetAccount(account: string): void {
    transaction(this.#database, () => {
      this.#database.prepare("DELETE FROM usage WHERE scope = 'account' AND subject = ?").run(account);
      for (const table of ["known_recipient", "own_value", "hold"]) {
        this.#database.prepare(`DELETE FROM ${table} WHERE account = ?`).run(account);
      }
    });
  }

  /** All accounts on hold, the latest first. */
  holds(): readonly Hold[] {
    return this.#database.prepare("SELECT * FROM hold ORDER BY since DESC, account").all().map(readHold);
  }

  /** Puts an account on hold, or takes the place of what was there. */
  addHold({ account, since, rule, by }: Hold): void {
    transaction(this.#database, () => {
      this.#database.prepare("INSERT OR REPLACE INTO hold (account, since, rule, who) VALUES (?, ?, ?, ?)")
        .run(account, since, rule, by);
    });
  }

  /** Takes an account off hold. */
  removeHold(account: string): void {
    transaction(this.#database, () => {
      this.#database.prepare("DELETE FROM hold WHERE account = ?").run(account);
    });
  }

  /** Remembers what was held before the account was. */
  noteHeldBefore(account: string, held: readonly HeldRecipient[]): void {
    if (held.length === 0) return;
    transaction(this.#database, () => {
      const insert = this.#database.prepare(
        "INSERT OR IGNORE INTO held_before (account, mail, recipient) VALUES (?, ?, ?)",
      );
      for (const { mail, recipient } of held) insert.run(account, mail, recipient);
    });
  }

  /** What was held before the account was. */
  heldBefore(account: string): readonly HeldRecipient[] {
    return this.#database.prepare("SELECT mail, recipient FROM held_before WHERE account = ?").all(account)
      .map((row) => ({ mail: text(row, "mail"), recipient: integer(row, "recipient") }));
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #trimKnown(account: string, over: number): void {
    this.#database.prepare(
      `DELETE FROM known_recipient WHERE account = ? AND hash IN (
        SELECT hash FROM known_recipient WHERE account = ? ORDER BY at LIMIT ?)`,
    ).run(account, account, Math.min(over, SWEPT_AT_ONCE));
  }
}

function readHold(row: Row): Hold {
  return { account: text(row, "account"), since: integer(row, "since"), rule: text(row, "rule"), by: text(row, "who") };
}
