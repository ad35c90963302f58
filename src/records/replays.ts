/**
 * Answers to requests with an Idempotency-Key in the records file.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { integer, type Row, text } from "../accounts/columns.ts";
import { integerOrNull } from "./row.ts";
import { transaction } from "../accounts/database.ts";
import type { Replay, Replays } from "./records.ts";

const KEPT_MS = 86_400_000;
/** No request is at work for so long: its process ended. */
const BUSY_MS = 300_000;

/** The answers of this file. */
export class SqliteReplays implements Replays {
  readonly #database: DatabaseSync;
  readonly #now: () => number;
  readonly #get: StatementSync;
  readonly #take: StatementSync;
  readonly #finish: StatementSync;
  readonly #abandon: StatementSync;
  readonly #sweep: StatementSync;

  constructor(database: DatabaseSync, now: () => number) {
    this.#database = database;
    this.#now = now;
    this.#get = database.prepare("SELECT * FROM replay WHERE who = ? AND key = ?");
    this.#take = database.prepare("INSERT OR REPLACE INTO replay (who, key, request, at) VALUES (?, ?, ?, ?)");
    this.#finish = database.prepare(
      "UPDATE replay SET at = ?, status = ?, headers = ?, body = ? WHERE who = ? AND key = ? AND status IS NULL",
    );
    this.#abandon = database.prepare("DELETE FROM replay WHERE who = ? AND key = ? AND status IS NULL");
    this.#sweep = database.prepare("DELETE FROM replay WHERE at <= ?");
  }

  begin(
    { who, key, request }: { readonly who: string; readonly key: string; readonly request: string },
    now: number,
  ): ReturnType<Replays["begin"]> {
    return transaction(this.#database, () => {
      const row = this.#get.get(who, key);
      if (row === undefined || isOver(row, now)) {
        this.#take.run(who, key, request, now);
        return { kind: "fresh" };
      }
      if (text(row, "request") !== request) return { kind: "other" };
      const answer = readAnswer(row);
      return answer === null ? { kind: "busy" } : { kind: "repeat", answer };
    });
  }

  finish({ who, key }: { readonly who: string; readonly key: string }, { status, headers, body }: Replay): void {
    this.#finish.run(this.#now(), status, JSON.stringify(headers), body, who, key);
  }

  abandon({ who, key }: { readonly who: string; readonly key: string }): void {
    this.#abandon.run(who, key);
  }

  /** Removes what is older than a day. */
  sweep(now: number): void {
    this.#sweep.run(now - KEPT_MS);
  }
}

function isOver(row: Row, now: number): boolean {
  const kept = integerOrNull(row, "status") === null ? BUSY_MS : KEPT_MS;
  return now - integer(row, "at") >= kept;
}

function readAnswer(row: Row): Replay | null {
  const status = integerOrNull(row, "status");
  if (status === null) return null;
  const headers: Record<string, string> = {};
  const stored: unknown = JSON.parse(text(row, "headers"));
  for (const [name, value] of Object.entries(stored ?? {})) headers[name] = String(value);
  return { status, headers, body: text(row, "body") };
}
