/**
 * The access rules while the server runs: the map is read again when its file changes.
 *
 * @module
 */

import { type ReadAccess, readAccess } from "../config/access_files.ts";
import { stampOf } from "../config/aliases.ts";
import type { AccessConfig } from "../config/config.ts";
import { networkSet } from "../lib/network.ts";
import type { Log } from "../log/event.ts";
import type { AccessRules } from "../policy/access.ts";
import { type AccessMap, NO_ACCESS } from "../policy/access_map.ts";

/** For so long nobody looks whether the files have changed. */
const LOOK_MS = 1_000;
/** A file that was written so shortly before it was read may have changed again with the same time and size. */
const SETTLED_MS = 2_000;

/** What reading needs. */
export interface AccessSettings {
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Gives the rules of now. */
export function openAccess(config: AccessConfig, settings: AccessSettings): () => Promise<AccessRules> {
  const { file, blacklistRecipients, relayHostsOnly, relayDomains, relayNetworks } = config;
  const fixed = {
    ...{ blacklistRecipients, relayHostsOnly },
    relayDomains: new Set(relayDomains),
    relayNetworks: networkSet(relayNetworks),
  };
  const mapOf = file === null ? () => Promise.resolve(NO_ACCESS) : openAccessMap(file, settings);
  return async () => ({ ...fixed, map: await mapOf() });
}

/**
 * Gives the map of now. A version with mistakes raises an alarm, and the one before it stays in force; a file that is removed leaves
 * no line in force, and that is told, too.
 */
export function openAccessMap(file: string, { log, now }: AccessSettings): () => Promise<AccessMap> {
  let map: AccessMap = NO_ACCESS;
  let last: ReadAccess | null = null;
  let settled = false;
  let looked = -Infinity;
  let looking: Promise<void> | null = null;

  async function look(): Promise<void> {
    if (last !== null && settled && !await hasChanged(last.stamps)) return;
    const read = await readAccess(file);
    settled = await isSettled(read.stamps.keys(), now());
    if (read.mistakes.length === 0) map = read.map;
    tell(last, read);
    last = read;
  }

  function tell(before: ReadAccess | null, read: ReadAccess): void {
    const isNew = (kind: "mistakes" | "notes") => before?.[kind].join("\n") !== read[kind].join("\n");
    if (isNew("mistakes")) {
      const kept = before === null ? "no line of it is in force" : "the map from before it stays in force";
      for (const mistake of read.mistakes) log({ kind: "alarm", about: "access", text: `${mistake}; ${kept}` });
    }
    if (isNew("notes")) { for (const text of read.notes) log({ kind: "warning", about: "access", text }); }
    if (before !== null && before.source !== null && read.source === null) {
      log({
        kind: "warning",
        about: "access",
        text: `${before.source} is not there any more: no line of it is in force`,
      });
    }
  }

  return async () => {
    if (now() - looked >= LOOK_MS || looking !== null) {
      looked = now();
      looking ??= look().finally(() => looking = null);
      await looking;
    }
    return map;
  };
}

async function hasChanged(stamps: ReadonlyMap<string, string>): Promise<boolean> {
  for (const [file, stamp] of stamps) if (await stampOf(file) !== stamp) return true;
  return false;
}

async function isSettled(files: Iterable<string>, now: number): Promise<boolean> {
  for (const file of files) {
    const info = await Deno.stat(file).catch(() => null);
    if (info !== null && now - (info.mtime?.getTime() ?? now) < SETTLED_MS) return false;
  }
  return true;
}
