/**
 * Remembers what a SQLite file answered, as long as nobody has changed the file.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";

const MOST_ENTRIES = 20_000;

/**
 * Answers of one database. `data_version` tells of every commit by any other connection or process; of the own ones `forget` has to tell.
 * Looking at it costs a fraction of a query.
 */
export class DatabaseMemo {
  readonly #version: StatementSync;
  readonly #answers = new Map<string, unknown>();
  #seen: unknown = null;

  constructor(database: DatabaseSync) {
    this.#version = database.prepare("PRAGMA data_version");
  }

  /** The answer under this key, from memory where it still holds. Keys of different queries must differ. */
  recall<Answer>(key: string, query: () => Answer): Answer {
    const version = this.#version.get()?.["data_version"];
    if (version !== this.#seen || this.#answers.size > MOST_ENTRIES) this.#answers.clear();
    this.#seen = version;
    if (!this.#answers.has(key)) this.#answers.set(key, query());
    // Each key belongs to one query, and so to one type.
    return this.#answers.get(key) as Answer;
  }

  /** Forgets everything: this connection has written. */
  forget(): void {
    this.#answers.clear();
  }
}
