/**
 * Bans in the records file. All of them are in memory too, since each connection is looked up.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { integer, type Row, text } from "../accounts/columns.ts";
import { type Network, NetworkTable, parseNetwork } from "../lib/network_table.ts";
import { printable } from "../lib/text.ts";
import type { Ban, Bans, NewBan } from "./records.ts";
import { integerOrNull } from "./row.ts";
import { newId } from "./secret.ts";

const REASON_LENGTH = 200;

/** The bans of this file. */
export class SqliteBans implements Bans {
  readonly #insert: StatementSync;
  readonly #all: StatementSync;
  readonly #delete: StatementSync;
  readonly #sweep: StatementSync;
  #table = new NetworkTable<Ban>();

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare(
      "INSERT OR REPLACE INTO ban (network, id, reason, who, since, until) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#all = database.prepare("SELECT * FROM ban");
    this.#delete = database.prepare("DELETE FROM ban WHERE id = ?");
    this.#sweep = database.prepare("DELETE FROM ban WHERE until <= ?");
    this.#read();
  }

  add({ network, reason, who, until }: NewBan, now: number): Ban {
    const parsed = networkOf(network);
    const ban = { id: newId(), network: parsed.text, reason: printable(reason, REASON_LENGTH), who, since: now, until };
    this.#insert.run(ban.network, ban.id, ban.reason, who, now, until);
    this.#table.set(parsed, ban);
    return ban;
  }

  remove(id: string): Ban | null {
    const ban = [...this.#table.values()].find((each) => each.id === id) ?? null;
    const isGone = this.#delete.run(id).changes === 0;
    if (ban !== null) this.#table.delete(networkOf(ban.network));
    return isGone ? null : ban;
  }

  list(now: number): readonly Ban[] {
    return [...this.#table.values()].filter((ban) => isInForce(ban, now)).sort((one, other) => other.since - one.since);
  }

  around(address: string, now: number): Ban | null {
    let longest: Ban | null = null;
    for (const ban of this.#table.around(address)) {
      if (isInForce(ban, now) && (longest === null || endOf(ban) > endOf(longest))) longest = ban;
    }
    return longest;
  }

  /** Removes what has ended. */
  sweep(now: number): void {
    this.#sweep.run(now);
    this.#read();
  }

  #read(): void {
    this.#table = new NetworkTable();
    for (const row of this.#all.all()) {
      const ban = readBan(row);
      this.#table.set(networkOf(ban.network), ban);
    }
  }
}

function isInForce({ until }: Ban, now: number): boolean {
  return until === null || until > now;
}

function endOf({ until }: Ban): number {
  return until ?? Infinity;
}

function networkOf(text: string): Network {
  const network = parseNetwork(text);
  if (network === null) throw new TypeError(`Cannot ban "${printable(text)}": it is no network`);
  return network;
}

function readBan(row: Row): Ban {
  return {
    id: text(row, "id"),
    network: text(row, "network"),
    reason: text(row, "reason"),
    who: text(row, "who"),
    since: integer(row, "since"),
    until: integerOrNull(row, "until"),
  };
}
