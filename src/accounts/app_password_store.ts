/**
 * App passwords for accounts of other backends, in a SQLite file of their own: a store of accounts that have no main password here, and
 * what the other backend last said of each.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Account, Origin, UserName, Verifier, VerifierScheme } from "../backend.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { canonicalName } from "./account_name.ts";
import type { AppPasswordProblem, AppPasswordRequest, Credential, NewAppPassword } from "./account_store.ts";
import { checkAppRequest } from "./app_password.ts";
import { integer, text } from "./columns.ts";
import { type DatabaseProblem, type DatabaseShape, openDatabase } from "./database.ts";
import { ACCOUNT_DATABASE } from "./schema.ts";
import type { AccountSettings } from "./account_settings.ts";
import { SqliteAccountStore } from "./sqlite_account_store.ts";

/** The file's name in `data_dir`. */
export const APP_PASSWORD_FILE = "app_passwords";

/** Version 2 of this file was made before version 2 of those tables: what came later stands behind it. */
const [FIRST_ACCOUNT_TABLES, LATER_ACCOUNT_TABLES] = [
  ACCOUNT_DATABASE.migrations.slice(0, 1),
  ACCOUNT_DATABASE.migrations.slice(1),
];

const APP_PASSWORD_DATABASE: DatabaseShape = {
  what: "app passwords",
  applicationId: 0x646f6b70,
  migrations: [
    ...FIRST_ACCOUNT_TABLES,
    // `found` is the account in JSON, as its backend gave it; `at` is in milliseconds since the epoch.
    `
    CREATE TABLE known_account (
      account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
      at INTEGER NOT NULL,
      found TEXT NOT NULL
    ) STRICT;
    `,
    ...LATER_ACCOUNT_TABLES,
  ],
};

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
/** A file that cannot be opened is tried again after so long: the reason is somebody's work, and each try reads all of it. */
const RETRY_MS = 5000;

/** Settings, and the clock: milliseconds since the epoch. */
export type AppPasswordOptions =
  & Pick<AccountSettings, "defaultRealm" | "realms" | "legacyVerifiers">
  & { readonly now: () => number };

/**
 * The file in `data_dir`. It is made with the first app password, by whichever process, and from then on kept open.
 */
export class AppPasswordFile implements AsyncDisposable {
  readonly #path: string;
  #options: AppPasswordOptions;
  #open: AppPasswordStore | null = null;
  #failed: { readonly problem: DatabaseProblem; readonly at: number } | null = null;

  /** `path` is absolute. Nothing is opened yet. */
  constructor(path: string, options: AppPasswordOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Takes the settings of a new configuration. */
  configure(settings: Omit<AppPasswordOptions, "now">): void {
    const { now } = this.#options;
    this.#options = { ...settings, now };
    this.#open?.configure(this.#options);
  }

  /** `null`: there is no file, and so no app password. */
  existing(): Result<AppPasswordStore | null, DatabaseProblem> {
    if (this.#open !== null) return succeed(this.#open);
    try {
      Deno.statSync(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return succeed(null);
      // Said better where it is opened.
    }
    return this.make();
  }

  /** Opens the file, or makes it where there is none. */
  make(): Result<AppPasswordStore, DatabaseProblem> {
    if (this.#open !== null) return succeed(this.#open);
    const now = this.#options.now();
    if (this.#failed !== null && now >= this.#failed.at && now - this.#failed.at < RETRY_MS) {
      return fail(this.#failed.problem);
    }
    const opened = openDatabase(this.#path, APP_PASSWORD_DATABASE);
    this.#failed = opened.ok ? null : { problem: opened.problem, at: now };
    if (!opened.ok) return opened;
    this.#open = new AppPasswordStore(opened.value, this.#options);
    return succeed(this.#open);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.[Symbol.asyncDispose]();
    this.#open = null;
  }
}

/**
 * App passwords of accounts that have their main password elsewhere. Names are those of the other backend, and are compared without case
 * where that finds only one: most backends compare so.
 */
export class AppPasswordStore implements AsyncDisposable {
  readonly #database: DatabaseSync;
  readonly #accounts: SqliteAccountStore;
  readonly #known: StatementSync;
  readonly #know: StatementSync;
  readonly #forget: StatementSync;
  readonly #now: () => number;
  readonly #written = new Map<string, number>();
  readonly #gone = new Set<string>();

  /** Made by `AppPasswordFile`. */
  constructor(database: DatabaseSync, options: AppPasswordOptions) {
    this.#database = database;
    this.#now = options.now;
    this.#accounts = new SqliteAccountStore(database, { ...options, userCaseSensitive: false });
    this.#known = database.prepare(
      "SELECT at, found FROM known_account JOIN account ON account = account.id WHERE name = ?",
    );
    this.#know = database.prepare(
      "INSERT OR REPLACE INTO known_account (account, at, found) SELECT id, ?, ? FROM account WHERE name = ?",
    );
    this.#forget = database.prepare(
      "DELETE FROM known_account WHERE account = (SELECT id FROM account WHERE name = ?)",
    );
  }

  /** Takes the settings of a new configuration, for app passwords that are made from now on. */
  configure(settings: Omit<AppPasswordOptions, "now">): void {
    this.#accounts.configure({ ...settings, userCaseSensitive: false });
  }

  /** The name under which an account has app passwords, or has had them. */
  async find(user: UserName): Promise<string | null> {
    return (await this.#accounts.find(user))?.name ?? null;
  }

  /** The oldest first. */
  credentials(account: string): Promise<readonly Credential[]> {
    return this.#accounts.credentials(account);
  }

  /** The app password that this is, whatever its scope, or `null`, in no time. */
  check(account: string, password: string): Credential | null {
    return this.#accounts.checkAppPassword(account, password);
  }

  verifiers(account: string, scheme: VerifierScheme): Promise<readonly Verifier[]> {
    return this.#accounts.verifiers(account, scheme);
  }

  /** Remembers the last use; written a little later, never waited for. */
  used(account: string, credential: string, origin: Origin, at: number): Promise<void> {
    return this.#accounts.used(account, credential, origin, at);
  }

  /** Adds an app password for an account of another backend, which knows it by this name. */
  async add(name: UserName, request: AppPasswordRequest): Promise<Result<NewAppPassword, AppPasswordProblem>> {
    // Before the account is made: one without an app password would only lie about.
    const checked = checkAppRequest(request, this.#now());
    if (!checked.ok) return checked;
    this.#accounts.addForeign(name);
    return await this.#accounts.addAppPassword(name, request);
  }

  /** No login by it is accepted from now on. */
  revoke(name: UserName, credential: string): Promise<Result<void, "unknown-account" | "unknown-credential">> {
    return this.#accounts.revokeAppPassword(name, credential);
  }

  /** Removes all app passwords of an account; false when it has none. */
  async remove(name: UserName): Promise<boolean> {
    return (await this.#accounts.remove(name)).ok;
  }

  /** Remembers that the account's backend has just known it. Written once an hour for each account at most; a disk that is full costs nothing. */
  know(account: string, found: Account, now: number): void {
    this.#gone.delete(account);
    const last = this.#written.get(account);
    if (last !== undefined && now >= last && now - last < HOUR_MS) return;
    this.#written.set(account, now);
    // A lost one costs nothing, so no login has to wait for the disk.
    this.#database.exec("PRAGMA synchronous=NORMAL");
    try {
      this.#know.run(now, JSON.stringify(found), account);
    } catch {
      this.#written.delete(account);
    } finally {
      this.#database.exec("PRAGMA synchronous=FULL");
    }
  }

  /** The account as its backend knew it within the last 24 hours, or `null`. */
  known(account: string, now: number): Account | null {
    if (this.#gone.has(account)) return null;
    const row = this.#known.get(account);
    const age = row === undefined ? Infinity : now - integer(row, "at");
    return row === undefined || age < 0 || age >= DAY_MS ? null : parseAccount(text(row, "found"));
  }

  /** To be called when the account's backend does not know it any more, or says that it may not log in. */
  forget(account: string): void {
    this.#written.delete(account);
    this.#gone.add(account);
    try {
      this.#forget.run(account);
    } catch {
      // A full disk or a busy file: this process at least has heard it.
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#accounts[Symbol.asyncDispose]();
  }
}

/** Splits the canonical name of an account. */
export function splitAccountName(account: string): UserName {
  const at = account.lastIndexOf("@");
  return { local: account.slice(0, Math.max(at, 0)), realm: account.slice(at + 1) };
}

/** Whether an account of another backend can be named here: `user@realm` in the form in which names are looked up. */
export function isStorable(account: string): boolean {
  const user = splitAccountName(account);
  return user.local !== "" && user.realm !== "" && canonicalName(user).name === account;
}

/** What this program has written. */
function parseAccount(json: string): Account | null {
  const value: unknown = JSON.parse(json);
  if (typeof value !== "object" || value === null) return null;
  const { name, backend, addresses, groups, attributes } = value as Partial<Account>;
  if (typeof name !== "string" || typeof backend !== "string") return null;
  return { name, backend, addresses: addresses ?? [], groups: groups ?? [], attributes: attributes ?? {} };
}
