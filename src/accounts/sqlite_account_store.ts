/**
 * The account store in a SQLite file. It reads the file at each question (some microseconds), so that a change by any process
 * counts at once; nothing is kept in memory but the times of last use.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Account, Origin, UserName, Verifier, VerifierScheme } from "../backend.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { prepare } from "../sasl/saslprep.ts";
import { AccountChanges } from "./account_changes.ts";
import { addressKey, canonicalName, isAccountName, parseAddress } from "./account_name.ts";
import { AccountQueries, type StoredAccount, type StoredCredential } from "./account_queries.ts";
import type {
  AccountAdmin,
  AccountProblem,
  AccountRecord,
  Credential,
  ImportedSecret,
  VerifyForeign,
} from "./account_store.ts";
import { type DatabaseProblem, openDatabase } from "./database.ts";
import { fitsImported, importedMaterial, Upgrades } from "./imported_passwords.ts";
import { createLastUse, type LastUse } from "./last_use.ts";
import { DUMMY_HASH, isForeign, verifyPassword } from "./password_hash.ts";
import { deriveMaterial, freshSalts } from "./password_material.ts";
import { ACCOUNT_DATABASE } from "./schema.ts";

/** What of the configuration concerns accounts; a reload may change it. */
export interface AccountSettings {
  readonly defaultRealm: string;
  readonly realms: readonly string[];
  /** Whether a password that is set gets CRAM-MD5 and DIGEST-MD5 verifiers. */
  readonly legacyVerifiers: boolean;
  /** Whether the user part of a name is looked up with case. */
  readonly userCaseSensitive: boolean;
  /** Whether an imported hash becomes one of ours, with all verifiers, at the login that proves it. Default true. */
  readonly upgradeImported?: boolean;
}

/** Settings, and the clock: milliseconds since the epoch. */
export interface AccountStoreOptions extends AccountSettings {
  readonly now: () => number;
  /** Absent: a login with an imported hash is an outage. */
  readonly verifyForeign?: VerifyForeign | undefined;
}

/** Opens the account store in this file, or makes an empty one where there is none. See `DatabaseProblem` for what can be wrong. */
export function openAccountStore(
  file: string,
  options: AccountStoreOptions,
): Result<SqliteAccountStore, DatabaseProblem> {
  const opened = openDatabase(file, ACCOUNT_DATABASE);
  return opened.ok ? succeed(new SqliteAccountStore(opened.value, options)) : opened;
}

/** The account store in a SQLite file, made by `openAccountStore`. */
export class SqliteAccountStore implements AccountAdmin {
  readonly #database: DatabaseSync;
  readonly #queries: AccountQueries;
  readonly #changes: AccountChanges;
  readonly #lastUse: LastUse;
  readonly #upgrades: Upgrades;
  readonly #now: () => number;
  readonly #verifyForeign: VerifyForeign | undefined;
  #settings: AccountSettings;

  constructor(database: DatabaseSync, { now, verifyForeign, ...settings }: AccountStoreOptions) {
    // An old hash must not be left in a free page of the file.
    database.exec("PRAGMA secure_delete=ON");
    this.#database = database;
    this.#queries = new AccountQueries(database);
    this.#changes = new AccountChanges(database, () => this.#queries.forget());
    this.#lastUse = createLastUse((uses) => this.#changes.writeUses(uses));
    this.#upgrades = new Upgrades(this.#changes);
    this.#now = now;
    this.#verifyForeign = verifyForeign;
    this.#settings = settings;
  }

  /** Takes the settings of a new configuration: they hold for names at once, for verifiers when a password is next set. */
  configure(settings: AccountSettings): void {
    this.#settings = settings;
  }

  get schemes(): ReadonlySet<VerifierScheme> {
    const modern = ["scram-sha-1", "scram-sha-256"] as const;
    const made = this.#settings.legacyVerifiers ? ["cram-md5", "digest-md5", ...modern] as const : modern;
    return new Set<VerifierScheme>(made).difference(new Set(this.#lacked()));
  }

  find(by: UserName | { readonly address: string }): Promise<Account | null> {
    return Promise.try(() => this.#find(by)?.account ?? null);
  }

  namesakes(local: string): Promise<readonly UserName[]> {
    return Promise.try(() => this.#queries.namesakes(canonicalName({ local, realm: "" }).folded));
  }

  state(account: string): Promise<"active" | "disabled" | "unknown"> {
    return Promise.try(() => this.#queries.state(account));
  }

  credentials(account: string): Promise<readonly Credential[]> {
    return Promise.try(() => this.#queries.credentials(account).map(withoutHash));
  }

  async checkPassword(
    account: string,
    password: string,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Credential | null> {
    const prepared = prepare(password);
    const credentials = prepared === null ? [] : this.#queries.credentials(account);
    for (const { hash, ...rest } of credentials) {
      const foreign = isForeign(hash);
      const fits = foreign
        ? await fitsImported(password, hash, { verify: this.#verifyForeign, signal })
        : await verifyPassword(prepared ?? "", hash, signal);
      if (!fits) continue;
      if (foreign) this.#upgrade(account, { credential: rest.id, hash, password });
      return withoutHash({ hash, ...rest });
    }
    if (credentials.length === 0) await verifyPassword(prepared ?? "", DUMMY_HASH, signal);
    return null;
  }

  verifiers(account: string, scheme: VerifierScheme): Promise<readonly Verifier[]> {
    return Promise.try(() => this.#queries.verifiers(account, scheme));
  }

  used(_account: string, credential: string, _origin: Origin, at: number): Promise<void> {
    this.#lastUse.note(credential, at);
    return Promise.resolve();
  }

  probe(): Result<void, string> {
    try {
      this.#queries.state("");
      return succeed(undefined);
    } catch (error) {
      return fail(`Cannot read the account store: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async add(user: UserName, password: string): Promise<Result<AccountRecord, AccountProblem>> {
    if (!isAccountName(user)) return fail("bad-name");
    const taken = () => this.#find(user) !== null;
    if (taken()) return fail("exists");
    const [name, salts] = [canonicalName(user), freshSalts()];
    const material = await deriveMaterial(name, password, { salts, ...this.#settings });
    if (material === null) return fail("bad-password");
    // Looked at again under the write lock: another process may have added it while scrypt was at work.
    if (!this.#changes.add({ name, salts, material, at: this.#timestamp() }, taken)) return fail("exists");
    return this.#recordOf(user);
  }

  addImported(
    user: UserName,
    secret: ImportedSecret,
    { replace = false, disabled = false }: { readonly replace?: boolean; readonly disabled?: boolean } = {},
  ): Promise<Result<AccountRecord, AccountProblem>> {
    return Promise.try(() => {
      if (!isAccountName(user)) return fail("bad-name");
      const [stored, at] = [this.#find(user), this.#timestamp()];
      if (stored !== null && !replace) return fail("exists");
      const material = importedMaterial(secret, this.#settings);
      const name = canonicalName(user);
      const changed = stored !== null
        ? this.#changes.setPassword({ id: stored.id, material, at, disabled })
        : this.#changes.add({ name, salts: freshSalts(), material, at, disabled }, () => this.#find(user) !== null);
      return changed ? this.#recordOf(user) : fail(stored === null ? "exists" : "unknown-account");
    });
  }

  async setPassword(user: UserName, password: string): Promise<Result<AccountRecord, AccountProblem>> {
    const stored = this.#find(user);
    if (stored === null) return fail("unknown-account");
    const { id, local, realm, salts } = stored;
    const material = await deriveMaterial({ local, realm }, password, { salts, ...this.#settings });
    if (material === null) return fail("bad-password");
    if (!this.#changes.setPassword({ id, material, at: this.#timestamp() })) return fail("unknown-account");
    return this.#recordOf(user);
  }

  setDisabled(user: UserName, disabled: boolean): Promise<Result<AccountRecord, AccountProblem>> {
    return Promise.try(() => {
      const stored = this.#find(user);
      const changed = stored !== null && this.#changes.setDisabled(stored.id, { disabled, at: this.#timestamp() });
      return changed ? this.#recordOf(user) : fail("unknown-account");
    });
  }

  remove(user: UserName): Promise<Result<void, AccountProblem>> {
    return Promise.try(() => {
      const stored = this.#find(user);
      return stored !== null && this.#changes.remove(stored.id) ? succeed(undefined) : fail("unknown-account");
    });
  }

  show(user: UserName): Promise<AccountRecord | null> {
    return Promise.try(() => {
      const stored = this.#find(user);
      return stored === null ? null : this.#record(stored);
    });
  }

  list({ realm }: { readonly realm?: string }): Promise<readonly AccountRecord[]> {
    return Promise.try(() => {
      const only = realm === undefined ? null : canonicalName({ local: "", realm }).realm;
      const stored = this.#queries.all().filter((each) => only === null || each.realm === only);
      return stored.map((each) => this.#record(each));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#upgrades.settled();
    if (!this.#database.isOpen) return;
    this.#lastUse[Symbol.dispose]();
    this.#database.close();
  }

  /** The login does not wait for it. */
  #upgrade(
    account: string,
    proved: { readonly credential: string; readonly hash: string; readonly password: string },
  ): void {
    const { upgradeImported = true, ...settings } = this.#settings;
    const stored = upgradeImported ? this.#queries.named(account) : null;
    if (stored !== null && !stored.disabled) this.#upgrades.begin({ stored, ...proved }, settings);
  }

  /** A file that cannot be read is told where a question is asked; the offer of mechanisms is made in any case. */
  #lacked(): readonly VerifierScheme[] {
    try {
      return this.#queries.schemesLacked();
    } catch {
      return [];
    }
  }

  #find(by: UserName | { readonly address: string }): StoredAccount | null {
    if ("address" in by) {
      const address = parseAddress(by.address);
      if (address === null) return null;
      return this.#queries.namedInAnyCase(canonicalName(address)) ?? this.#queries.addressed(addressKey(address));
    }
    const name = canonicalName(by);
    return this.#settings.userCaseSensitive ? this.#queries.named(name.name) : this.#queries.namedInAnyCase(name);
  }

  #recordOf(user: UserName): Result<AccountRecord, AccountProblem> {
    const stored = this.#find(user);
    // Between our commit and this look another process may have removed it.
    return stored === null ? fail("unknown-account") : succeed(this.#record(stored));
  }

  #record(stored: StoredAccount): AccountRecord {
    const { id, account, disabled, created, changed } = stored;
    const credentials = this.#queries.credentials(account.name);
    const schemes = this.#queries.schemes(id);
    const imported = credentials.some(({ hash }) => isForeign(hash));
    return {
      ...account,
      disabled,
      created,
      changed,
      credentials: credentials.map(withoutHash),
      schemes,
      legacyVerifiers: schemes.includes("cram-md5") || schemes.includes("digest-md5"),
      imported,
      missingRealms: this.#missingRealms(credentials),
    };
  }

  /** None where a password set anew would get no DIGEST-MD5 forms either, or where the next login makes them. */
  #missingRealms(credentials: readonly StoredCredential[]): readonly string[] {
    const { defaultRealm, realms, legacyVerifiers } = this.#settings;
    const main = credentials.find(({ kind }) => kind === "password");
    if (!legacyVerifiers || main === undefined || isForeign(main.hash)) return [];
    return [...new Set([defaultRealm, ...realms])].filter((realm) => !main.digestRealms.includes(realm));
  }

  #timestamp(): string {
    return new Date(this.#now()).toISOString();
  }
}

function withoutHash({ hash: _hash, digestRealms: _digestRealms, ...credential }: StoredCredential): Credential {
  return credential;
}
