/**
 * sendmail's access map: what its file says, and the look-ups in it, in the order of sendmail's rule sets D (domain), A (address),
 * F (full address) and U (user).
 *
 * @module
 */

import { addressPrefix, shorten } from "../lib/address_bits.ts";
import { toAscii } from "../lib/domain.ts";
import type { Mailbox } from "../smtp/path.ts";
import { type AccessAction, parseAction } from "./access_action.ts";
import { type AccessKey, type AccessTag, parseKey } from "./access_key.ts";

/** One line. */
export interface AccessEntry {
  readonly key: AccessKey;
  readonly action: AccessAction;
  /** From 1; `null` where it comes from a database. */
  readonly line: number | null;
  /** Key and value as they were written. */
  readonly written: string;
}

/** Something to say about a line. */
export interface AccessRemark {
  readonly line: number | null;
  readonly text: string;
}

/** What became of a file. */
export interface ParsedAccess {
  readonly entries: readonly AccessEntry[];
  /** Where there is one the file is not to be used. */
  readonly mistakes: readonly AccessRemark[];
  /** Lines that have no effect here. */
  readonly notes: readonly AccessRemark[];
}

/** The tags that a search looks for: its own, then none. */
type Search = Exclude<AccessTag, "any">;

interface Pair {
  readonly key: string;
  readonly value: string;
  readonly line: number | null;
}

/** Reads the text that `makemap` reads: a key, white space, a value; `#` begins a line of comment. */
export function parseAccess(text: string): ParsedAccess {
  const pairs: Pair[] = [];
  const mistakes: AccessRemark[] = [];
  for (const [at, raw] of text.split("\n").entries()) {
    const line = at + 1;
    const written = raw.trimEnd();
    if (written === "" || written.startsWith("#")) continue;
    const match = /^(\S+)\s+(\S.*)$/.exec(written);
    if (match !== null) pairs.push({ key: match[1] ?? "", value: match[2] ?? "", line });
    else {mistakes.push({
        line,
        text: /^\s/.test(written) ? "a line begins with its key" : "expected a key and a value",
      });}
  }
  return readPairs(pairs, mistakes);
}

/** The same from the pairs of a database that `makemap` has made. */
export function parseAccessPairs(pairs: Iterable<readonly [key: string, value: string]>): ParsedAccess {
  return readPairs([...pairs].map(([key, value]) => ({ key, value: value.trim(), line: null })), []);
}

function readPairs(pairs: readonly Pair[], mistakes: AccessRemark[]): ParsedAccess {
  const entries = new Map<string, AccessEntry>();
  const notes: AccessRemark[] = [];
  for (const pair of pairs) {
    const { line } = pair;
    const written = `${pair.key} ${pair.value}`;
    const remark = ({ kind, text }: { readonly kind: "mistake" | "foreign"; readonly text: string }) =>
      void (kind === "mistake" ? mistakes : notes).push({ line, text: line === null ? `${written}: ${text}` : text });
    const key = parseKey(pair.key);
    if (!key.ok) {
      remark(key.problem);
      continue;
    }
    const action = parseAction(pair.value);
    if (!action.ok) {
      remark(action.problem);
      continue;
    }
    if (action.value.kind === "skip" && key.value.kind === "name" && key.value.isUser) {
      remark({ kind: "mistake", text: "SKIP is for domains and networks" });
      continue;
    }
    const entry: AccessEntry = { key: key.value, action: action.value, line, written };
    const name = indexOf(entry.key);
    const same = entries.get(name);
    if (same === undefined) entries.set(name, entry);
    else if (JSON.stringify(same.action) !== JSON.stringify(entry.action)) {
      remark({
        kind: "mistake",
        text: `${pair.key} has another value already${same.line === null ? "" : ` in line ${same.line}`}`,
      });
    }
  }
  return {
    entries: [...entries.values()],
    mistakes: mistakes.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)),
    notes,
  };
}

/** The lines, to be searched. A search gives the line that decides, or `null`; one that says SKIP has decided that none does. */
export class AccessMap {
  readonly entries: readonly AccessEntry[];
  readonly #byKey: ReadonlyMap<string, AccessEntry>;
  /** Lengths of the prefixes that there are, longest first. */
  readonly #lengths: { readonly 4: readonly number[]; readonly 6: readonly number[] };

  constructor(entries: readonly AccessEntry[]) {
    this.entries = entries;
    this.#byKey = new Map(entries.map((entry) => [indexOf(entry.key), entry]));
    const lengths = (family: 4 | 6) => {
      const found = entries.flatMap(({ key }) =>
        key.kind === "network" && key.prefix.family === family ? [key.prefix.bits] : []
      );
      return [...new Set(found)].toSorted((a, b) => b - a);
    };
    this.#lengths = { 4: lengths(4), 6: lengths(6) };
  }

  /** The network that an address lies in, the narrowest first. */
  findNetwork(address: string): AccessEntry | null {
    const whole = addressPrefix(address);
    if (whole === null) return null;
    for (const bits of this.#lengths[whole.family]) {
      const found = this.#find("connect", networkName(shorten(whole, bits)));
      if (found !== null) return found;
    }
    return null;
  }

  /** A domain, then those that it lies in; of an address literal fewer and fewer octets or groups. */
  findDomain(tag: Search, domain: string): AccessEntry | null {
    for (let name: string | null = domainName(domain); name !== null; name = parentOf(name)) {
      const found = this.#find(tag, name);
      if (found !== null) return found;
    }
    return null;
  }

  /** A domain and no other. */
  findExactDomain(tag: Search, domain: string): AccessEntry | null {
    return this.#find(tag, domainName(domain));
  }

  /** `user+detail@domain`, `user+*@domain`, `user@domain`. */
  findAddress(tag: Search, { local, domain }: Mailbox): AccessEntry | null {
    return this.#findLocal(tag, local, domain === null ? "" : domainName(domain));
  }

  /** The same with a local part alone: `user@`. */
  findUser(tag: Search, local: string): AccessEntry | null {
    return this.#findLocal(tag, local, "");
  }

  #findLocal(tag: Search, local: string, domain: string): AccessEntry | null {
    const name = local.normalize("NFC").toLowerCase();
    const plus = name.indexOf("+", 1);
    const forms = plus < 0 ? [name] : [name, `${name.slice(0, plus)}+*`, name.slice(0, plus)];
    for (const form of forms) {
      const found = this.#find(tag, `${form}@${domain}`);
      if (found !== null) return found;
    }
    return null;
  }

  #find(tag: Search, name: string): AccessEntry | null {
    return this.#byKey.get(`${tag}:${name}`) ?? this.#byKey.get(`any:${name}`) ?? null;
  }
}

/** A map without lines. */
export const NO_ACCESS: AccessMap = new AccessMap([]);

function indexOf(key: AccessKey): string {
  return `${key.tag}:${key.kind === "name" ? key.name : networkName(key.prefix)}`;
}

/** No name has a slash in it. */
function networkName(
  { family, bits, value }: { readonly family: 4 | 6; readonly bits: number; readonly value: bigint },
): string {
  return `${family}/${bits}/${value.toString(16)}`;
}

function domainName(domain: string): string {
  return domain.startsWith("[") ? domain.toLowerCase() : toAscii(domain) ?? domain.toLowerCase();
}

function parentOf(name: string): string | null {
  if (name.startsWith("[")) {
    const cut = Math.max(name.lastIndexOf("."), name.lastIndexOf(":"));
    return cut < 0 ? null : `${name.slice(0, cut).replace(/:$/, "")}]`;
  }
  const dot = name.indexOf(".");
  return dot < 0 ? null : name.slice(dot + 1);
}
