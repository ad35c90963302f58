/**
 * What is written to the account store. Each change is one transaction: durable when it returns, or not made at all.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { hex } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import type { CanonicalName } from "./account_name.ts";
import type { AppPasswordRequest } from "./account_store.ts";
import { transaction } from "./database.ts";
import type { PreviousPasswords, Replacement } from "./previous_passwords.ts";
import type { PasswordMaterial, ScramSalts } from "./password_material.ts";

/** A new account. */
export interface NewAccount {
  readonly name: CanonicalName;
  readonly salts: ScramSalts;
  /** `null`: it has no main password here. */
  readonly material: PasswordMaterial | null;
  /** RFC 3339, UTC. */
  readonly at: string;
  /** Default false. */
  readonly disabled?: boolean;
}

/** A new main password; `id` is the account's. Without `disabled` the account stays enabled or disabled as it is. */
export interface NewPassword extends Pick<NewAccount, "at" | "disabled"> {
  readonly id: number;
  readonly material: PasswordMaterial;
  /** What becomes of the one before; absent: nothing is done about it. */
  readonly before?: Pick<Replacement, "keep" | "legacyVerifiers">;
}

/** A new app password; `id` is the account's. */
export interface NewAppCredential extends Omit<NewPassword, "disabled" | "before"> {
  /** Checked. */
  readonly request: AppPasswordRequest;
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
  readonly #previous: PreviousPasswords;
  readonly #insertAccount: StatementSync;
  readonly #touch: StatementSync;
  readonly #disable: StatementSync;
  readonly #remove: StatementSync;
  readonly #mainCredential: StatementSync;
  readonly #insertCredential: StatementSync;
  readonly #insertAppPassword: StatementSync;
  readonly #deleteAppPassword: StatementSync;
  readonly #removeEmpty: StatementSync;
  readonly #deleteAddresses: StatementSync;
  readonly #insertAddress: StatementSync;
  readonly #updateCredential: StatementSync;
  readonly #upgradeCredential: StatementSync;
  readonly #deleteVerifiers: StatementSync;
  readonly #insertVerifier: StatementSync;
  readonly #used: StatementSync;

  /** `changed` is called after each change. */
  constructor(database: DatabaseSync, previous: PreviousPasswords, changed: () => void) {
    this.#database = database;
    this.#previous = previous;
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
    this.#insertAppPassword = database.prepare(
      `INSERT INTO credential (account, kind, id, version, created, hash, digest_realms, label, networks, mechanisms, expires)
       VALUES (?, 'app-password', ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#deleteAppPassword = database.prepare(
      "DELETE FROM credential WHERE id = ? AND account = ? AND kind = 'app-password'",
    );
    this.#removeEmpty = database.prepare(
      "DELETE FROM account WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM credential WHERE account = ?1)",
    );
    this.#deleteAddresses = database.prepare("DELETE FROM account_address WHERE account = ?");
    this.#insertAddress = database.prepare("INSERT INTO account_address (account, address) VALUES (?, ?)");
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
      if (material !== null) this.#writePassword({ id, material, at });
      if (disabled) this.#disable.run(1, at, id);
      return true;
    });
  }

  /** Replaces the main password; false when the account is gone. */
  setPassword(password: NewPassword): boolean {
    return this.#change(() => {
      if (this.#touch.run(password.at, password.id).changes === 0) return false;
      if (password.before !== undefined) {
        this.#previous.replace({ id: password.id, hash: password.material.hash, ...password.before });
      }
      this.#writePassword(password);
      if (password.disabled === true) this.#disable.run(1, password.at, password.id);
      return true;
    });
  }

  /**
   * Adds an app password and gives the id of its credential; a problem that `refuses` finds under the write lock, or that the account is
   * gone, is given instead.
   */
  addAppPassword<Problem>(
    { id, request, material, at }: NewAppCredential,
    refuses: () => Problem | null,
  ): Result<string, Problem | "unknown-account"> {
    return this.#change(() => {
      const refusal = refuses();
      if (refusal !== null) return fail(refusal);
      if (this.#touch.run(at, id).changes === 0) return fail("unknown-account");
      const credential = randomToken();
      const { label, networks, mechanisms, expires } = request;
      this.#insertAppPassword.run(
        ...[id, credential, randomToken(), at, material.hash, material.digestRealms.join(" ")],
        ...[label, networks.join(" "), mechanisms?.join(" ") ?? null, expires],
      );
      this.#writeVerifiers(credential, material);
      return succeed(credential);
    });
  }

  /** Removes an app password, and the account with its last credential; false when there is none with this id. */
  revokeAppPassword(id: number, { credential, at }: { readonly credential: string; readonly at: string }): boolean {
    return this.#change(() => {
      if (this.#deleteAppPassword.run(credential, id).changes === 0) return false;
      this.#touch.run(at, id);
      // An account of another backend: one of ours always has its main password.
      this.#removeEmpty.run(id);
      return true;
    });
  }

  /** Replaces the addresses, unless `refuses` finds a problem under the write lock, or the account is gone. */
  setAddresses<Problem>(
    id: number,
    { addresses, at }: { readonly addresses: readonly string[]; readonly at: string },
    refuses: () => Problem | null,
  ): Result<void, Problem | "unknown-account"> {
    return this.#change(() => {
      const refusal = refuses();
      if (refusal !== null) return fail(refusal);
      if (this.#touch.run(at, id).changes === 0) return fail("unknown-account");
      this.#deleteAddresses.run(id);
      for (const address of addresses) this.#insertAddress.run(id, address);
      return succeed(undefined);
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
