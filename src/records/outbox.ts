/**
 * Webhooks under way in the records file.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { integer, type Row, text, textOrNull } from "../accounts/columns.ts";
import { integerOrNull } from "./row.ts";
import { printable } from "../lib/text.ts";
import type { Outbox, OutboxItem } from "./records.ts";

const ERROR_LENGTH = 500;

/** The webhooks of this file. */
export class SqliteOutbox implements Outbox {
  readonly #insert: StatementSync;
  readonly #due: StatementSync;
  readonly #next: StatementSync;
  readonly #remove: StatementSync;
  readonly #failed: StatementSync;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare("INSERT INTO outbox (id, url, body, created, due) VALUES (?, ?, ?, ?, ?)");
    this.#due = database.prepare("SELECT * FROM outbox WHERE due <= ? ORDER BY created, rowid LIMIT ?");
    this.#next = database.prepare("SELECT min(due) AS due FROM outbox");
    this.#remove = database.prepare("DELETE FROM outbox WHERE id = ?");
    this.#failed = database.prepare(
      "UPDATE outbox SET attempts = attempts + 1, due = ?, last_error = ? WHERE id = ?",
    );
  }

  add({ id, url, body }: Pick<OutboxItem, "id" | "url" | "body">, now: number): void {
    this.#insert.run(id, url, body, now, now);
  }

  due(now: number, limit: number): readonly OutboxItem[] {
    return this.#due.all(now, limit).map(readItem);
  }

  nextDue(): number | null {
    return integerOrNull(this.#next.get() ?? {}, "due");
  }

  sent(id: string): void {
    this.#remove.run(id);
  }

  failed(id: string, { due, error }: { readonly due: number; readonly error: string }): void {
    this.#failed.run(due, printable(error, ERROR_LENGTH), id);
  }

  drop(id: string): void {
    this.#remove.run(id);
  }
}

function readItem(row: Row): OutboxItem {
  return {
    id: text(row, "id"),
    url: text(row, "url"),
    body: text(row, "body"),
    created: integer(row, "created"),
    attempts: integer(row, "attempts"),
    due: integer(row, "due"),
    lastError: textOrNull(row, "last_error"),
  };
}
