/**
 * What lives as long as the process: the queue, the account stores, what is known of guessers. A reload hands it new settings; two
 * schedulers over one spool would send twice.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { APP_PASSWORD_FILE, AppPasswordFile } from "../accounts/app_password_store.ts";
import type { AccountSettings } from "../accounts/account_settings.ts";
import { openAccountStore, type SqliteAccountStore } from "../accounts/sqlite_account_store.ts";
import type { VerifyForeign } from "../accounts/account_store.ts";
import { LIMITS_FILE, openLimitRecords } from "../records/limit_records.ts";
import { openRecords } from "../records/open_records.ts";
import type { Records } from "../records/records.ts";
import { openKnownNetworks } from "../accounts/known_networks.ts";
import { Enrolments } from "../auth/enrolments.ts";
import { type ConfigurableGuessingStore, createGuessingStore } from "../auth/guessing.ts";
import { loadProcessKey } from "../auth/process_key.ts";
import { createSuccessCache, type SuccessCache } from "../auth/success_cache.ts";
import type { Config } from "../config/config.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import type { Spool } from "../spool/spool.ts";
import { openSpool } from "../spool/sqlite_spool.ts";
import { LimitKeeper } from "./limits/keeper.ts";

/** Why the server cannot start, with the kind that decides the exit code. */
export interface StartProblem {
  readonly kind: "damaged" | "newer" | "io" | "config" | "permission" | "held";
  readonly message: string;
}

/** Thrown where a backend asks for an account store that cannot be opened; caught where a generation is built. */
export class StoreUnavailable extends Error {
  readonly problem: StartProblem;

  constructor(problem: StartProblem) {
    super(problem.message);
    this.name = "StoreUnavailable";
    this.problem = problem;
  }
}

/** Whom the spool calls. */
interface DueCall {
  call: () => void;
}

/** What lives as long as the process. */
export class Standing implements AsyncDisposable {
  readonly spool: Spool;
  readonly guessing: ConfigurableGuessingStore;
  readonly cache: SuccessCache;
  /** What the sidecar keeps. */
  readonly records: Records;
  /** What everybody has sent, and who is on hold. */
  readonly limits: LimitKeeper;
  /** App passwords for accounts of backends that are not ours. */
  readonly appPasswords: AppPasswordFile;
  /** Windows in which devices are bound. */
  readonly enrolments = new Enrolments(Date.now);
  /** Of all keyed hashes. */
  readonly key: Uint8Array<ArrayBuffer>;
  readonly log: Log;
  /** Connections of banned addresses so far. */
  turnedAway = 0;
  readonly #stores = new Map<string, SqliteAccountStore>();
  readonly #dataDir: string;
  readonly #verifyForeign: VerifyForeign | undefined;
  #settings: AccountSettings;
  readonly #due: DueCall;

  private constructor(parts: {
    readonly spool: Spool;
    readonly due: DueCall;
    readonly guessing: ConfigurableGuessingStore;
    readonly cache: SuccessCache;
    readonly records: Records;
    readonly limits: LimitKeeper;
    readonly key: Uint8Array<ArrayBuffer>;
    readonly log: Log;
    readonly config: Config;
    readonly verifyForeign: VerifyForeign | undefined;
  }) {
    this.spool = parts.spool;
    this.#due = parts.due;
    this.guessing = parts.guessing;
    this.cache = parts.cache;
    this.records = parts.records;
    this.limits = parts.limits;
    this.key = parts.key;
    this.log = parts.log;
    this.#dataDir = parts.config.dataDir;
    this.#verifyForeign = parts.verifyForeign;
    this.#settings = accountSettings(parts.config);
    this.appPasswords = new AppPasswordFile(join(this.#dataDir, APP_PASSWORD_FILE), {
      ...this.#settings,
      now: Date.now,
    });
  }

  /** Opens everything in `data_dir`, whose lock the caller holds. */
  static async open(
    config: Config,
    { log, verifyForeign, onCommit }: {
      readonly log: Log;
      readonly verifyForeign?: VerifyForeign | undefined;
      /** Told how many mails one COMMIT of the spool holds. */
      readonly onCommit?: (mails: number) => void;
    },
  ): Promise<Result<Standing, StartProblem>> {
    const key = loadProcessKey(join(config.dataDir, "key"));
    if (!key.ok) return fail({ kind: "io", message: key.problem });
    const known = openKnownNetworks(join(config.dataDir, "known_networks"));
    if (!known.ok) return fail(known.problem);
    const records = openRecords(join(config.dataDir, "records"), { now: Date.now });
    if (!records.ok) {
      known.value[Symbol.dispose]();
      return fail(records.problem);
    }
    const limits = openLimitRecords(join(config.dataDir, LIMITS_FILE));
    if (!limits.ok) {
      known.value[Symbol.dispose]();
      await records.value[Symbol.asyncDispose]();
      return fail(limits.problem);
    }
    // The spool calls back from the moment it is open; the scheduler is there a moment later.
    const due: DueCall = { call: () => {} };
    const spool = await openSpool(config.dataDir, {
      messageSizeLimit: config.limits.messageSize,
      log,
      clock: { now: Date.now },
      onDue: () => due.call(),
      ...onCommit !== undefined && { onCommit },
    });
    if (!spool.ok) return fail(spool.problem);
    return succeed(
      new Standing({
        spool: spool.value,
        due,
        guessing: createGuessingStore(config.guessing, known.value),
        cache: createSuccessCache({ key: key.value }),
        records: records.value,
        limits: new LimitKeeper(
          { ...{ records: limits.value, spool: spool.value, key: key.value, log }, now: Date.now },
          config,
        ),
        key: key.value,
        log,
        config,
        verifyForeign,
      }),
    );
  }

  /** Called when a mail has become due. */
  onDue(call: () => void): void {
    this.#due.call = call;
  }

  /** The account store in a file under `data_dir`, opened once. Throws `StoreUnavailable`. */
  accounts(file: string): SqliteAccountStore {
    const path = resolve(this.#dataDir, file);
    const open = this.#stores.get(path);
    if (open !== undefined) return open;
    const opened = openAccountStore(path, {
      ...this.#settings,
      now: Date.now,
      verifyForeign: this.#verifyForeign,
    });
    if (!opened.ok) throw new StoreUnavailable(opened.problem);
    this.#stores.set(path, opened.value);
    return opened.value;
  }

  /** Whether an address is banned now; counts those that are, unless somebody only looks. */
  isBanned(remote: string, { counts } = { counts: true }): boolean {
    const banned = this.records.bans.around(remote, Date.now()) !== null;
    if (banned && counts) this.turnedAway++;
    return banned;
  }

  /** Removes what is past its time from the account stores. */
  sweep(): void {
    for (const store of this.#stores.values()) store.sweep();
  }

  /** Takes the settings of a new configuration. */
  configure(config: Config): void {
    this.#settings = accountSettings(config);
    for (const store of this.#stores.values()) store.configure(this.#settings);
    this.appPasswords.configure(this.#settings);
    this.guessing.configure(config.guessing);
    this.limits.configure(config);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.spool[Symbol.asyncDispose]();
    await this.guessing[Symbol.asyncDispose]();
    await this.records[Symbol.asyncDispose]();
    this.limits[Symbol.dispose]();
    for (const store of this.#stores.values()) await store[Symbol.asyncDispose]();
    await this.appPasswords[Symbol.asyncDispose]();
  }
}

function accountSettings({ defaultRealm, sasl, guessing }: Config): AccountSettings {
  return {
    defaultRealm,
    realms: sasl.realms,
    legacyVerifiers: sasl.legacyVerifiers,
    userCaseSensitive: sasl.userCaseSensitive,
    upgradeImported: sasl.upgradeImported,
    rememberPreviousDays: guessing.rememberPreviousDays,
  };
}
