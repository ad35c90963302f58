/**
 * Passwords that were replaced, remembered for a while: a device that still has one is told apart from somebody who guesses.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Verifier, VerifierScheme } from "../backend.ts";
import { octets, type Row, text } from "./columns.ts";
import type { StoredAccount } from "./account_queries.ts";
import { readVerifier } from "./verifier_value.ts";

/** What becomes of the password that is replaced. */
export interface Replacement {
  /** Of the account. */
  readonly id: number;
  /** The hash of the new one: an old password that is set again is no old one. */
  readonly hash: string;
  /** False: nothing is kept, and what was kept before goes too. */
  readonly keep: boolean;
  /** Whether CRAM-MD5 and DIGEST-MD5 verifiers may be kept. */
  readonly legacyVerifiers: boolean;
}

/** What the verifiers of such a password have in the place of the id of a credential. */
const CREDENTIAL = "previous";
const KEPT = 2;
const DAY_MS = 86_400_000;

/** The time, in milliseconds since the epoch, and for how many days a password is recognised; 0: not at all. */
export type Remembered = () => { readonly now: number; readonly days: number };

/** Those of all accounts. None of them is looked at whose time is over. */
export class PreviousPasswords {
  readonly #remembered: Remembered;
  readonly #keep: StatementSync;
  readonly #keepVerifiers: StatementSync;
  readonly #forget: StatementSync;
  readonly #forgetOne: StatementSync;
  readonly #trim: StatementSync;
  readonly #sweep: StatementSync;
  readonly #hashes: StatementSync;
  readonly #verifiers: StatementSync;

  constructor(database: DatabaseSync, remembered: Remembered) {
    this.#remembered = remembered;
    this.#keep = database.prepare(
      `INSERT INTO previous_password (account, hash, replaced)
       SELECT account, hash, ?2 FROM credential WHERE account = ?1 AND kind = 'password' AND hash <> ?3
         AND hash LIKE '$scrypt$%' RETURNING id`,
    );
    this.#keepVerifiers = database.prepare(
      `INSERT INTO previous_verifier (previous, scheme, value)
       SELECT ?2, scheme, value FROM verifier JOIN credential ON credential = credential.id
       WHERE account = ?1 AND kind = 'password' AND (?3 = 1 OR scheme LIKE 'scram-%')`,
    );
    this.#forget = database.prepare("DELETE FROM previous_password WHERE account = ?");
    this.#forgetOne = database.prepare("DELETE FROM previous_password WHERE account = ? AND hash = ?");
    this.#trim = database.prepare(
      `DELETE FROM previous_password WHERE account = ?1 AND id NOT IN
         (SELECT id FROM previous_password WHERE account = ?1 ORDER BY id DESC LIMIT ${KEPT})`,
    );
    this.#sweep = database.prepare("DELETE FROM previous_password WHERE replaced <= ?");
    this.#hashes = database.prepare(
      `SELECT previous_password.hash FROM previous_password JOIN account ON account = account.id
       WHERE name = ? AND replaced > ? ORDER BY previous_password.id DESC`,
    );
    this.#verifiers = database.prepare(
      `SELECT value FROM previous_verifier JOIN previous_password ON previous = id
       WHERE account = ? AND scheme = ? AND replaced > ? ORDER BY id DESC`,
    );
  }

  /** To be called in the transaction that writes the new password, before it does. */
  replace({ id, hash, keep, legacyVerifiers }: Replacement): void {
    if (!keep) {
      this.#forget.run(id);
      return;
    }
    const kept = this.#keep.get(id, this.#remembered().now, hash)?.id;
    if (typeof kept === "number") this.#keepVerifiers.run(id, kept, legacyVerifiers ? 1 : 0);
    this.#forgetOne.run(id, hash);
    this.#trim.run(id);
  }

  /** The hashes of an account, the newest first. */
  hashes(name: string): readonly string[] {
    return this.#hashes.all(name, this.#oldest()).map((row: Row) => text(row, "hash"));
  }

  /** Verifiers of an account, the newest first. */
  verifiers({ id, realm, salts }: StoredAccount, scheme: VerifierScheme): readonly Verifier[] {
    return this.#verifiers.all(id, scheme, this.#oldest()).map((row: Row) =>
      readVerifier(scheme, { credential: CREDENTIAL, realm, value: octets(row, "value"), salts })
    );
  }

  /** Removes what is past its time. What cannot be removed now is not looked at any more. */
  sweep(): void {
    try {
      this.#sweep.run(this.#oldest());
    } catch {
      // A full disk or a busy file: another time.
    }
  }

  #oldest(): number {
    const { now, days } = this.#remembered();
    return now - days * DAY_MS;
  }
}
