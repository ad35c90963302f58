/**
 * The sender rule: which addresses an account may use as reverse-path.
 *
 * @module
 */

import type { Account } from "../backend.ts";
import { toAscii } from "../lib/domain.ts";
import { formatMailbox, type Mailbox, parseMailbox } from "../smtp/path.ts";
import type { AliasTable } from "./alias_table.ts";
import { isDeviceAccount } from "./devices.ts";
import { canonicalLocal, localCandidates, type LocalDomains } from "./local_recipients.ts";

/** What is done about an address of somebody else: refused, replaced, told in the log, or nothing. */
export type SenderMode = "reject" | "rewrite" | "report" | "off";

/** What addresses are, beside what the account brings. */
export interface SenderFacts extends LocalDomains {
  /** What parts a sub-address from its mailbox (RFC 5233), such as `+`; `null`: nothing does. */
  readonly recipientDelimiter: string | null;
  /** `null`: there are none, or they cannot be told now. */
  readonly aliases: AliasTable | null;
  /** Addresses that are the names of other accounts, as `namesake` gives them. Default: none. */
  readonly taken?: ReadonlySet<string>;
}

/** The addresses of one account. */
export interface OwnAddresses {
  /** What stands in the place of somebody else's. */
  readonly primary: string;
  /** What is written of them, for people: the name, addresses, `@domain`, `*`. Aliases are not in it. */
  readonly written: readonly string[];
  /** Whether the account may send as this address: compared without case, domains as A-labels. A bare local part is one of a local domain. */
  allows(address: string): boolean;
  /**
   * The name, in canonical form, of an account that the address would belong to if there is one: where it is allowed for its local part
   * alone. `null`: it is nobody else's.
   */
  namesake(address: string): string | null;
}

/** The addresses of an account, by the rule of docs/sender.md. */
export function ownAddresses(account: Account, facts: SenderFacts): OwnAddresses {
  if (isDeviceAccount(account)) return addressesOfDevice(account);
  const own = account.addresses.filter((address) => address !== "*" && !address.startsWith("@"));
  const exact = new Set([account.name, ...own].map(canonicalAddress).filter((address) => address !== null));
  const domains = new Set(
    account.addresses.filter((address) => address.startsWith("@")).map((address) => toAscii(address.slice(1))),
  );
  const everything = account.addresses.includes("*");
  const name = parseMailbox(account.name);
  const local = name === null ? null : canonicalLocal(name.local);

  const isWritten = (mailbox: Mailbox): boolean => {
    const domain = domainOf(mailbox);
    return everything || (domain !== null && domains.has(domain)) ||
      exact.has(`${canonicalLocal(mailbox.local)}@${domain}`);
  };
  const namesakeOf = (mailbox: Mailbox): string | null => {
    const domain = domainOf(mailbox);
    if (isWritten(mailbox) || domain === null || !facts.localDomains.includes(domain)) return null;
    if (leadsTo(mailbox, account.name, facts)) return null;
    return canonicalLocal(mailbox.local) === local ? `${local}@${domain}` : null;
  };
  const isOwn = (mailbox: Mailbox): boolean => {
    if (isWritten(mailbox)) return true;
    const domain = domainOf(mailbox);
    if (domain !== null && !facts.localDomains.includes(domain)) return false;
    if (leadsTo(mailbox, account.name, facts)) return true;
    return canonicalLocal(mailbox.local) === local && !isMapped(mailbox, facts) &&
      facts.taken?.has(`${local}@${domain}`) !== true;
  };
  return {
    primary: own[0] ?? account.name,
    written: [...new Set([account.name, ...account.addresses])],
    allows: (address) => {
      const mailbox = parseMailbox(address);
      if (mailbox === null) return false;
      return isOwn(mailbox) || isOwn(withoutDetail(mailbox, facts.recipientDelimiter));
    },
    namesake: (address) => {
      const mailbox = parseMailbox(address);
      if (mailbox === null || isWritten(mailbox)) return null;
      return namesakeOf(mailbox) ?? namesakeOf(withoutDetail(mailbox, facts.recipientDelimiter));
    },
  };
}

/** What an account may send as, for people: what is written of it, its name in each local domain, and what `local_recipients` lead to it. */
export function sendsAs(account: Account, facts: SenderFacts): readonly string[] {
  const { written, allows } = ownAddresses(account, facts);
  if (written.includes("*")) return written;
  const local = parseMailbox(account.name)?.local;
  const named = local === undefined
    ? []
    : facts.localDomains.map((domain) => formatMailbox({ local: canonicalLocal(local), domain }));
  const all = [...written, ...named, ...[...facts.localRecipients.keys()].filter(allows)];
  const seen = new Set<string>();
  return all.filter((address) => {
    const compared = canonicalAddress(address) ?? address;
    return !seen.has(compared) && seen.add(compared);
  });
}

/** The one address of a device: neither its name nor what its name has in local domains. */
function addressesOfDevice({ name, addresses: [sender = name] }: Account): OwnAddresses {
  const key = canonicalAddress(sender);
  return {
    primary: sender,
    written: [sender],
    allows: (address) => canonicalAddress(address) === key,
    namesake: () => null,
  };
}

/** How an account is treated at a listener. */
export function senderMode(
  account: string,
  { listener, accounts }: { readonly listener: SenderMode; readonly accounts: ReadonlyMap<string, SenderMode> },
): SenderMode {
  return accounts.get(account) ?? listener;
}

/** Whether `local_recipients` gives the address to somebody by name. */
function isMapped(mailbox: Mailbox, facts: SenderFacts): boolean {
  const candidates = localCandidates(formatMailbox(mailbox), facts);
  return candidates.kind === "candidates" && candidates.beforeAliases;
}

/** Whether local_recipients, or an alias with this one member, make the address one of the account. */
function leadsTo(mailbox: Mailbox, account: string, facts: SenderFacts): boolean {
  const address = formatMailbox(mailbox);
  const candidates = localCandidates(address, facts);
  if (candidates.kind !== "candidates") return false;
  const { mapped, beforeAliases } = candidates;
  if (mapped !== null && (beforeAliases || facts.aliases?.has(mailbox.local) !== true)) {
    return isNamed(mapped, account, facts);
  }
  // Who stands on a list does not speak for it.
  if (facts.aliases?.isPlain(mailbox.local) !== true) return false;
  const domain = candidates.address.slice(candidates.address.lastIndexOf("@") + 1);
  const [group] = facts.aliases.expand(mailbox.local, domain) ?? [];
  const [member] = group?.members ?? [];
  if (member === undefined) return false;
  const found = localCandidates(member, facts);
  if (found.kind !== "candidates") return false;
  if (found.mapped !== null) return isNamed(found.mapped, account, facts);
  return found.names.some(({ local, realm }) => `${local}@${realm}` === canonicalAddress(account));
}

function isNamed(mapped: string, account: string, { defaultRealm }: SenderFacts): boolean {
  const whole = mapped.includes("@") ? mapped : `${mapped}@${defaultRealm}`;
  return canonicalAddress(whole) === canonicalAddress(account);
}

function withoutDetail(mailbox: Mailbox, delimiter: string | null): Mailbox {
  const at = delimiter === null ? -1 : mailbox.local.indexOf(delimiter, 1);
  return at < 0 ? mailbox : { ...mailbox, local: mailbox.local.slice(0, at) };
}

function canonicalAddress(address: string): string | null {
  const mailbox = parseMailbox(address);
  return mailbox === null ? null : `${canonicalLocal(mailbox.local)}@${domainOf(mailbox)}`;
}

function domainOf({ domain }: Mailbox): string | null {
  return domain === null ? null : toAscii(domain) ?? domain.toLowerCase();
}
