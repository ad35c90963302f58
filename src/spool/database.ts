/**
 * The database file of the spool: its tables, its versions, and how it is opened without harming a damaged one.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { fail, type Result, succeed } from "../lib/result.ts";
import type { OpenProblem } from "./protocol.ts";

/** The database in `data_dir`. */
export const DATABASE_FILE = "spool.sqlite";
/** The folder in `data_dir` of content that is too large for a row. */
export const CONTENT_FOLDER = "content";

const QUICK_CHECK_LINES = 3;
const BUSY_MS = 5000;

/** Step N brings a database of `user_version` N to N + 1. A step that was released never changes. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE mail (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    reverse_path TEXT,
    body TEXT NOT NULL,
    smtputf8 INTEGER NOT NULL,
    declared_size INTEGER,
    ret TEXT,
    envid TEXT,
    account TEXT,
    received INTEGER NOT NULL,
    size INTEGER NOT NULL,
    has_8bit INTEGER NOT NULL,
    in_file INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE recipient (
    mail INTEGER NOT NULL,
    id INTEGER NOT NULL,
    forward_path TEXT NOT NULL,
    domain TEXT NOT NULL,
    notify TEXT,
    orcpt TEXT,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due INTEGER NOT NULL,
    last_reply TEXT,
    PRIMARY KEY (mail, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX recipient_due ON recipient (due) WHERE state IN ('waiting', 'attempting');

  -- Apart from mail, so that a list reads no content.
  CREATE TABLE content (mail INTEGER PRIMARY KEY, octets BLOB NOT NULL) STRICT;

  -- Outlives its mail: what is handed in again after it was delivered is still the same mail.
  CREATE TABLE source (name TEXT PRIMARY KEY, mail TEXT NOT NULL, received INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE probe (id INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
  `,
  "ALTER TABLE mail ADD COLUMN notice INTEGER NOT NULL DEFAULT 0",
  "ALTER TABLE recipient ADD COLUMN alias TEXT",
  `
  CREATE TABLE notice_due (
    mail INTEGER NOT NULL,
    recipient INTEGER NOT NULL,
    action TEXT NOT NULL,
    reply TEXT NOT NULL,
    enhanced TEXT NOT NULL,
    remote_host TEXT,
    at INTEGER NOT NULL,
    retry_until INTEGER,
    told INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (mail, recipient, action)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE attempt (
    mail INTEGER NOT NULL,
    recipient INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    route TEXT,
    host TEXT,
    outcome TEXT NOT NULL,
    reply TEXT NOT NULL,
    PRIMARY KEY (mail, recipient, number)
  ) STRICT, WITHOUT ROWID;
  `,
];

/** The `user_version` of the database that this program works with. */
export const SPOOL_VERSION = MIGRATIONS.length;

/**
 * Opens the database of a `data_dir`, makes it where there is none, and brings it to the present version. A damaged, truncated or
 * newer one is refused and stays as it is, to the octet.
 */
export function openDatabase(dir: string): Result<DatabaseSync, OpenProblem> {
  const file = `${dir}/${DATABASE_FILE}`;
  try {
    const size = statOrNull(file)?.size ?? 0;
    const problem = size === 0 ? lost(dir) : examine(file);
    if (problem !== null) return fail(problem);
    // SQLite would make it readable for everyone; -wal and -shm take over its mode.
    Deno.openSync(file, { create: true, write: true, mode: 0o600 }).close();
    Deno.chmodSync(file, 0o600);
    using opened = new DisposableStack();
    const db = opened.use(new DatabaseSync(file, { timeout: BUSY_MS }));
    // Before the first table, or it has no effect; and not inside a transaction.
    db.exec("PRAGMA auto_vacuum = INCREMENTAL");
    db.exec("PRAGMA journal_mode = WAL");
    // FULL: each COMMIT syncs the log. This line is the promise of the 250.
    db.exec("PRAGMA synchronous = FULL");
    db.exec("PRAGMA temp_store = MEMORY");
    // The log keeps this much: to overwrite synced blocks is faster than to append new ones.
    db.exec("PRAGMA journal_size_limit = 16777216");
    migrate(db);
    Deno.mkdirSync(`${dir}/${CONTENT_FOLDER}`, { recursive: true, mode: 0o700 });
    Deno.chmodSync(`${dir}/${CONTENT_FOLDER}`, 0o700);
    syncFolder(dir);
    opened.move();
    return succeed(db);
  } catch (error) {
    return fail(openProblem(file, error));
  }
}

/** Opens a database file for reading alone: nothing in it changes, whatever its state. Throws what SQLite and the system throw. */
export function openReadOnly(file: string): DatabaseSync {
  return new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS });
}

/** As `openReadOnly`, but what is left of a file that was cut off can be read. */
export function openToSalvage(file: string): DatabaseSync {
  // A variable, since the types of Deno 2.9 do not know `defensive`.
  const options = { readOnly: true, timeout: BUSY_MS, defensive: false };
  const db = new DatabaseSync(file, options);
  // Without it SQLite gives not one row of a file that is shorter than its header says.
  db.exec("PRAGMA writable_schema = ON");
  return db;
}

/** Brings a database forward, all steps in one transaction. */
export function migrate(db: DatabaseSync): void {
  const version = versionOf(db);
  if (version >= MIGRATIONS.length) return;
  db.exec("BEGIN IMMEDIATE");
  for (const step of MIGRATIONS.slice(version)) db.exec(step);
  db.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  db.exec("COMMIT");
}

/** Makes the entries of a folder durable. */
export function syncFolder(folder: string): void {
  using handle = Deno.openSync(folder);
  handle.syncSync();
}

/** What tells a database and its log from others, or none, under the same names. */
export function identityOf(file: string): string {
  return [file, `${file}-wal`].map((path) => {
    const info = statOrNull(path);
    return info === null ? "none" : `${info.dev}:${info.ino}`;
  }).join();
}

/** An error of SQLite or of the system as a problem of this file. */
export function openProblem(file: string, error: unknown): OpenProblem {
  const detail = error instanceof Error ? error.message : String(error);
  // SQLITE_CORRUPT and SQLITE_NOTADB: node:sqlite in Deno gives no result code, so the text has to tell, as in isFull.
  if (/malformed|not a database/.test(detail)) return damaged(file, detail);
  return { kind: "io", message: `Cannot open ${file}: ${detail}` };
}

/** Whether an error is SQLITE_FULL: the disk has no room. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && error.message.includes("database or disk is full");
}

function examine(file: string): OpenProblem | null {
  const size = statOrNull(file)?.size ?? 0;
  // A log with frames may still hold the rest of a page that a crash cut off.
  const logged = (statOrNull(`${file}-wal`)?.size ?? 0) > 0;
  const db = openReadOnly(file);
  try {
    const version = versionOf(db);
    if (version > MIGRATIONS.length) {
      const message =
        `Cannot open ${file}: its version ${version} is newer than ${MIGRATIONS.length}, which this program knows`;
      return { kind: "newer", message };
    }
    const lines = db.prepare(`PRAGMA quick_check(${QUICK_CHECK_LINES})`).all().map((row) => String(row["quick_check"]));
    if (lines.join() !== "ok") return damaged(file, lines.join("; "));
    // SQLite takes the missing part of a last page as zeros, and quick_check reads no content.
    const pageSize = Number(db.prepare("PRAGMA page_size").get()?.["page_size"]);
    if (size % pageSize !== 0 && !logged) return damaged(file, "its last page is cut off");
    const tables = db.prepare("SELECT count(*) AS tables FROM sqlite_schema").get();
    return version === 0 && tables?.["tables"] !== 0 ? damaged(file, "it holds other tables than a spool") : null;
  } finally {
    db.close();
  }
}

/** `content/` is made after the database: where it is, a missing or empty database was lost, and is not made anew over the content. */
function lost(dir: string): OpenProblem | null {
  const file = `${dir}/${DATABASE_FILE}`;
  const folder = `${dir}/${CONTENT_FOLDER}`;
  if (statOrNull(folder) === null) return null;
  if (statOrNull(file) !== null) return damaged(file, "it is empty");
  const [entry] = Deno.readDirSync(folder);
  return entry === undefined ? null : damaged(file, `it is missing, but ${folder} is not empty`);
}

function damaged(file: string, detail: string): OpenProblem {
  const advice = `"dokodemo queue verify --salvage NEWFILE" saves what can be read`;
  return { kind: "damaged", message: `Cannot open ${file}: ${detail}; the file was left as it is, ${advice}` };
}

function versionOf(db: DatabaseSync): number {
  return Number(db.prepare("PRAGMA user_version").get()?.["user_version"]);
}

function statOrNull(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
