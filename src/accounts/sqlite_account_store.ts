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
import { addressForm, addressKey, canonicalName, isAccountName, parseAddress } from "./account_name.ts";
import { AccountQueries, type StoredAccount } from "./account_queries.ts";
import type { AccountSettings, AccountStoreOptions } from "./account_settings.ts";
import { readRecord, withoutHash } from "./account_record.ts";
import type {
  AccountAdmin,
  AccountFilter,
  AccountProblem,
  AccountRecord,
  AddressProblem,
  AppPasswordProblem,
  AppPasswordRequest,
  CheckOptions,
  Credential,
  ImportedSecret,
  NewAppPassword,
  VerifyForeign,
} from "./account_store.ts";
import {
  checkAppRequest,
  fitsAppHash,
  hasAppForm,
  hashAppPassword,
  makeAppPassword,
  MOST_APP_PASSWORDS,
} from "./app_password.ts";
import { type DatabaseProblem, openDatabase } from "./database.ts";
import { checkSecret } from "./check_secret.ts";
import { importedMaterial, Upgrades } from "./imported_passwords.ts";
import { isDevice } from "./device.ts";
import { DeviceStore } from "./device_store.ts";
import { createLastUse, type LastUse } from "./last_use.ts";
import { isForeign } from "./password_hash.ts";
import { deriveMaterial, deriveVerifiers, freshSalts } from "./password_material.ts";
import { PreviousPasswords } from "./previous_passwords.ts";
import { ACCOUNT_DATABASE } from "./schema.ts";

/** Addresses of one account. */
export const MOST_ADDRESSES = 100;

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
  readonly devices: DeviceStore;
  readonly #database: DatabaseSync;
  readonly #queries: AccountQueries;
  readonly #changes: AccountChanges;
  readonly #previous: PreviousPasswords;
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
    this.#previous = new PreviousPasswords(database, () => this.#remembered());
    this.devices = new DeviceStore(database, {
      settings: () => this.#settings,
      isTaken: (name) => this.#find(name) !== null,
      changed: () => this.#queries.forget(),
      now,
    });
    this.#changes = new AccountChanges(database, this.#previous, () => {
      this.#queries.forget();
      this.devices.forget();
    });
    this.#lastUse = createLastUse((uses) => this.#changes.writeUses(uses));
    this.#upgrades = new Upgrades(this.#changes);
    this.#now = now;
    this.#verifyForeign = verifyForeign;
    this.#settings = settings;
  }

  /** Takes the settings of a new configuration: they hold for names at once, for verifiers when a password is next set. */
  configure(settings: AccountSettings): void {
    this.#settings = settings;
    this.sweep();
  }

  /** Removes replaced passwords whose time is over. */
  sweep(): void {
    this.#previous.sweep();
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

  async checkPassword(account: string, password: string, options: CheckOptions = {}): Promise<Credential | null> {
    const found = await this.checkSecret(account, password, options);
    return found === "previous" ? null : found;
  }

  async checkSecret(
    account: string,
    password: string,
    { signal }: CheckOptions = {},
  ): Promise<Credential | "previous" | null> {
    const app = this.checkAppPassword(account, password);
    if (app !== null) return app;
    const found = await checkSecret({
      ...{ password, prepared: prepare(password), signal, verify: this.#verifyForeign },
      credentials: this.#queries.credentials(account),
      previous: this.#previous.hashes(account),
    });
    if (found === null || found === "previous") return found;
    const { id, hash } = found;
    if (isForeign(hash)) this.#upgrade(account, { credential: id, hash, password });
    return withoutHash(found);
  }

  /** The app password that this is, whatever its scope, or `null`, in no time: what has not the form of one is none. */
  checkAppPassword(account: string, password: string): Credential | null {
    if (!hasAppForm(password)) return null;
    const found = this.#queries.credentials(account).find(({ hash }) => fitsAppHash(password, hash));
    return found === undefined ? null : withoutHash(found);
  }

  verifiers(account: string, scheme: VerifierScheme): Promise<readonly Verifier[]> {
    return Promise.try(() => {
      const current = this.#queries.verifiers(account, scheme);
      const stored = current.length === 0 ? null : this.#queries.named(account);
      return stored === null ? current : [...current, ...this.#previous.verifiers(stored, scheme)];
    });
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
      const [stored, at] = [this.#person(user), this.#timestamp()];
      if (stored !== null && !replace) return fail("exists");
      const material = importedMaterial(secret, this.#settings);
      const name = canonicalName(user);
      const changed = stored !== null
        ? this.#changes.setPassword({ id: stored.id, material, at, disabled })
        : this.#changes.add({ name, salts: freshSalts(), material, at, disabled }, () => this.#find(user) !== null);
      return changed ? this.#recordOf(user) : fail(stored === null ? "exists" : "unknown-account");
    });
  }

  async setPassword(
    user: UserName,
    password: string,
    { forgetOld = false }: { readonly forgetOld?: boolean } = {},
  ): Promise<Result<AccountRecord, AccountProblem>> {
    const stored = this.#person(user);
    if (stored === null) return fail("unknown-account");
    const { id, local, realm, salts } = stored;
    const main = this.#queries.credentials(stored.account.name).find(({ kind }) => kind === "password");
    const like = forgetOld || this.#remembered().days === 0 ? null : main?.hash ?? null;
    const material = await deriveMaterial({ local, realm }, password, { salts, ...this.#settings, like });
    if (material === null) return fail("bad-password");
    const before = { keep: like !== null, legacyVerifiers: this.#settings.legacyVerifiers };
    if (!this.#changes.setPassword({ id, material, at: this.#timestamp(), before })) return fail("unknown-account");
    return this.#recordOf(user);
  }

  setDisabled(user: UserName, disabled: boolean): Promise<Result<AccountRecord, AccountProblem>> {
    return Promise.try(() => {
      const stored = this.#person(user);
      const changed = stored !== null && this.#changes.setDisabled(stored.id, { disabled, at: this.#timestamp() });
      return changed ? this.#recordOf(user) : fail("unknown-account");
    });
  }

  remove(user: UserName): Promise<Result<void, AccountProblem>> {
    return Promise.try(() => {
      const stored = this.#person(user);
      return stored !== null && this.#changes.remove(stored.id) ? succeed(undefined) : fail("unknown-account");
    });
  }

  /** Makes an account that has its password elsewhere, where there is none with exactly this name. */
  addForeign(user: UserName): void {
    const name = canonicalName(user);
    const there = () => this.#queries.named(name.name) !== null;
    if (!there()) this.#changes.add({ name, salts: freshSalts(), material: null, at: this.#timestamp() }, there);
  }

  async addAppPassword(
    user: UserName,
    asked: AppPasswordRequest,
  ): Promise<Result<NewAppPassword, AppPasswordProblem>> {
    const checked = checkAppRequest(asked, this.#now());
    if (!checked.ok) return checked;
    const stored = this.#person(user);
    if (stored === null) return fail("unknown-account");
    const request = checked.value;
    const refuses = () => this.#refuseAppPassword(stored.account.name, request.label);
    const refusal = refuses();
    if (refusal !== null) return fail(refusal);
    const { id, local, realm, salts } = stored;
    const password = makeAppPassword();
    const both = { password, prepared: password };
    const verifiers = await deriveVerifiers({ local, realm }, both, { salts, ...this.#settings });
    const material = { hash: hashAppPassword(password), ...verifiers };
    const added = this.#changes.addAppPassword({ id, request, material, at: this.#timestamp() }, refuses);
    if (!added.ok) return added;
    const credential = this.#queries.credentials(stored.account.name).find((each) => each.id === added.value);
    return credential === undefined
      ? fail("unknown-account")
      : succeed({ credential: withoutHash(credential), password });
  }

  revokeAppPassword(
    user: UserName,
    credential: string,
  ): Promise<Result<void, "unknown-account" | "unknown-credential">> {
    return Promise.try(() => {
      const stored = this.#person(user);
      if (stored === null) return fail("unknown-account");
      const revoked = this.#changes.revokeAppPassword(stored.id, { credential, at: this.#timestamp() });
      return revoked ? succeed(undefined) : fail("unknown-credential");
    });
  }

  setAddresses(user: UserName, addresses: readonly string[]): Promise<Result<AccountRecord, AddressProblem>> {
    return Promise.try(() => {
      const forms = new Map(addresses.map((address) => [addressForm(address), address]));
      const bad = forms.get(null);
      if (bad !== undefined) return fail({ kind: "bad-address", address: bad });
      if (forms.size > MOST_ADDRESSES) return fail({ kind: "too-many" });
      const keys = [...forms.keys()].filter((key) => key !== null);
      const stored = this.#person(user);
      if (stored === null) return fail({ kind: "unknown-account" });
      const { id } = stored;
      const set = this.#changes.setAddresses(id, { addresses: keys, at: this.#timestamp() }, () => {
        const taken = keys.find((key) => this.#isTaken(key, id));
        return taken === undefined ? null : { kind: "taken" as const, address: forms.get(taken) ?? taken };
      });
      if (!set.ok) return fail(set.problem === "unknown-account" ? { kind: set.problem } : set.problem);
      const record = this.#recordOf(user);
      return record.ok ? record : fail({ kind: "unknown-account" });
    });
  }

  show(user: UserName): Promise<AccountRecord | null> {
    return Promise.try(() => {
      const stored = this.#person(user);
      return stored === null ? null : this.#record(stored);
    });
  }

  list({ realm, search, ...page }: AccountFilter): Promise<readonly AccountRecord[]> {
    return Promise.try(() => {
      const stored = this.#queries.list({
        ...page,
        ...realm === undefined ? {} : { realm: canonicalName({ local: "", realm }).realm },
        ...search === undefined ? {} : { search: canonicalName({ local: search, realm: "" }).folded },
      });
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

  /** Devices have doors of their own: what is done to accounts of people does not reach them. */
  #person(user: UserName): StoredAccount | null {
    const stored = this.#find(user);
    return stored === null || isDevice(stored.account) ? null : stored;
  }

  #refuseAppPassword(account: string, label: string): "label-taken" | "too-many" | null {
    const others = this.#queries.credentials(account).filter(({ kind }) => kind === "app-password");
    if (others.some((other) => other.label === label)) return "label-taken";
    return others.length < MOST_APP_PASSWORDS ? null : "too-many";
  }

  /** A pattern is nobody's address. */
  #isTaken(key: string, id: number): boolean {
    const address = parseAddress(key);
    if (address === null) return false;
    return this.#queries.isHeldByAnother({ id, folded: address.local, realm: address.realm });
  }

  #recordOf(user: UserName): Result<AccountRecord, "unknown-account"> {
    const stored = this.#person(user);
    // Between our commit and this look another process may have removed it.
    return stored === null ? fail("unknown-account") : succeed(this.#record(stored));
  }

  #remembered(): { readonly now: number; readonly days: number } {
    return { now: this.#now(), days: this.#settings.rememberPreviousDays ?? 0 };
  }

  #record(stored: StoredAccount): AccountRecord {
    return readRecord(stored, { queries: this.#queries, settings: this.#settings });
  }

  #timestamp(): string {
    return new Date(this.#now()).toISOString();
  }
}
