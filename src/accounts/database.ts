/**
 * Opening a SQLite file that is ours: made with mode 600 and complete at once, migrated forward, and refused when it is damaged,
 * newer than this program or somebody else's. It is never made anew in the place of one that cannot be read.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { dirname } from "node:path";
import { fail, type Result, succeed } from "../lib/result.ts";

/** Why a file cannot be used: exit code 65, 78 or 74 for a command. */
export interface DatabaseProblem {
  readonly kind: "damaged" | "newer" | "io";
  /** For the administrator, with the name of the file. */
  readonly message: string;
}

/** What the file is to hold. */
export interface DatabaseShape {
  /** For messages: `account store`. */
  readonly what: string;
  /** SQLite's `application_id`: tells the file from every other SQLite file. */
  readonly applicationId: number;
  /** The first makes version 1 out of nothing, each other one the next version out of the one before. */
  readonly migrations: readonly string[];
}

/** A write waits this long for another process; those hold the lock for a few milliseconds. */
const BUSY_TIMEOUT_MS = 5000;

/** Opens the file, or makes it where there is none. WAL, `synchronous=FULL`: a change is durable when its COMMIT returns. */
export function openDatabase(file: string, shape: DatabaseShape): Result<DatabaseSync, DatabaseProblem> {
  const present = prepareFile(file, shape);
  if (!present.ok) return present;
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(file);
    database.exec(`PRAGMA busy_timeout=${BUSY_TIMEOUT_MS}; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON`);
    const problem = inspect(database, { file, ...shape });
    if (problem === null) {
      migrate(database, shape.migrations);
      return succeed(database);
    }
    database.close();
    return fail(problem);
  } catch (error) {
    if (database?.isOpen) database.close();
    return fail(problemOf(error, { file, ...shape }));
  }
}

/** The first column of the first row of a query, a number. */
export function readNumber(database: DatabaseSync, sql: string): number {
  const value = Object.values(database.prepare(sql).get() ?? {})[0];
  if (typeof value !== "number") throw new TypeError(`Cannot read "${sql}": no number`);
  return value;
}

/** Does the work in one transaction that has the write lock from its beginning; a throw rolls it back. */
export function transaction<Value>(database: DatabaseSync, work: () => Value): Value {
  database.exec("BEGIN IMMEDIATE");
  try {
    const value = work();
    database.exec("COMMIT");
    return value;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

type Named = DatabaseShape & { readonly file: string };

function prepareFile(file: string, shape: DatabaseShape): Result<void, DatabaseProblem> {
  try {
    const { size, mode, isFile } = Deno.statSync(file);
    if (!isFile) return fail({ kind: "io", message: `Cannot open ${shape.what} ${file}: not a file` });
    // We never leave an empty file behind, so this one lost what it had.
    if (size === 0) return fail({ kind: "damaged", message: `Cannot open ${shape.what} ${file}: it is empty` });
    if (mode !== null && (mode & 0o077) !== 0) Deno.chmodSync(file, 0o600);
    return succeed(undefined);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return fail(problemOf(error, { file, ...shape }));
  }
  try {
    create(file, shape);
    return succeed(undefined);
  } catch (error) {
    return fail(problemOf(error, { file, ...shape }));
  }
}

/** Makes the file under another name and links it into place: nobody ever sees half of one, and two processes make one file. */
function create(file: string, shape: DatabaseShape): void {
  const draft = `${file}.new-${crypto.randomUUID()}`;
  // Before SQLite touches it: SQLite gives -wal and -shm the mode that it finds here.
  Deno.openSync(draft, { createNew: true, write: true, mode: 0o600 }).close();
  try {
    const database = new DatabaseSync(draft);
    try {
      database.exec(`PRAGMA auto_vacuum=INCREMENTAL; PRAGMA application_id=${shape.applicationId}`);
      migrate(database, shape.migrations);
      database.exec("PRAGMA journal_mode=WAL");
    } finally {
      database.close();
    }
    linkInto(draft, file);
  } finally {
    Deno.removeSync(draft);
  }
  using folder = Deno.openSync(dirname(file));
  folder.syncSync();
}

function linkInto(draft: string, file: string): void {
  try {
    Deno.linkSync(draft, file);
  } catch (error) {
    // Another process was first: its file is as good.
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

function inspect(database: DatabaseSync, { file, what, applicationId, migrations }: Named): DatabaseProblem | null {
  if (readNumber(database, "PRAGMA application_id") !== applicationId) {
    return { kind: "damaged", message: `Cannot open ${what} ${file}: it is another kind of database` };
  }
  const version = readNumber(database, "PRAGMA user_version");
  if (version > migrations.length) {
    const message =
      `Cannot open ${what} ${file}: version ${version} is newer than this program, which knows ${migrations.length}`;
    return { kind: "newer", message };
  }
  const [finding] = Object.values(database.prepare("PRAGMA quick_check(1)").get() ?? {});
  return finding === "ok" ? null : { kind: "damaged", message: `Cannot open ${what} ${file}: ${finding}` };
}

function migrate(database: DatabaseSync, migrations: readonly string[]): void {
  if (readNumber(database, "PRAGMA user_version") === migrations.length) return;
  transaction(database, () => {
    // Read again: another process may have migrated it while this one waited for the lock.
    const version = readNumber(database, "PRAGMA user_version");
    for (const migration of migrations.slice(version)) database.exec(migration);
    database.exec(`PRAGMA user_version=${migrations.length}`);
  });
}

function problemOf(error: unknown, { file, what }: Named): DatabaseProblem {
  const text = error instanceof Error ? error.message : String(error);
  // node:sqlite gives no result code here, only SQLite's own words for NOTADB and CORRUPT.
  const damaged = /not a database|malformed/.test(text);
  return { kind: damaged ? "damaged" : "io", message: `Cannot open ${what} ${file}: ${text}` };
}
