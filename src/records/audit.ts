/**
 * The audit log in the records file.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { integer, type Row, text } from "../accounts/columns.ts";
import { transaction } from "../accounts/database.ts";
import { printable } from "../lib/text.ts";
import type { Act, Audit, AuditRecord } from "./records.ts";

const TEXT_LENGTH = 1000;

/** The audit log of this file. Control characters become `?`. */
export class SqliteAudit implements Audit {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #page: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#insert = database.prepare(
      "INSERT INTO audit (at, who, source, what, target, detail) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#page = database.prepare("SELECT * FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?");
  }

  add(act: Act, now: number): void {
    this.addAll([act], now);
  }

  addAll(acts: readonly Act[], now: number): void {
    transaction(this.#database, () => {
      for (const { who, from, what, target, detail = "" } of acts) {
        this.#insert.run(now, ...[who, from, what, target, detail].map((each) => printable(each, TEXT_LENGTH)));
      }
    });
  }

  list({ before, count }: { readonly before: number | null; readonly count: number }): readonly AuditRecord[] {
    return this.#page.all(before ?? Number.MAX_SAFE_INTEGER, count).map(readRecord);
  }
}

function readRecord(row: Row): AuditRecord {
  return {
    seq: integer(row, "seq"),
    at: integer(row, "at"),
    who: text(row, "who"),
    from: text(row, "source"),
    what: text(row, "what"),
    target: text(row, "target"),
    detail: text(row, "detail"),
  };
}
