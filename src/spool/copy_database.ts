/**
 * Copies of databases that others write to meanwhile: each is one moment of its original, and a file by itself.
 *
 * @module
 */

import { backup, DatabaseSync } from "node:sqlite";
import { openReadOnly } from "./database.ts";
import { integer, text } from "./rows.ts";

const DAMAGE_LINES = 3;
/** In front of every SQLite file. */
const MAGIC = "SQLite format 3\0";

/** What a database file is. */
export interface DatabaseFacts {
  /** `user_version`. */
  readonly version: number;
  /** What SQLite complains of; none for a file that is whole. */
  readonly damage: readonly string[];
}

/** One moment of a database, for as long as it is not disposed; its log cannot shrink meanwhile. */
export class DatabaseMoment implements Disposable {
  readonly #db: DatabaseSync;

  /** Throws what SQLite and the system throw. */
  constructor(file: string) {
    this.#db = openReadOnly(file);
    this.#db.exec("BEGIN");
    // A transaction that has read nothing has no moment yet.
    this.#db.prepare("SELECT count(*) FROM sqlite_schema").get();
  }

  /** Writes it to a file, which is made with mode 600 and durable afterwards. */
  async writeTo(file: string): Promise<void> {
    Deno.openSync(file, { createNew: true, write: true, mode: 0o600 }).close();
    // Inside the transaction every page is of one moment, however often others commit.
    await backup(this.#db, file);
    {
      using copy = new DatabaseSync(file);
      // The mode of the original is copied too: a log of its own would be a second file of the copy.
      copy.exec("PRAGMA journal_mode = DELETE");
    }
    using written = Deno.openSync(file, { read: true, write: true });
    written.syncSync();
  }

  /** Of a spool: how many mails there are, and the sizes of those with a content file, by id. */
  mails(): { readonly count: number; readonly filed: ReadonlyMap<string, number> } {
    const filed = this.#db.prepare("SELECT id, size FROM mail WHERE in_file = 1").all();
    return {
      count: integer(this.#db.prepare("SELECT count(*) AS mails FROM mail").get()?.["mails"]),
      filed: new Map(filed.map((row) => [text(row["id"]), integer(row["size"])])),
    };
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}

/** Whether a file is a SQLite database, by its first octets. */
export function isDatabase(octets: Uint8Array): boolean {
  return octets.length >= MAGIC.length && [...MAGIC].every((character, at) => character.charCodeAt(0) === octets[at]);
}

/** Looks through a database that nobody writes to. Throws what SQLite and the system throw. */
export function examineDatabase(file: string): DatabaseFacts {
  using db = openReadOnly(file);
  const lines = db.prepare(`PRAGMA integrity_check(${DAMAGE_LINES})`).all().map((row) => text(row["integrity_check"]));
  return {
    version: integer(db.prepare("PRAGMA user_version").get()?.["user_version"]),
    damage: lines.join() === "ok" ? [] : lines,
  };
}
