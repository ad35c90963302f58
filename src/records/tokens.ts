/**
 * Bearer tokens in the records file.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { integer, type Row, text } from "../accounts/columns.ts";
import { integerOrNull } from "./row.ts";
import { type Scope, SCOPES, type Token, type Tokens } from "./records.ts";
import { remember } from "./relaxed.ts";
import { hashOfSecret, newId, newSecret } from "./secret.ts";

const NOTE_EVERY_MS = 60_000;
/** An expired token is listed for a while, so that somebody can see why it works no more. */
const KEPT_MS = 30 * 86_400_000;

/** Makes the tokens of this file; `sweepTokens` removes old ones. */
export class SqliteTokens implements Tokens {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #byHash: StatementSync;
  readonly #used: StatementSync;
  readonly #all: StatementSync;
  readonly #revoke: StatementSync;
  readonly #sweep: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#insert = database.prepare(
      "INSERT INTO token (id, hash, label, scopes, created, expires) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#byHash = database.prepare("SELECT * FROM token WHERE hash = ? AND (expires IS NULL OR expires > ?)");
    this.#used = database.prepare("UPDATE token SET last_used = ? WHERE id = ?");
    this.#all = database.prepare("SELECT * FROM token ORDER BY created DESC, rowid DESC");
    this.#revoke = database.prepare("DELETE FROM token WHERE id = ?");
    this.#sweep = database.prepare("DELETE FROM token WHERE expires <= ?");
  }

  add(
    { label, scopes, expires }: Pick<Token, "label" | "scopes" | "expires">,
    now: number,
  ): { readonly token: Token; readonly secret: string } {
    const [id, secret] = [newId(), newSecret()];
    const own = SCOPES.filter((scope) => scopes.includes(scope));
    this.#insert.run(id, hashOfSecret(secret), label, own.join(" "), now, expires);
    return { token: { id, label, scopes: own, created: now, expires, lastUsed: null }, secret };
  }

  check(secret: string, now: number): Token | null {
    const hash = hashOfSecret(secret);
    const row = hash === null ? undefined : this.#byHash.get(hash, now);
    if (row === undefined) return null;
    const token = readToken(row);
    if (token.lastUsed !== null && now - token.lastUsed < NOTE_EVERY_MS) return token;
    remember(this.#database, () => this.#used.run(now, token.id));
    return { ...token, lastUsed: now };
  }

  list(): readonly Token[] {
    return this.#all.all().map(readToken);
  }

  revoke(id: string): boolean {
    return this.#revoke.run(id).changes !== 0;
  }

  /** Removes what expired long ago. */
  sweep(now: number): void {
    this.#sweep.run(now - KEPT_MS);
  }
}

function readToken(row: Row): Token {
  return {
    id: text(row, "id"),
    label: text(row, "label"),
    scopes: readScopes(text(row, "scopes")),
    created: integer(row, "created"),
    expires: integerOrNull(row, "expires"),
    lastUsed: integerOrNull(row, "last_used"),
  };
}

/** One that this program does not know gives no right. */
function readScopes(words: string): readonly Scope[] {
  const given = new Set(words.split(" "));
  return SCOPES.filter((scope) => given.has(scope));
}
