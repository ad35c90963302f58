/**
 * The aliases file while the server runs: read again when it, or a file that it includes, changes.
 *
 * @module
 */

import { type ReadAliases, readAliases, stampOf } from "../config/aliases.ts";
import type { Log } from "../log/event.ts";
import type { AliasTable } from "../policy/alias_table.ts";

/** What reading needs. */
export interface AliasFileSettings {
  readonly file: string;
  /** Lower-case A-labels. */
  readonly localDomains: readonly string[];
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** For so long nobody looks whether the files have changed. */
const LOOK_MS = 1_000;

/**
 * Gives the aliases of now; `null` as long as there was no version without a mistake. A version with mistakes raises an alarm, and the
 * one before it stays in force.
 */
export function openAliasFile({ file, localDomains, log, now }: AliasFileSettings): () => Promise<AliasTable | null> {
  let table: AliasTable | null = null;
  let stamps: ReadAliases["stamps"] = new Map();
  let looked = -Infinity;
  let looking: Promise<void> | null = null;

  async function look(): Promise<void> {
    if (stamps.size > 0 && !await hasChanged(stamps)) return;
    const read = await readAliases(file, localDomains);
    stamps = read.stamps;
    if (read.mistakes.length === 0) {
      table = read.table;
      return;
    }
    const kept = table === null
      ? "mail for local names waits until it is mended"
      : "the aliases from before it stay in force";
    for (const mistake of read.mistakes) log({ kind: "alarm", about: "aliases", text: `${mistake}; ${kept}` });
  }

  return async () => {
    if (now() - looked >= LOOK_MS || looking !== null) {
      looked = now();
      looking ??= look().finally(() => looking = null);
      await looking;
    }
    return table;
  };
}

async function hasChanged(stamps: ReadonlyMap<string, string>): Promise<boolean> {
  for (const [file, stamp] of stamps) if (await stampOf(file) !== stamp) return true;
  return false;
}
