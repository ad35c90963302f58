/**
 * The devices in the file of an account store.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { UserName } from "../backend.ts";
import { hex } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { canonicalName, isAccountName } from "./account_name.ts";
import { integer, type Row, text, textOrNull } from "./columns.ts";
import { transaction } from "./database.ts";
import {
  checkDevice,
  dayOf,
  type DeviceAdmin,
  type DeviceChannel,
  type DevicePasswordOptions,
  type DeviceProblem,
  type DeviceRecord,
  type DeviceRepair,
  type DeviceSettings,
  makeDevicePassword,
  type NewDevice,
} from "./device.ts";
import { DatabaseMemo } from "./memo.ts";
import { deriveMaterial, freshSalts, type PasswordMaterial, type ScramSalts } from "./password_material.ts";

/** What the store around it gives. */
export interface DeviceStoreParts {
  readonly settings: () => { readonly defaultRealm: string; readonly realms: readonly string[] };
  /** Whether some account has this name. */
  readonly isTaken: (name: UserName) => boolean;
  /** Called after each change. */
  readonly changed: () => void;
  readonly now: () => number;
}

/** A record with what only the store needs. */
interface StoredDevice {
  readonly id: number;
  readonly credential: string;
  readonly day: number;
  readonly mails: number;
  readonly salts: ScramSalts;
  readonly local: string;
  readonly realm: string;
  readonly record: DeviceRecord;
}

/** The devices of an open file. */
export class DeviceStore implements DeviceAdmin {
  readonly #database: DatabaseSync;
  readonly #parts: DeviceStoreParts;
  readonly #memo: DatabaseMemo;
  readonly #select: StatementSync;
  readonly #repairs: StatementSync;

  constructor(database: DatabaseSync, parts: DeviceStoreParts) {
    this.#database = database;
    this.#parts = parts;
    this.#memo = new DatabaseMemo(database);
    this.#select = database.prepare(
      `SELECT account.*, device.*, credential.id AS credential, credential.networks, credential.last_used
       FROM device JOIN account ON device.account = account.id
       JOIN credential ON credential.account = account.id AND credential.kind = 'device' ORDER BY name`,
    );
    this.#repairs = database.prepare("SELECT what, count, last FROM device_repair WHERE account = ? ORDER BY what");
  }

  /** To be called after each change by this connection that is not made here. */
  forget(): void {
    this.#memo.forget();
  }

  all(): readonly DeviceRecord[] {
    const today = dayOf(this.#parts.now());
    return this.#memo.recall(`records ${today}`, () => this.#stored().map((each) => asOf(each, today)));
  }

  show(name: UserName): DeviceRecord | null {
    const found = this.#find(name);
    return found === null ? null : asOf(found, dayOf(this.#parts.now()));
  }

  async add(
    name: UserName,
    asked: DeviceSettings,
    options: DevicePasswordOptions,
  ): Promise<Result<NewDevice, DeviceProblem>> {
    if (!isAccountName(name)) return fail({ kind: "bad-name" });
    const checked = checkDevice(asked);
    if (!checked.ok) return checked;
    if (this.#parts.isTaken(name)) return fail({ kind: "exists" });
    const salts = freshSalts();
    const { password, material } = await this.#makePassword(name, salts, options);
    const added = this.#change(() => {
      // Looked at again under the write lock: another process may have added it meanwhile.
      if (this.#parts.isTaken(name)) return false;
      this.#insert(name, checked.value, { salts, material });
      return true;
    });
    return added ? this.#withPassword(name, password) : fail({ kind: "exists" });
  }

  set(name: UserName, settings: Partial<DeviceSettings>): Result<DeviceRecord, DeviceProblem> {
    const found = this.#find(name);
    if (found === null) return fail({ kind: "unknown-device" });
    const checked = checkDevice({ ...found.record, ...settings });
    if (!checked.ok) return checked;
    const { sender, networks, recipients, perDay, channel, repair } = checked.value;
    this.#change(() => {
      this.#run("UPDATE account SET changed = ? WHERE id = ?", this.#timestamp(), found.id);
      this.#run(
        "UPDATE device SET sender = ?, recipients = ?, per_day = ?, channel = ?, repair = ? WHERE account = ?",
        ...[sender, recipients.join(" "), perDay, channel, repair ? 1 : 0, found.id],
      );
      // The version stays: the networks are looked at anew at the end of each login, also of one that is under way.
      this.#run("UPDATE credential SET networks = ? WHERE id = ?", networks.join(" "), found.credential);
    });
    return this.#shown(name);
  }

  async setPassword(name: UserName, options: DevicePasswordOptions): Promise<Result<NewDevice, DeviceProblem>> {
    const found = this.#find(name);
    if (found === null) return fail({ kind: "unknown-device" });
    const { password, material } = await this.#makePassword(found, found.salts, options);
    this.#change(() => {
      this.#run("UPDATE account SET changed = ? WHERE id = ?", this.#timestamp(), found.id);
      this.#run(
        "UPDATE credential SET version = ?, hash = ?, digest_realms = ? WHERE id = ?",
        ...[randomToken(), material.hash, material.digestRealms.join(" "), found.credential],
      );
      this.#run("DELETE FROM verifier WHERE credential = ?", found.credential);
      this.#insertVerifiers(found.credential, material);
    });
    return this.#withPassword(name, password);
  }

  setDisabled(name: UserName, disabled: boolean): Result<DeviceRecord, DeviceProblem> {
    const found = this.#find(name);
    if (found === null) return fail({ kind: "unknown-device" });
    this.#change(() => {
      const sql = "UPDATE account SET disabled = ?, changed = ? WHERE id = ?";
      this.#run(sql, disabled ? 1 : 0, this.#timestamp(), found.id);
    });
    return this.#shown(name);
  }

  remove(name: UserName): Result<void, DeviceProblem> {
    const found = this.#find(name);
    if (found === null) return fail({ kind: "unknown-device" });
    this.#change(() => this.#run("DELETE FROM account WHERE id = ?", found.id));
    return succeed(undefined);
  }

  countMail(name: string, at: number): void {
    const day = dayOf(at);
    this.#relaxed(() =>
      this.#run(
        `UPDATE device SET mails = CASE day WHEN ?1 THEN mails + 1 ELSE 1 END, day = ?1
         WHERE account = (SELECT id FROM account WHERE name = ?2)`,
        ...[day, name],
      )
    );
  }

  countRepairs(name: string, repairs: ReadonlyMap<string, number>, at: number): void {
    this.#relaxed(() => {
      for (const [what, count] of repairs) {
        this.#run(
          `INSERT INTO device_repair (account, what, count, last)
           SELECT device.account, ?, ?, ? FROM device JOIN account ON device.account = account.id WHERE name = ?
           ON CONFLICT (account, what) DO UPDATE SET count = count + excluded.count, last = excluded.last`,
          ...[what, count, new Date(at).toISOString(), name],
        );
      }
    });
  }

  #stored(): readonly StoredDevice[] {
    return this.#memo.recall("stored", () =>
      this.#select.all().map((row) => {
        return readDevice(row, this.#repairs.all(integer(row, "id")).map(readRepair));
      }));
  }

  #find(name: UserName): StoredDevice | null {
    const wanted = canonicalName(name).name;
    return this.#stored().find(({ record }) => record.name === wanted) ?? null;
  }

  #shown(name: UserName): Result<DeviceRecord, DeviceProblem> {
    const record = this.show(name);
    // Between our commit and this look another process may have removed it.
    return record === null ? fail({ kind: "unknown-device" }) : succeed(record);
  }

  #withPassword(name: UserName, password: string): Result<NewDevice, DeviceProblem> {
    const shown = this.#shown(name);
    return shown.ok ? succeed({ device: shown.value, password }) : shown;
  }

  /** With the verifiers of weak mechanisms whatever `legacy_verifiers` says: the password is random, and nobody uses it elsewhere. */
  async #makePassword(
    name: UserName,
    salts: ScramSalts,
    options: DevicePasswordOptions,
  ): Promise<{ readonly password: string; readonly material: PasswordMaterial }> {
    const password = makeDevicePassword(options);
    const { local, realm } = canonicalName(name);
    const settings = { ...this.#parts.settings(), salts, legacyVerifiers: true };
    const material = await deriveMaterial({ local, realm }, password, settings);
    if (material === null) throw new TypeError("Cannot derive from a password that was made here");
    return { password, material };
  }

  #insert(
    user: UserName,
    { sender, networks, recipients, perDay, channel, repair }: DeviceSettings,
    { salts, material }: { readonly salts: ScramSalts; readonly material: PasswordMaterial },
  ): void {
    const [at, credential, { name, local, realm, folded }] = [this.#timestamp(), randomToken(), canonicalName(user)];
    const { "scram-sha-1": sha1, "scram-sha-256": sha256 } = salts;
    const id = Number(this.#run(
      `INSERT INTO account (name, local, realm, folded, created, changed,
         salt_sha_1, iterations_sha_1, salt_sha_256, iterations_sha_256) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[name, local, realm, folded, at, at, sha1.salt, sha1.iterations, sha256.salt, sha256.iterations],
    ));
    this.#run(
      `INSERT INTO credential (account, kind, label, created, id, version, hash, digest_realms, networks)
       VALUES (?, 'device', 'device', ?, ?, ?, ?, ?, ?)`,
      ...[id, at, credential, randomToken(), material.hash, material.digestRealms.join(" "), networks.join(" ")],
    );
    this.#insertVerifiers(credential, material);
    this.#run(
      "INSERT INTO device (account, sender, recipients, per_day, channel, repair) VALUES (?, ?, ?, ?, ?, ?)",
      ...[id, sender, recipients.join(" "), perDay, channel, repair ? 1 : 0],
    );
  }

  #insertVerifiers(credential: string, { verifiers }: PasswordMaterial): void {
    for (const [scheme, value] of verifiers) {
      this.#run("INSERT INTO verifier (credential, scheme, value) VALUES (?, ?, ?)", credential, scheme, value);
    }
  }

  /** The id of the row that was inserted, if any. */
  #run(sql: string, ...values: readonly (string | number | null | Uint8Array)[]): number | bigint {
    return this.#database.prepare(sql).run(...values).lastInsertRowid;
  }

  /** A count that a power cut takes back costs nothing, and no mail waits for the disk. */
  #relaxed(work: () => void): void {
    this.#database.exec("PRAGMA synchronous=NORMAL");
    try {
      this.#change(work);
    } finally {
      this.#database.exec("PRAGMA synchronous=FULL");
    }
  }

  #change<Value>(work: () => Value): Value {
    try {
      return transaction(this.#database, work);
    } finally {
      this.forget();
      this.#parts.changed();
    }
  }

  #timestamp(): string {
    return new Date(this.#parts.now()).toISOString();
  }
}

function asOf({ record, day, mails }: StoredDevice, today: number): DeviceRecord {
  return { ...record, mailsToday: day === today ? mails : 0 };
}

function readDevice(row: Row, repairs: readonly DeviceRepair[]): StoredDevice {
  const [salt1, salt256] = [row["salt_sha_1"], row["salt_sha_256"]];
  if (!(salt1 instanceof Uint8Array) || !(salt256 instanceof Uint8Array)) {
    throw new TypeError("Cannot read device: a salt is missing");
  }
  const perDay = row["per_day"];
  return {
    id: integer(row, "id"),
    credential: text(row, "credential"),
    day: integer(row, "day"),
    mails: integer(row, "mails"),
    salts: {
      "scram-sha-1": { salt: new Uint8Array(salt1), iterations: integer(row, "iterations_sha_1") },
      "scram-sha-256": { salt: new Uint8Array(salt256), iterations: integer(row, "iterations_sha_256") },
    },
    local: text(row, "local"),
    realm: text(row, "realm"),
    record: {
      name: text(row, "name"),
      sender: text(row, "sender"),
      networks: words(row, "networks"),
      recipients: words(row, "recipients"),
      perDay: typeof perDay === "number" ? perDay : null,
      channel: readChannel(text(row, "channel")),
      repair: integer(row, "repair") !== 0,
      disabled: integer(row, "disabled") !== 0,
      created: text(row, "created"),
      changed: text(row, "changed"),
      lastUsed: textOrNull(row, "last_used"),
      mailsToday: 0,
      repairs,
    },
  };
}

function readRepair(row: Row): DeviceRepair {
  return { what: text(row, "what"), count: integer(row, "count"), last: text(row, "last") };
}

function readChannel(channel: string): DeviceChannel {
  if (channel === "cram-md5" || channel === "login" || channel === "tls") return channel;
  throw new TypeError(`Cannot read device: "${channel}" is no channel`);
}

function words(row: Row, column: string): readonly string[] {
  return text(row, column).split(" ").filter((word) => word !== "");
}

/** Random, so that a version never comes back. */
function randomToken(): string {
  return hex(randomBytes(8));
}
