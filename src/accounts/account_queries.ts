/**
 * What is read from the account store, by prepared statements, as values of the contracts.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { DEVICE_ATTRIBUTES } from "./device.ts";
import type { Account, UserName, Verifier, VerifierScheme } from "../backend.ts";
import { DatabaseMemo } from "./memo.ts";
import { readVerifier } from "./verifier_value.ts";
import type { CanonicalName } from "./account_name.ts";
import type { AccountFilter, Credential } from "./account_store.ts";
import { APP_PREFIX } from "./app_password.ts";
import { integer, octets, type Row, text, textOrNull } from "./columns.ts";
import { OUR_PREFIX } from "./password_hash.ts";
import type { ScramSalts } from "./password_material.ts";

/** A row of `account` with what hangs on it. */
export interface StoredAccount {
  readonly id: number;
  readonly account: Account;
  readonly local: string;
  readonly realm: string;
  readonly disabled: boolean;
  readonly created: string;
  readonly changed: string;
  readonly salts: ScramSalts;
}

/** A credential with its hash. */
export interface StoredCredential extends Credential {
  readonly hash: string;
  readonly digestRealms: readonly string[];
}

/** The name of the backend's section where no other is known. */
const BACKEND = "sasldb";

const SCHEMES: readonly VerifierScheme[] = ["cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256"];

/** The questions that are put to the file. Each is answered by what is committed at that moment, by whichever process. */
export class AccountQueries {
  readonly #byName: StatementSync;
  readonly #byFolded: StatementSync;
  readonly #namesakes: StatementSync;
  readonly #byAddress: StatementSync;
  readonly #listed: StatementSync;
  readonly #holder: StatementSync;
  readonly #addresses: StatementSync;
  readonly #disabled: StatementSync;
  readonly #credentials: StatementSync;
  readonly #schemes: StatementSync;
  readonly #verifiers: StatementSync;
  readonly #imported: StatementSync;
  readonly #sender: StatementSync;
  readonly #memo: DatabaseMemo;

  constructor(database: DatabaseSync) {
    this.#memo = new DatabaseMemo(database);
    this.#byName = database.prepare("SELECT * FROM account WHERE name = ?");
    this.#byFolded = database.prepare("SELECT * FROM account WHERE folded = ? AND realm = ? LIMIT 2");
    this.#namesakes = database.prepare(
      "SELECT local, realm FROM account WHERE folded = ? ORDER BY realm, local LIMIT 8",
    );
    this.#byAddress = database.prepare(
      "SELECT account.* FROM account JOIN account_address ON account = id WHERE address = ? LIMIT 2",
    );
    this.#listed = database.prepare(
      `SELECT * FROM account WHERE name > :after AND (:realm IS NULL OR realm = :realm) AND (:search = ''
         OR instr(folded || '@' || realm, :search) > 0
         OR EXISTS (SELECT 1 FROM account_address WHERE account = id AND instr(address, :search) > 0))
         AND NOT EXISTS (SELECT 1 FROM device WHERE account = id)
       ORDER BY name LIMIT :count`,
    );
    this.#holder = database.prepare(
      `SELECT id FROM account WHERE folded = :folded AND realm = :realm AND id <> :id
       UNION SELECT account FROM account_address WHERE address = :address AND account <> :id LIMIT 1`,
    );
    this.#addresses = database.prepare("SELECT address FROM account_address WHERE account = ? ORDER BY address");
    this.#disabled = database.prepare("SELECT disabled FROM account WHERE name = ?");
    this.#credentials = database.prepare(
      "SELECT credential.* FROM credential JOIN account ON account = account.id WHERE name = ? ORDER BY credential.created, credential.id",
    );
    this.#schemes = database.prepare(
      "SELECT DISTINCT scheme, kind FROM verifier JOIN credential ON credential = id WHERE account = ?",
    );
    this.#verifiers = database.prepare(
      `SELECT verifier.credential, value, realm, salt_sha_1, iterations_sha_1, salt_sha_256, iterations_sha_256
       FROM account JOIN credential ON account = account.id JOIN verifier ON verifier.credential = credential.id
       WHERE name = ? AND scheme = ? ORDER BY credential.created, credential.id`,
    );
    this.#sender = database.prepare("SELECT sender FROM device WHERE account = ?");
    this.#imported = database.prepare(
      `SELECT credential.id, group_concat(scheme, ' ') AS schemes
       FROM credential JOIN account ON account = account.id LEFT JOIN verifier ON verifier.credential = credential.id
       WHERE disabled = 0 AND substr(hash, 1, ${OUR_PREFIX.length}) <> '${OUR_PREFIX}'
         AND substr(hash, 1, ${APP_PREFIX.length}) <> '${APP_PREFIX}' GROUP BY credential.id`,
    );
  }

  /** To be called after each change by this connection. */
  forget(): void {
    this.#memo.forget();
  }

  /** The account with exactly this name. */
  named(name: string): StoredAccount | null {
    return this.#memo.recall(`named ${name}`, () => this.#account(this.#byName.get(name)));
  }

  /** The account with this name in some case; where several differ only by case, the one with exactly this name or none. */
  namedInAnyCase(name: CanonicalName): StoredAccount | null {
    const rows = this.#byFolded.all(name.folded, name.realm);
    return rows.length > 1 ? this.named(name.name) : this.#account(rows[0]);
  }

  /** Some accounts with this local part, given without case. */
  namesakes(folded: string): readonly UserName[] {
    return this.#namesakes.all(folded).map((row) => ({ local: text(row, "local"), realm: text(row, "realm") }));
  }

  /** The account that has an address, given as `addressKey` writes it. One that several have belongs to none of them. */
  addressed(key: string): StoredAccount | null {
    const rows = this.#byAddress.all(key);
    return rows.length > 1 ? null : this.#account(rows[0]);
  }

  /** Whether another account than this one has an address, given as `addressKey` writes it, as its name or among its addresses. */
  isHeldByAnother(
    { id, folded, realm }: { readonly id: number; readonly folded: string; readonly realm: string },
  ): boolean {
    return this.#holder.get({ id, folded, realm, address: `${folded}@${realm}` }) !== undefined;
  }

  /** Accounts by name; the realm as it is stored, the search without case. */
  list({ realm, search = "", after = "", count = -1 }: AccountFilter): readonly StoredAccount[] {
    return this.#listed.all({ realm: realm ?? null, search, after, count }).map((row) => this.#stored(row));
  }

  state(name: string): "active" | "disabled" | "unknown" {
    return this.#memo.recall(`state ${name}`, () => {
      const row = this.#disabled.get(name);
      if (row === undefined) return "unknown";
      return integer(row, "disabled") === 0 ? "active" : "disabled";
    });
  }

  /** The credentials of an account, the oldest first. */
  credentials(name: string): readonly StoredCredential[] {
    return this.#memo.recall(`credentials ${name}`, () => this.#credentials.all(name).map(readCredential));
  }

  /** The schemes for which the main password of an account has verifiers, and those for which any of its credentials has. */
  schemes(id: number): { readonly main: readonly VerifierScheme[]; readonly all: readonly VerifierScheme[] } {
    const rows = this.#schemes.all(id).map((row) => ({ scheme: text(row, "scheme"), kind: text(row, "kind") }));
    const all = SCHEMES.filter((scheme) => rows.some((row) => row.scheme === scheme));
    return { main: all.filter((one) => rows.some(({ scheme, kind }) => scheme === one && kind === "password")), all };
  }

  /** The schemes for which some enabled account has no verifier, since its hash was imported. */
  schemesLacked(): readonly VerifierScheme[] {
    return this.#memo.recall("schemes lacked", () => {
      const had = this.#imported.all().map((row) => words(textOrNull(row, "schemes") ?? ""));
      return SCHEMES.filter((scheme) => had.some((schemes) => !schemes.includes(scheme)));
    });
  }

  verifiers(name: string, scheme: VerifierScheme): readonly Verifier[] {
    return this.#memo.recall(
      `${scheme} ${name}`,
      () =>
        this.#verifiers.all(name, scheme).map((row) =>
          readVerifier(scheme, {
            credential: text(row, "credential"),
            realm: text(row, "realm"),
            value: octets(row, "value"),
            salts: readSalts(row),
          })
        ),
    );
  }

  #account(row: Row | undefined): StoredAccount | null {
    return row === undefined ? null : this.#stored(row);
  }

  #stored(row: Row): StoredAccount {
    const id = integer(row, "id");
    const device = this.#sender.get(id);
    const addresses = device !== undefined
      ? [text(device, "sender")]
      : this.#addresses.all(id).map((each) => text(each, "address"));
    const attributes = device === undefined ? {} : DEVICE_ATTRIBUTES;
    return {
      id,
      account: { name: text(row, "name"), backend: BACKEND, addresses, groups: [], attributes },
      local: text(row, "local"),
      realm: text(row, "realm"),
      disabled: integer(row, "disabled") !== 0,
      created: text(row, "created"),
      changed: text(row, "changed"),
      salts: readSalts(row),
    };
  }
}

function readSalts(row: Row): ScramSalts {
  return {
    "scram-sha-1": { salt: octets(row, "salt_sha_1"), iterations: integer(row, "iterations_sha_1") },
    "scram-sha-256": { salt: octets(row, "salt_sha_256"), iterations: integer(row, "iterations_sha_256") },
  };
}

function readCredential(row: Row): StoredCredential {
  const mechanisms = textOrNull(row, "mechanisms");
  return {
    id: text(row, "id"),
    kind: readKind(text(row, "kind")),
    label: text(row, "label"),
    version: text(row, "version"),
    networks: words(text(row, "networks")),
    mechanisms: mechanisms === null ? null : words(mechanisms),
    expires: textOrNull(row, "expires"),
    created: text(row, "created"),
    lastUsed: textOrNull(row, "last_used"),
    hash: text(row, "hash"),
    digestRealms: words(text(row, "digest_realms")),
  };
}

function readKind(kind: string): Credential["kind"] {
  if (kind === "password" || kind === "app-password" || kind === "device") return kind;
  throw new TypeError(`Cannot read credential: "${kind}" is no kind of one`);
}

function words(column: string): readonly string[] {
  return column.split(" ").filter((word) => word !== "");
}
