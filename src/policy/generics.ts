/**
 * sendmail's genericstable as text: which address an account shows instead of its own.
 *
 * @module
 */

import { parseAddressList } from "../message/addresses.ts";
import { asciiLower } from "../lib/text.ts";

/** One line. */
export interface GenericsEntry {
  /** `user`, `user@host` or `@host`, in lower case; `user+*` and `user+*@host` stand for every detail. */
  readonly key: string;
  /** An address, or a local part that takes the domain of masquerading; `%0` stands for the key, `%1` for what the key leaves open. */
  readonly value: string;
  readonly line: number;
}

/** What a text holds, and which lines are wrong. */
export interface ParsedGenerics {
  readonly table: GenericsTable;
  readonly mistakes: readonly { readonly line: number; readonly text: string }[];
}

/** What a line gave. */
export interface GenericsMatch {
  readonly address: string;
  readonly entry: GenericsEntry;
}

/** The lines, to be looked up. */
export class GenericsTable {
  readonly #entries: ReadonlyMap<string, GenericsEntry>;

  constructor(entries: Iterable<GenericsEntry>) {
    this.#entries = new Map(Array.from(entries, (entry) => [entry.key, entry]));
  }

  /** The lines, in their order. */
  get entries(): readonly GenericsEntry[] {
    return [...this.#entries.values()];
  }

  /** In sendmail's order: with the domain, without the detail, the domain alone, the local part alone. Without regard to case. */
  find(local: string, domain: string): GenericsMatch | null {
    const plus = local.indexOf("+");
    const [user, detail] = plus > 0 ? [local.slice(0, plus), local.slice(plus + 1)] : [local, null];
    const tries: readonly (readonly [key: string, open: string])[] = [
      [`${local}@${domain}`, ""],
      ...detail === null ? [] : [[`${user}+*@${domain}`, detail], [`${user}@${domain}`, ""]] as const,
      [`@${domain}`, local],
      [local, ""],
      ...detail === null ? [] : [[`${user}+*`, detail], [user, ""]] as const,
    ];
    for (const [key, open] of tries) {
      const entry = this.#entries.get(asciiLower(key));
      if (entry === undefined) continue;
      const address = entry.value.replace(/%([01])/g, (_whole, digit) => digit === "0" ? key : open);
      return { address, entry };
    }
    return null;
  }
}

/** Nobody shows another address. */
export const NO_GENERICS: GenericsTable = new GenericsTable([]);

/** Reads the text that makemap reads: a key, blanks, an address; `#` begins a comment line. */
export function parseGenerics(text: string): ParsedGenerics {
  const entries = new Map<string, GenericsEntry>();
  const mistakes: { readonly line: number; readonly text: string }[] = [];
  for (const [at, written] of text.split("\n").entries()) {
    const line = at + 1;
    if (/^\s*(?:#|$)/.test(written)) continue;
    const [key = "", ...rest] = written.trim().split(/\s+/);
    const value = rest.join(" ");
    const entry = { key: asciiLower(key), value, line };
    const before = entries.get(entry.key);
    if (!isKey(key)) mistakes.push({ line, text: `expected a user, user@host or @host, found ${key}` });
    else if (!isValue(value)) mistakes.push({ line, text: `expected an address for ${key}` });
    else if (before !== undefined) mistakes.push({ line, text: `${key} is there already, in line ${before.line}` });
    else entries.set(entry.key, entry);
  }
  return { table: new GenericsTable(entries.values()), mistakes };
}

function isKey(key: string): boolean {
  return isAddress(key.startsWith("@") ? `x${key}` : key);
}

function isValue(value: string): boolean {
  return isAddress(value.replace(/%[01]/g, "x"));
}

function isAddress(text: string): boolean {
  const list = parseAddressList(text);
  return list.ok && list.value.length === 1 && list.value[0]?.address === text;
}
