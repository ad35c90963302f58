/**
 * Reads an aliases file and the files that it includes.
 *
 * @module
 */

import { dirname, resolve } from "node:path";
import { whyUnreadable } from "../lib/file_error.ts";
import { decodeUtf8 } from "../lib/octets.ts";
import { AliasTable, type ResolvedMember } from "../policy/alias_table.ts";
import { type MemberAt, parseAliases, parseInclude } from "../policy/aliases.ts";

/** The aliases, and the files that they stand in. */
export interface ReadAliases {
  readonly table: AliasTable;
  /** Each begins with its file and line. Where there is one the table is not to be used. */
  readonly mistakes: readonly string[];
  /** What the files looked like before they were read, as `stampOf` tells. */
  readonly stamps: ReadonlyMap<string, string>;
}

/** Lists that include each other: not more often than this. */
const DEPTH_LIMIT = 10;

/** Reads it all. A file that cannot be read is a mistake. */
export async function readAliases(file: string, localDomains: readonly string[]): Promise<ReadAliases> {
  const reader = new Reader(file);
  const text = await reader.text(file);
  const parsed = text === null ? { entries: new Map(), mistakes: [] } : parseAliases(text);
  const { mistakes } = reader;
  for (const { line, text } of parsed.mistakes) mistakes.push(`${file}, line ${line}: ${text}`);
  const members = new Map<string, readonly ResolvedMember[]>();
  for (const [name, given] of parsed.entries) members.set(name, await reader.withIncluded(given, [file]));
  const table = new AliasTable(members, localDomains);
  for (const fault of table.faults()) {
    const line = parsed.entries.get(fault.name)?.[0]?.line;
    mistakes.push(`${file}${line === undefined ? "" : `, line ${line}`}: ${fault.text}`);
  }
  return { table, mistakes, stamps: reader.stamps };
}

/** What changes with a file: when it was written, its size, and which file it is. */
export async function stampOf(file: string): Promise<string> {
  try {
    const { mtime, size, ino, dev } = await Deno.stat(file);
    return `${mtime?.getTime()} ${size} ${dev}:${ino}`;
  } catch {
    return "none";
  }
}

class Reader {
  readonly mistakes: string[] = [];
  readonly stamps = new Map<string, string>();
  readonly #folder: string;

  constructor(file: string) {
    this.#folder = dirname(file);
  }

  async text(file: string): Promise<string | null> {
    this.stamps.set(file, await stampOf(file));
    try {
      const text = decodeUtf8(await Deno.readFile(file));
      if (text === null) this.mistakes.push(`Cannot read ${file}: it is not UTF-8`);
      return text;
    } catch (error) {
      this.mistakes.push(`Cannot read ${file}: ${whyUnreadable(error)}`);
      return null;
    }
  }

  /** Members with those of included files in the place of these. */
  async withIncluded(given: readonly MemberAt[], files: readonly string[]): Promise<readonly ResolvedMember[]> {
    const members: ResolvedMember[] = [];
    for (const { member, line } of given) {
      if (member.kind !== "include") members.push(member);
      else members.push(...await this.#included(member.path, { line, files }));
    }
    return members;
  }

  async #included(
    named: string,
    { line, files }: { readonly line: number; readonly files: readonly string[] },
  ): Promise<readonly ResolvedMember[]> {
    const from = `${files.at(-1)}, line ${line}`;
    const path = resolve(this.#folder, named);
    if (!await this.#isInside(path)) {
      this.mistakes.push(`${from}: ${named} is not in ${this.#folder}, and nothing from elsewhere is included`);
      return [];
    }
    if (files.includes(path)) {
      this.mistakes.push(`${from}: it is a loop: ${[...files, path].join(" -> ")}`);
      return [];
    }
    if (files.length > DEPTH_LIMIT) {
      this.mistakes.push(`${from}: more than ${DEPTH_LIMIT} files include each other`);
      return [];
    }
    const text = await this.text(path);
    if (text === null) return [];
    const { members, mistakes } = parseInclude(text);
    for (const mistake of mistakes) this.mistakes.push(`${path}, line ${mistake.line}: ${mistake.text}`);
    return await this.withIncluded(members, [...files, path]);
  }

  /** Where symbolic links lead counts. A path that is not there is told when it is read. */
  async #isInside(path: string): Promise<boolean> {
    const folder = await Deno.realPath(this.#folder).catch(() => this.#folder);
    const real = await Deno.realPath(path).catch(() => resolve(folder, path.slice(this.#folder.length + 1)));
    return path.startsWith(`${this.#folder}/`) && real.startsWith(`${folder}/`);
  }
}
