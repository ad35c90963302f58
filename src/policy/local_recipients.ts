/**
 * Which account a forward-path leads to, as far as names alone tell (DESIGN section 7).
 *
 * @module
 */

import type { Account, UserName } from "../backend.ts";
import { asciiLower, hasControl } from "../lib/text.ts";
import { toAscii } from "../lib/domain.ts";
import { parseMailbox } from "../smtp/path.ts";
import type { AliasGroup } from "./alias_table.ts";

/** What became of a forward-path. */
export type LocalResolution =
  | { readonly kind: "local"; readonly account: Account }
  /** A name of ours that stands for others. `expand`: who they are, all of them; without anybody the list is empty. */
  | { readonly kind: "alias"; readonly expand: () => readonly AliasGroup[] }
  /** In a domain of ours, and nobody there. */
  | { readonly kind: "unknown" }
  /** In a domain of ours by its look, but with `%` or `!` in the local part: somebody wants to relay. */
  | { readonly kind: "relay-path" }
  | { readonly kind: "not-local" }
  | { readonly kind: "unavailable"; readonly cause: string };

/** Finds local recipients. The answer is immediate while a backend is known to be down. */
export interface LocalRecipients {
  /** `expanded`: it stands in an alias's place already, and is none itself; default false. */
  resolve(
    forwardPath: string,
    signal: AbortSignal,
    options?: { readonly expanded: boolean },
  ): Promise<LocalResolution>;
}

/** What the configuration says about our domains. */
export interface LocalDomains {
  /** Lower-case A-labels. */
  readonly localDomains: readonly string[];
  readonly defaultRealm: string;
  readonly postmaster: string | null;
  readonly localRecipients: ReadonlyMap<string, string>;
}

/** Whom to ask for, in this order; the first that exists gets the mail. */
export type LocalCandidates =
  | { readonly kind: "not-local" }
  | { readonly kind: "relay-path" }
  | {
    readonly kind: "candidates";
    /** The account that the configuration names: if it is missing the mail has nowhere to go. */
    readonly mapped: string | null;
    /** Whether `mapped` goes before an alias of this name, too. */
    readonly beforeAliases: boolean;
    readonly names: readonly UserName[];
    /** In canonical form: local part without case and in NFC, domain as A-label. */
    readonly address: string;
  };

/** Lists the candidates for a forward-path. `<postmaster>` without a domain is ours. */
export function localCandidates(forwardPath: string, domains: LocalDomains): LocalCandidates {
  const mailbox = parseMailbox(forwardPath);
  if (mailbox === null) return { kind: "not-local" };
  const local = canonicalLocal(mailbox.local);
  const domain = mailbox.domain === null ? null : toAscii(mailbox.domain);
  if (mailbox.domain !== null && (domain === null || !domains.localDomains.includes(domain))) {
    return { kind: "not-local" };
  }
  if (/[%!]/.test(local) || local.includes("@")) return { kind: "relay-path" };
  const address = `${local}@${domain ?? domains.localDomains[0] ?? domains.defaultRealm}`;
  const beforeAliases = domains.localRecipients.has(address);
  const mapped = domains.localRecipients.get(address) ?? (local === "postmaster" ? domains.postmaster : null);
  const realms = [...new Set([domain ?? domains.defaultRealm, domains.defaultRealm])];
  return { kind: "candidates", mapped, beforeAliases, address, names: realms.map((realm) => ({ local, realm })) };
}

/** Whether a forward-path would be relayed by a server that takes its local part for an address: `user%host@` or `host!user@`. */
export function hasRelayPath(forwardPath: string): boolean {
  return /[%!]/.test(parseMailbox(forwardPath)?.local ?? "");
}

/** A local part as it is compared: NFC, without case. */
export function canonicalLocal(local: string): string {
  return asciiLower(local.normalize("NFC").toLowerCase());
}

/** Whether a local part may be part of a file's path. */
export function isSafeInPath(local: string): boolean {
  return local !== "" && !/^\.|[/\\]/.test(local) && !hasControl(local);
}
