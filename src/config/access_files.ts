/**
 * The files that [access] names: the map, as text or as a database, and the relay domains.
 *
 * @module
 */

import { readBerkeleyDb } from "../lib/berkeley_db.ts";
import { toAscii } from "../lib/domain.ts";
import { whyUnreadable } from "../lib/file_error.ts";
import { decodeUtf8 } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { formatPrefix, readNetwork } from "../policy/access_key.ts";
import {
  AccessMap,
  type AccessRemark,
  NO_ACCESS,
  parseAccess,
  parseAccessPairs,
  type ParsedAccess,
} from "../policy/access_map.ts";
import { stampOf } from "./aliases.ts";
import { containerGateway } from "./gateway.ts";
import type { KeyPath, Mistake } from "./keys.ts";

/** What the files of [access] hold. */
export interface AccessContents {
  readonly domains: readonly string[];
  readonly networks: readonly string[];
  /** Of each of these, the file and the line. */
  readonly places: ReadonlyMap<string, string>;
  readonly map: AccessMap;
  readonly source: string | null;
  /** In a container, the gateway of its network. */
  readonly gateway: string | null;
}

/** Nobody has looked at files. */
export const NO_ACCESS_CONTENTS: AccessContents = {
  domains: [],
  networks: [],
  places: new Map(),
  map: NO_ACCESS,
  source: null,
  gateway: null,
};

interface Named {
  readonly file: string;
  readonly path: KeyPath;
}

/** Reads the files of [access]. */
export async function readAccessFiles(
  { map: mapFile, relayDomains }: { readonly map: Named | null; readonly relayDomains: Named | null },
  { mistakes, warnings }: { readonly mistakes: Mistake[]; readonly warnings: string[] },
): Promise<AccessContents> {
  const read = mapFile === null ? null : await readAccess(mapFile.file);
  for (const text of read?.mistakes ?? []) mistakes.push({ path: mapFile?.path ?? [], text });
  for (const text of read?.notes ?? []) warnings.push(`access.file: ${text}`);
  const listed = relayDomains === null ? NO_ACCESS_CONTENTS : await readRelayDomains(relayDomains, mistakes);
  const { domains, networks, places } = listed;
  const [map, source] = [read?.map ?? NO_ACCESS, read?.source ?? null];
  return { domains, networks, places, map, source, gateway: await containerGateway() };
}

/** A file of relay domains: a domain or a network a line, `#` begins a comment. It may be missing, as sendmail's may. */
async function readRelayDomains(
  { file, path }: Named,
  mistakes: Mistake[],
): Promise<Pick<AccessContents, "domains" | "networks" | "places">> {
  const octets = await readIfThere(file);
  if (!octets.ok) mistakes.push({ path, text: octets.problem });
  const text = octets.ok && octets.value !== null ? decodeUtf8(octets.value) : "";
  if (text === null) mistakes.push({ path, text: `Cannot read ${file}: it is not UTF-8` });
  const domains: string[] = [];
  const networks: string[] = [];
  const places = new Map<string, string>();
  for (const [at, line] of (text ?? "").split("\n").entries()) {
    const word = line.replace(/#.*$/, "").trim();
    if (word === "") continue;
    const prefix = readNetwork(word);
    const value = prefix === null ? toAscii(word) : formatPrefix(prefix);
    const place = `${file}, line ${at + 1}`;
    if (value === null) mistakes.push({ path, text: `${place}: expected a domain or a network` });
    else {
      places.set(value, place);
      (prefix === null ? domains : networks).push(value);
    }
  }
  return { domains, networks, places };
}

/** The access map as its file is now. */
export interface ReadAccess {
  readonly map: AccessMap;
  /** Each begins with its file, and its line where there is one. Where there is a mistake the map is not to be used. */
  readonly mistakes: readonly string[];
  /** Lines that have no effect here. */
  readonly notes: readonly string[];
  /** The file that was read; `null`: there is none. */
  readonly source: string | null;
  /** What the files looked like before they were read, as `stampOf` tells. */
  readonly stamps: ReadonlyMap<string, string>;
}

/**
 * Reads the access map: the text, else the database beside it (`access.db`), which stands alone where a machine was moved without its
 * text. The text is what people change, so it goes before a database that was made of it. Without either the map is empty.
 */
export async function readAccess(file: string): Promise<ReadAccess> {
  const files = file.endsWith(".db") ? [file] : [file, `${file}.db`];
  const stamps = new Map<string, string>();
  for (const each of files) {
    stamps.set(each, await stampOf(each));
    const octets = await readIfThere(each);
    if (!octets.ok) return { ...NOTHING, mistakes: [octets.problem], source: each, stamps };
    if (octets.value === null) continue;
    const parsed = each.endsWith(".db") ? parseDatabase(octets.value) : parseText(octets.value);
    if (!parsed.ok) {
      return { ...NOTHING, mistakes: [`Cannot read ${each}: ${parsed.problem}`], source: each, stamps };
    }
    const told = ({ line, text }: AccessRemark) => `${each}${line === null ? "" : `, line ${line}`}: ${text}`;
    const { entries, mistakes, notes } = parsed.value;
    const map = new AccessMap(entries);
    return { map, mistakes: mistakes.map(told), notes: notes.map(told), source: each, stamps };
  }
  return { ...NOTHING, source: null, stamps };
}

const NOTHING = { map: NO_ACCESS, mistakes: [], notes: [] } as const;

async function readIfThere(file: string): Promise<Result<Uint8Array<ArrayBuffer> | null, string>> {
  try {
    return succeed(await Deno.readFile(file));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return succeed(null);
    return fail(`Cannot read ${file}: ${whyUnreadable(error)}`);
  }
}

function parseText(octets: Uint8Array<ArrayBuffer>): Result<ParsedAccess, string> {
  const text = decodeUtf8(octets);
  return text === null ? fail("it is not UTF-8") : succeed(parseAccess(text));
}

function parseDatabase(octets: Uint8Array<ArrayBuffer>): Result<ParsedAccess, string> {
  const read = readBerkeleyDb(octets);
  if (!read.ok) return read;
  const pairs: [string, string][] = [];
  for (const [key, value] of read.value) {
    // makemap -N writes the NUL at the end of both.
    const [left, right] = [key, value].map((part) => decodeUtf8(part)?.replace(/\0$/, "") ?? null);
    if (left === null || left === undefined || right === null || right === undefined) {
      return fail("a key or a value is not UTF-8");
    }
    pairs.push([left, right]);
  }
  // The order in a database means nothing: findings about it are told in one that does.
  return succeed(parseAccessPairs(pairs.toSorted(([a], [b]) => a < b ? -1 : 1)));
}
