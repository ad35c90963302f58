/**
 * Aliases with all their members known: finds loops, and who gets a mail in the end.
 *
 * @module
 */

import { formatMailbox, parseMailbox } from "../smtp/path.ts";
import { toAscii } from "../lib/domain.ts";
import { type AliasMember, canonicalAlias } from "./aliases.ts";

/** A member that is no file any more. */
export type ResolvedMember = Exclude<AliasMember, { readonly kind: "include" }>;

/** Who get the mail of a name under one reverse-path. */
export interface AliasGroup {
  /** The forward-path that reports go to instead of to the sender; `null`: to the sender. */
  readonly owner: string | null;
  readonly members: readonly string[];
}

/** An alias that cannot be used. */
export interface AliasFault {
  readonly name: string;
  readonly text: string;
}

/** A list that has another list as its member, and so on: not more often than this. */
const DEPTH_LIMIT = 20;
const OWNER = "owner-";

/** Aliases by name. */
export class AliasTable {
  readonly #members: ReadonlyMap<string, readonly ResolvedMember[]>;
  readonly #localDomains: readonly string[];

  /** `localDomains`: lower-case A-labels; a member in one of them is a local name. */
  constructor(members: ReadonlyMap<string, readonly ResolvedMember[]>, localDomains: readonly string[]) {
    this.#members = members;
    this.#localDomains = localDomains;
  }

  /** How many names there are. */
  get size(): number {
    return this.#members.size;
  }

  has(local: string): boolean {
    return this.#members.has(canonicalAlias(local));
  }

  /** Whether a name has one member, which may be another name of that kind: to expand it is no work then. */
  isPlain(local: string): boolean {
    let name = canonicalAlias(local);
    for (;;) {
      const [member, ...others] = this.#members.get(name) ?? [];
      if (member === undefined || others.length > 0) return false;
      const next = this.#aliasOf(member, name);
      if (next === null) return true;
      name = next;
    }
  }

  /** Loops, each once with the names that it goes through, and lists that stand in each other too deep. */
  faults(): readonly AliasFault[] {
    const faults: AliasFault[] = [];
    const done = new Set<string>();
    const visit = (name: string, above: readonly string[]): void => {
      const at = above.indexOf(name);
      if (at >= 0) {
        const text = `it is a loop: ${[...above.slice(at), name].join(" -> ")}`;
        faults.push({ name: above[at] ?? name, text });
        return;
      }
      if (above.length >= DEPTH_LIMIT) {
        faults.push({ name: above[0] ?? name, text: `more than ${DEPTH_LIMIT} lists stand in each other` });
        return;
      }
      if (done.has(name)) return;
      for (const next of this.#aliasesIn(name)) visit(next, [...above, name]);
      done.add(name);
    };
    for (const name of this.#members.keys()) visit(name, []);
    return faults;
  }

  /**
   * Who get the mail of a name, each once, in the order of the file; names without a domain get this one. `null`: it is no alias. The
   * table has no faults.
   */
  expand(local: string, domain: string): readonly AliasGroup[] | null {
    const name = canonicalAlias(local);
    if (!this.#members.has(name)) return null;
    const groups = new Map<string | null, string[]>();
    const seen = new Set<string>();
    const add = (owner: string | null, address: string) => {
      const compared = address.toLowerCase();
      if (seen.has(compared)) return;
      seen.add(compared);
      groups.getOrInsertComputed(owner, () => []).push(address);
    };
    const walk = (list: string, above: string | null): void => {
      const owner = this.#ownerOf(list, domain) ?? above;
      for (const member of this.#members.get(list) ?? []) {
        const next = this.#aliasOf(member, list);
        if (next === null) add(owner, addressOf(member, domain));
        else walk(next, owner);
      }
    };
    walk(name, null);
    return [...groups].map(([owner, members]) => ({ owner, members }));
  }

  #ownerOf(list: string, domain: string): string | null {
    const owner = `${OWNER}${list}`;
    return !list.startsWith(OWNER) && this.#members.has(owner) ? formatMailbox({ local: owner, domain }) : null;
  }

  #aliasesIn(name: string): readonly string[] {
    return (this.#members.get(name) ?? []).map((member) => this.#aliasOf(member, name)).filter((next) => next !== null);
  }

  /** The alias that a member of a list names. A name in its own list is the account, as with sendmail. */
  #aliasOf(member: ResolvedMember, list: string): string | null {
    const local = this.#localOf(member);
    const name = local === null ? null : canonicalAlias(local);
    return name === null || name === list || !this.#members.has(name) ? null : name;
  }

  #localOf(member: ResolvedMember): string | null {
    if (member.kind === "account") return null;
    if (member.kind === "name") return member.local;
    const mailbox = parseMailbox(member.address);
    const domain = mailbox?.domain === undefined || mailbox.domain === null ? null : toAscii(mailbox.domain);
    return domain !== null && this.#localDomains.includes(domain) ? mailbox?.local ?? null : null;
  }
}

function addressOf(member: ResolvedMember, domain: string): string {
  return member.kind === "address" ? member.address : formatMailbox({ local: member.local, domain });
}
