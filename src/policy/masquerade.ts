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

/** Says what becomes of `local@domain`, or of a local part alone. `localhost` is as no domain at all. */
export function rewriteAddress(rules: MasqueradeRules, address: string, kind: AddressKind): Rewritten {
  const { local, domain } = splitAddress(address);
  const ascii = domain === null ? null : toAscii(domain);
  // An address literal, or no domain.
  if (domain !== null && ascii === null) return { address, by: [] };
  const written = { local, domain: ascii === "localhost" ? null : ascii, address };
  const masked = kind === "header-sender" || (kind === "header-recipient" && rules.all) ||
    (kind === "reverse-path" && rules.envelope);
  if (!masked) return completed(rules, written);
  const generic = isGeneric(rules, written.domain)
    ? rules.generics.find(local, written.domain ?? rules.hostname)
    : null;
  if (generic === null) return masquerade(rules, written);
  const by = `masquerade.generics_file: ${rules.genericsFile}, line ${generic.entry.line}`;
  const found = generic.address;
  if (splitAddress(found).domain !== null) return { address: found, by: [by] };
  const rest = masquerade(rules, { local: found, domain: null, address: found });
  // It is no address of its own: the name of this server completes it where nothing else does.
  const whole = splitAddress(rest.address).domain === null ? `${rest.address}@${rules.hostname}` : rest.address;
  return { address: whole, by: [by, ...rest.by] };
}

interface Written {
  readonly local: string;
  /** As A-labels; `null`: none. */
  readonly domain: string | null;
  readonly address: string;
}

function masquerade(rules: MasqueradeRules, written: Written): Rewritten {
  const { local, domain, address } = written;
  if (rules.as === null) return completed(rules, written);
  const exception = domain === null ? null : within(rules.exceptions, domain);
  if (exception !== null) return { address, by: [`masquerade.exceptions: ${exception}`] };
  const why = reasonOf(rules, domain);
  if (why === null) return { address, by: [] };
  const user = asciiLower(local);
  if (rules.exposedUsers.has(user)) {
    // Without a domain it shows the name of this server then.
    return {
      address: domain === null ? `${local}@${rules.hostname}` : address,
      by: [`masquerade.exposed_users: ${user}`],
    };
  }
  return { address: domain === rules.as ? address : `${local}@${rules.as}`, by: [why] };
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

function completed({ addDomain }: MasqueradeRules, { local, domain, address }: Written): Rewritten {
  if (addDomain === null || domain !== null) return { address, by: [] };
  return { address: `${local}@${addDomain}`, by: ["masquerade.always_add_domain"] };
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
