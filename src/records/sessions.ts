/**
 * Sessions of the pages in the records file.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { integer, type Row, text, textOrNull } from "../accounts/columns.ts";
import { printable } from "../lib/text.ts";
import type { Session, Sessions } from "./records.ts";
import { remember } from "./relaxed.ts";
import { hashOfSecret, newId, newSecret } from "./secret.ts";

const NOTE_EVERY_MS = 60_000;
const IDLE_MS = 12 * 3_600_000;
const LONGEST_MS = 7 * 86_400_000;
const USER_AGENT_LENGTH = 300;

/** The sessions of this file. */
export class SqliteSessions implements Sessions {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #byHash: StatementSync;
  readonly #seen: StatementSync;
  readonly #ofAccount: StatementSync;
  readonly #promote: StatementSync;
  readonly #demote: StatementSync;
  readonly #end: StatementSync;
  readonly #endOthers: StatementSync;
  readonly #sweep: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#insert = database.prepare(
      `INSERT INTO session (id, hash, account, backend, version, administrator, created, seen, remote, user_agent)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#byHash = database.prepare("SELECT * FROM session WHERE hash = ? AND seen > ? AND created > ?");
    this.#seen = database.prepare("UPDATE session SET seen = ? WHERE id = ?");
    this.#ofAccount = database.prepare(
      "SELECT * FROM session WHERE account = ? AND seen > ? AND created > ? ORDER BY created DESC, rowid DESC",
    );
    this.#promote = database.prepare("UPDATE session SET administrator = 1 WHERE id = ?");
    this.#demote = database.prepare("UPDATE session SET administrator = 0 WHERE account = ?");
    this.#end = database.prepare("DELETE FROM session WHERE id = ?");
    this.#endOthers = database.prepare("DELETE FROM session WHERE account = ? AND id IS NOT ?");
    this.#sweep = database.prepare("DELETE FROM session WHERE seen <= ? OR created <= ?");
  }

  add(
    given: Omit<Session, "id" | "created" | "seen">,
    now: number,
  ): { readonly session: Session; readonly secret: string } {
    const { account, backend, version, administrator, remote } = given;
    const [id, secret, userAgent] = [newId(), newSecret(), printable(given.userAgent, USER_AGENT_LENGTH)];
    const rights = administrator ? 1 : 0;
    this.#insert.run(id, hashOfSecret(secret), account, backend, version, rights, now, now, remote, userAgent);
    return { session: { ...given, id, userAgent, created: now, seen: now }, secret };
  }

  check(secret: string, now: number): Session | null {
    const hash = hashOfSecret(secret);
    const row = hash === null ? undefined : this.#byHash.get(hash, now - IDLE_MS, now - LONGEST_MS);
    if (row === undefined) return null;
    const session = readSession(row);
    if (now - session.seen < NOTE_EVERY_MS) return session;
    remember(this.#database, () => this.#seen.run(now, session.id));
    return { ...session, seen: now };
  }

  of(account: string, now: number): readonly Session[] {
    return this.#ofAccount.all(account, now - IDLE_MS, now - LONGEST_MS).map(readSession);
  }

  promote(id: string): void {
    this.#promote.run(id);
  }

  end(id: string): void {
    this.#end.run(id);
  }

  endOthers(account: string, except: string | null): void {
    this.#endOthers.run(account, except);
  }

  /** Takes administration from each session of an account; they go on as those of an ordinary person. */
  demote(account: string): void {
    this.#demote.run(account);
  }

  /** Removes what has ended by its time. */
  sweep(now: number): void {
    this.#sweep.run(now - IDLE_MS, now - LONGEST_MS);
  }
}

function readSession(row: Row): Session {
  return {
    id: text(row, "id"),
    account: text(row, "account"),
    backend: text(row, "backend"),
    version: textOrNull(row, "version"),
    administrator: integer(row, "administrator") === 1,
    created: integer(row, "created"),
    seen: integer(row, "seen"),
    remote: text(row, "remote"),
    userAgent: text(row, "user_agent"),
  };
}
