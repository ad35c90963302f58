/**
 * What is written to the account store. Each change is one transaction: durable when it returns, or not made at all.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { hex } from "../lib/octets.ts";
import type { CanonicalName } from "./account_name.ts";
import { transaction } from "./database.ts";
import type { PasswordMaterial, ScramSalts } from "./password_material.ts";

/** A new account. */
export interface NewAccount {
  readonly name: CanonicalName;
  readonly salts: ScramSalts;
  readonly material: PasswordMaterial;
  /** RFC 3339, UTC. */
  readonly at: string;
  /** Default false. */
  readonly disabled?: boolean;
}

/** A new main password; `id` is the account's. Without `disabled` the account stays enabled or disabled as it is. */
export interface NewPassword extends Pick<NewAccount, "material" | "at" | "disabled"> {
  readonly id: number;
}

/** The same password in our own form. */
export interface Upgrade {
  readonly credential: string;
  /** The hash that it takes the place of. */
  readonly hash: string;
  readonly material: PasswordMaterial;
}

/** The label of the credential that every account has. */
const MAIN_LABEL = "password";

/** The writing side of the store. */
export class AccountChanges {
  readonly #database: DatabaseSync;
  readonly #changed: () => void;
  readonly #insertAccount: StatementSync;
  readonly #touch: StatementSync;
  readonly #disable: StatementSync;
  readonly #remove: StatementSync;
  readonly #mainCredential: StatementSync;
  readonly #insertCredential: StatementSync;
  readonly #updateCredential: StatementSync;
  readonly #upgradeCredential: StatementSync;
  readonly #deleteVerifiers: StatementSync;
  readonly #insertVerifier: StatementSync;
  readonly #used: StatementSync;

  /** `changed` is called after each change. */
  constructor(database: DatabaseSync, changed: () => void) {
    this.#database = database;
    this.#changed = changed;
    this.#insertAccount = database.prepare(
      `INSERT INTO account (name, local, realm, folded, created, changed,
         salt_sha_1, iterations_sha_1, salt_sha_256, iterations_sha_256)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
    );
    this.#touch = database.prepare("UPDATE account SET changed = ? WHERE id = ?");
    this.#disable = database.prepare("UPDATE account SET disabled = ?, changed = ? WHERE id = ?");
    this.#remove = database.prepare("DELETE FROM account WHERE id = ?");
    this.#mainCredential = database.prepare("SELECT id FROM credential WHERE account = ? AND kind = 'password'");
    this.#insertCredential = database.prepare(
      `INSERT INTO credential (account, kind, label, created, id, version, hash, digest_realms)
       VALUES (?, 'password', '${MAIN_LABEL}', ?, ?, ?, ?, ?)`,
    );
    this.#updateCredential = database.prepare(
      "UPDATE credential SET version = ?, hash = ?, digest_realms = ? WHERE id = ?",
    );
    this.#upgradeCredential = database.prepare(
      "UPDATE credential SET hash = ?, digest_realms = ? WHERE id = ? AND hash = ?",
    );
    this.#deleteVerifiers = database.prepare("DELETE FROM verifier WHERE credential = ?");
    this.#insertVerifier = database.prepare("INSERT INTO verifier (credential, scheme, value) VALUES (?, ?, ?)");
    this.#used = database.prepare("UPDATE credential SET last_used = ? WHERE id = ?");
  }

  /** Adds an account, unless `taken` finds that it is there by now: then false. */
  add({ name, salts, material, at, disabled = false }: NewAccount, taken: () => boolean): boolean {
    return this.#change(() => {
      if (taken()) return false;
      const { "scram-sha-1": sha1, "scram-sha-256": sha256 } = salts;
      const id = this.#insertAccount.get(
        ...[name.name, name.local, name.realm, name.folded, at, at],
        ...[sha1.salt, sha1.iterations, sha256.salt, sha256.iterations],
      )?.id;
      if (typeof id !== "number") throw new TypeError("Cannot add account: no id came back");
      this.#writePassword({ id, material, at });
      if (disabled) this.#disable.run(1, at, id);
      return true;
    });
  }

  /** Replaces the main password; false when the account is gone. */
  setPassword(password: NewPassword): boolean {
    return this.#change(() => {
      if (this.#touch.run(password.at, password.id).changes === 0) return false;
      this.#writePassword(password);
      if (password.disabled === true) this.#disable.run(1, password.at, password.id);
      return true;
    });
  }

  /** Puts a hash and verifiers in the place of an imported hash; false when that has been replaced by now. Its version stays. */
  upgrade({ credential, hash, material }: Upgrade): boolean {
    return this.#change(() => {
      const realms = material.digestRealms.join(" ");
      if (this.#upgradeCredential.run(material.hash, realms, credential, hash).changes === 0) return false;
      this.#writeVerifiers(credential, material);
      return true;
    });
  }

  /** False when the account is gone. */
  setDisabled(id: number, { disabled, at }: { readonly disabled: boolean; readonly at: string }): boolean {
    return this.#change(() => this.#disable.run(disabled ? 1 : 0, at, id).changes !== 0);
  }

  /** Removes an account with all that hangs on it; false when it is gone. */
  remove(id: number): boolean {
    return this.#change(() => this.#remove.run(id).changes !== 0);
  }

  /** Writes last uses, in milliseconds since the epoch by credential; those of removed credentials are passed over. */
  writeUses(uses: ReadonlyMap<string, number>): void {
    // A lost last use costs nothing, and the main thread need not wait for the disk: the next real change syncs it too.
    this.#database.exec("PRAGMA synchronous=NORMAL");
    try {
      this.#change(() => {
        for (const [credential, at] of uses) this.#used.run(new Date(at).toISOString(), credential);
      });
    } finally {
      this.#database.exec("PRAGMA synchronous=FULL");
    }
  }

  #change<Value>(work: () => Value): Value {
    try {
      return transaction(this.#database, work);
    } finally {
      this.#changed();
    }
  }

  #writePassword({ id, material, at }: NewPassword): void {
    const { hash, digestRealms } = material;
    const [version, realms] = [randomToken(), digestRealms.join(" ")];
    const main = this.#mainCredential.get(id)?.id;
    const credential = typeof main === "string" ? main : randomToken();
    if (typeof main === "string") this.#updateCredential.run(version, hash, realms, credential);
    else this.#insertCredential.run(id, at, credential, version, hash, realms);
    this.#writeVerifiers(credential, material);
  }

  #writeVerifiers(credential: string, { verifiers }: PasswordMaterial): void {
    this.#deleteVerifiers.run(credential);
    for (const [scheme, value] of verifiers) this.#insertVerifier.run(credential, scheme, value);
  }
}

/** Random, so that a version never comes back, not even after an old copy of the file was put in place. */
function randomToken(): string {
  return hex(randomBytes(8));
}
