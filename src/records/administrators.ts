/**
 * Administrators and their second factor in the records file.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { integer, octets, text } from "../accounts/columns.ts";
import { transaction } from "../accounts/database.ts";
import type { Administrator, Administrators } from "./records.ts";
import { factorText, newFactorSecret, parseCode, stepOf } from "./second_factor.ts";

/** After so many wrong codes in a row there is one try in so many milliseconds: 50 years for an even chance at six digits. */
const [FREE_FAILURES, PAUSE_MS] = [5, 30_000];

/** The administrators of this file. `demote` takes the administration from the sessions of an account. */
export class SqliteAdministrators implements Administrators {
  readonly #database: DatabaseSync;
  readonly #demote: (account: string) => void;
  readonly #enrol: StatementSync;
  readonly #get: StatementSync;
  readonly #all: StatementSync;
  readonly #remove: StatementSync;
  readonly #accepted: StatementSync;
  readonly #failed: StatementSync;

  constructor(database: DatabaseSync, demote: (account: string) => void) {
    this.#database = database;
    this.#demote = demote;
    this.#enrol = database.prepare(
      `INSERT INTO administrator (account, created, secret) VALUES (?, ?, ?)
       ON CONFLICT (account) DO UPDATE SET secret = excluded.secret, step = 0, failures = 0, failed = 0`,
    );
    this.#get = database.prepare("SELECT * FROM administrator WHERE account = ?");
    this.#all = database.prepare("SELECT account, created FROM administrator ORDER BY created DESC, rowid DESC");
    this.#remove = database.prepare("DELETE FROM administrator WHERE account = ?");
    this.#accepted = database.prepare("UPDATE administrator SET step = ?, failures = 0 WHERE account = ?");
    this.#failed = database.prepare(
      "UPDATE administrator SET failures = failures + 1, failed = ? WHERE account = ?",
    );
  }

  enrol(account: string, now: number): { readonly secret: string } {
    const secret = newFactorSecret();
    transaction(this.#database, () => {
      this.#enrol.run(account, now, secret);
      // Whoever found the old phone may have used it.
      this.#demote(account);
    });
    return { secret: factorText(secret) };
  }

  has(account: string): boolean {
    return this.#get.get(account) !== undefined;
  }

  list(): readonly Administrator[] {
    return this.#all.all().map((row) => ({ account: text(row, "account"), created: integer(row, "created") }));
  }

  remove(account: string): boolean {
    return transaction(this.#database, () => {
      this.#demote(account);
      return this.forget(account);
    });
  }

  /** Removes the administration of an account whose sessions have ended. */
  forget(account: string): boolean {
    return this.#remove.run(account).changes !== 0;
  }

  checkCode(account: string, typed: string, now: number): boolean {
    const code = parseCode(typed);
    // One transaction, so that a code is right once whichever processes are asked.
    return code !== null && transaction(this.#database, () => this.#check(account, code, now));
  }

  #check(account: string, code: string, now: number): boolean {
    const row = this.#get.get(account);
    if (row === undefined) return false;
    const waited = now - integer(row, "failed");
    // A clock that was set back must keep nobody out.
    if (integer(row, "failures") >= FREE_FAILURES && waited >= 0 && waited < PAUSE_MS) return false;
    const step = stepOf(code, { secret: octets(row, "secret"), now, last: integer(row, "step") });
    if (step === null) this.#failed.run(now, account);
    else this.#accepted.run(step, account);
    return step !== null;
  }
}
