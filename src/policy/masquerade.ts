/**
 * Which address goes out instead of the one that a program or a machine of ours wrote: sendmail's masquerading, its genericstable and its
 * always_add_domain, in sendmail's order.
 *
 * @module
 */

import { toAscii } from "../lib/domain.ts";
import { asciiLower } from "../lib/text.ts";
import { splitAddress } from "../message/map_addresses.ts";
import type { GenericsTable } from "./generics.ts";

/** What is rewritten, and how. Domains are A-labels in lower case. */
export interface MasqueradeRules {
  /** The domain that an address without one gets; `null`: it stays bare where nothing else completes it. */
  readonly addDomain: string | null;
  /** MASQUERADE_AS. */
  readonly as: string | null;
  /** MASQUERADE_DOMAIN: the domains that become it, beside our own names. */
  readonly domains: ReadonlySet<string>;
  /** Their subdomains, too. */
  readonly entireDomain: boolean;
  /** Not our own names (limited_masquerade). */
  readonly limited: boolean;
  /** Also the reverse-path. */
  readonly envelope: boolean;
  /** Also the recipients in the header section. */
  readonly all: boolean;
  /** Local parts, in lower case, that stay. */
  readonly exposedUsers: ReadonlySet<string>;
  /** Domains that stay, with their subdomains. */
  readonly exceptions: ReadonlySet<string>;
  readonly generics: GenericsTable;
  /** Its file, as told to people. */
  readonly genericsFile: string;
  readonly genericsDomains: ReadonlySet<string>;
  readonly genericsEntireDomain: boolean;
  readonly hostname: string;
  /** Class w: the names of this server and its local domains. */
  readonly ownNames: ReadonlySet<string>;
}

/** Where an address stands. */
export type AddressKind = "header-sender" | "header-recipient" | "reverse-path" | "forward-path";

/** What becomes of an address. */
export interface Rewritten {
  readonly address: string;
  /** The keys and lines that made it so, or that left it, in their order; empty: nothing is about it. */
  readonly by: readonly string[];
}

/** Says what becomes of `local@domain`, or of a local part alone. */
export function rewriteAddress(rules: MasqueradeRules, address: string, kind: AddressKind): Rewritten {
  const { local, domain } = splitAddress(address);
  const masked = kind === "header-sender" || (kind === "header-recipient" && rules.all) ||
    (kind === "reverse-path" && rules.envelope);
  if (!masked) return completed(rules, address);
  const from = domain === null ? rules.hostname : toAscii(domain);
  // An address literal, or no domain.
  if (from === null) return { address, by: [] };
  const generic = isGeneric(rules, domain === null ? null : from) ? rules.generics.find(local, from) : null;
  if (generic === null) return masquerade(rules, { local, domain, from, address });
  const by = `masquerade.generics_file: ${rules.genericsFile}, line ${generic.entry.line}`;
  if (splitAddress(generic.address).domain !== null) return { address: generic.address, by: [by] };
  const bare = { local: generic.address, domain: null, from: rules.hostname, address: generic.address };
  const rest = masquerade(rules, bare);
  // It is no address of its own: the name of this server completes it where nothing else does.
  const whole = splitAddress(rest.address).domain === null ? `${rest.address}@${rules.hostname}` : rest.address;
  return { address: whole, by: [by, ...rest.by] };
}

interface Written {
  readonly local: string;
  /** As it was written. */
  readonly domain: string | null;
  /** As A-labels; of a local part alone the name of this server. */
  readonly from: string;
  readonly address: string;
}

function masquerade(rules: MasqueradeRules, { local, domain, from, address }: Written): Rewritten {
  if (rules.as === null) return completed(rules, address);
  const exception = domain === null ? null : within(rules.exceptions, from);
  if (exception !== null) return { address, by: [`masquerade.exceptions: ${exception}`] };
  const why = reasonOf(rules, domain === null ? null : from);
  if (why === null) return { address, by: [] };
  const user = asciiLower(local);
  if (rules.exposedUsers.has(user)) {
    // A local part alone shows the name of this server then.
    return { address: domain === null ? `${local}@${from}` : address, by: [`masquerade.exposed_users: ${user}`] };
  }
  return { address: from === rules.as && domain !== null ? address : `${local}@${rules.as}`, by: [why] };
}

function reasonOf(rules: MasqueradeRules, domain: string | null): string | null {
  if (domain === null) return "masquerade.as: it has no domain";
  const listed = rules.entireDomain ? within(rules.domains, domain) : rules.domains.has(domain) ? domain : null;
  if (listed !== null) {
    return `masquerade.domains: ${listed}${listed === domain ? "" : ", with its subdomains by entire_domain"}`;
  }
  if (rules.limited || !rules.ownNames.has(domain)) return null;
  return `masquerade.as: ${domain} is a name of this server or a local domain`;
}

function completed({ addDomain }: MasqueradeRules, address: string): Rewritten {
  if (addDomain === null || splitAddress(address).domain !== null) return { address, by: [] };
  return { address: `${address}@${addDomain}`, by: ["masquerade.always_add_domain"] };
}

function isGeneric({ genericsDomains, genericsEntireDomain }: MasqueradeRules, domain: string | null): boolean {
  if (domain === null || genericsDomains.has(domain)) return true;
  return genericsEntireDomain && within(genericsDomains, domain) !== null;
}

/** The longest domain of the set that this one is, or is under. */
function within(domains: ReadonlySet<string>, domain: string): string | null {
  for (let rest = domain;;) {
    if (domains.has(rest)) return rest;
    const dot = rest.indexOf(".");
    if (dot < 0) return null;
    rest = rest.slice(dot + 1);
  }
}
