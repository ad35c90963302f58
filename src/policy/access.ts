/**
 * What the access rules say of a client, a sender and a recipient, in sendmail's order (its rule sets check_relay, check_mail and
 * check_rcpt), and who may relay without a login.
 *
 * @module
 */

import { unreachable } from "../lib/result.ts";
import type { NetworkSet } from "../lib/network.ts";
import { canonicalAddress } from "../lib/network.ts";
import { toAscii } from "../lib/domain.ts";
import { type Mailbox, parseMailbox } from "../smtp/path.ts";
import { REPLIES } from "../smtp/replies.ts";
import type { Reply } from "../smtp/reply.ts";
import type { Verdict } from "../smtp/session_state.ts";
import { hasRelayPath } from "./local_recipients.ts";
import type { AccessEntry, AccessMap } from "./access_map.ts";

/** The map and the keys of [access] beside it. */
export interface AccessRules {
  readonly map: AccessMap;
  /** Whether recipients are looked up too (FEATURE blacklist_recipients). */
  readonly blacklistRecipients: boolean;
  /** Whether a domain that is relayed to is itself alone, and not its subdomains (FEATURE relay_hosts_only). */
  readonly relayHostsOnly: boolean;
  /** Lower-case A-labels: mail to them is relayed for everybody. */
  readonly relayDomains: ReadonlySet<string>;
  /** Clients there relay without a login. */
  readonly relayNetworks: NetworkSet;
}

/** What was found about one step. `null`: no line says anything. */
export interface AccessFinding {
  readonly verdict: Verdict;
  readonly entry: AccessEntry | null;
}

const NOTHING: AccessFinding = { verdict: { kind: "accept" }, entry: null };

/** A client that connects. A `discard` holds for each of its mails. */
export function judgeClient({ map }: AccessRules, address: string): AccessFinding {
  // sendmail looks for the client's name first; of a client without one that is its address in brackets.
  const named = map.findDomain("connect", `[${canonicalAddress(address)}]`);
  const entry = named === null || named.action.kind === "skip" ? map.findNetwork(address) : named;
  return find(entry, REPLIES.accessDenied);
}

/** A reverse-path. `<>` is never looked up. */
export function judgeSender({ map }: AccessRules, reversePath: string | null): AccessFinding {
  const mailbox = reversePath === null ? null : parseMailbox(reversePath);
  if (mailbox === null) return NOTHING;
  const { domain } = mailbox;
  const entry = map.findAddress("from", mailbox) ?? map.findUser("from", mailbox.local) ??
    (domain === null ? null : map.findDomain("from", domain));
  return find(entry, REPLIES.accessDenied);
}

/** A forward-path. `isLocal`: its domain is one of ours, or it has none. */
export function judgeForwardPath(
  { map, blacklistRecipients }: AccessRules,
  forwardPath: string,
  isLocal: boolean,
): AccessFinding {
  const mailbox = blacklistRecipients ? parseMailbox(forwardPath) : null;
  if (mailbox === null) return NOTHING;
  return find(findRecipient(map, mailbox, isLocal), REPLIES.recipientDisabled);
}

function findRecipient(map: AccessMap, mailbox: Mailbox, isLocal: boolean): AccessEntry | null {
  const { local, domain } = mailbox;
  return map.findAddress("to", mailbox) ?? (isLocal ? map.findUser("to", local) : null) ??
    (domain === null ? null : map.findDomain("to", domain));
}

/** Why a client may relay to a forward-path without a login: a sentence for the log; `null`: it may not. */
export interface RelayGrant {
  readonly rule: string;
  readonly entry: AccessEntry | null;
  /** Who is trusted: the client, whatever the recipient, or the recipient's domain. */
  readonly by: "client" | "domain";
}

/** Looks for a right to relay that needs no login. */
export function grantRelay(
  rules: AccessRules,
  { client, forwardPath }: { readonly client: string; readonly forwardPath: string },
): RelayGrant | null {
  const domain = parseMailbox(forwardPath)?.domain ?? null;
  // Whoever may relay to a domain may not relay through it: there `user%host@` would go on to host.
  const byDomain = domain === null || hasRelayPath(forwardPath) ? null : grantByDomain(rules, domain);
  return byDomain ?? grantByClient(rules, client);
}

/** A right that a client has by its address. */
export function grantByClient({ map, relayNetworks }: AccessRules, client: string): RelayGrant | null {
  if (relayNetworks.has(client)) return { rule: "the client is in relay_networks", entry: null, by: "client" };
  const entry = map.findNetwork(client);
  return entry?.action.kind === "relay" ? { rule: describeEntry(entry), entry, by: "client" } : null;
}

/** A right that everybody has, because of where the mail goes. */
export function grantByDomain(rules: AccessRules, domain: string): RelayGrant | null {
  const { map, relayDomains, relayHostsOnly } = rules;
  const name = toAscii(domain) ?? domain.toLowerCase();
  const labels = name.split(".");
  const suffixes = relayHostsOnly ? [name] : labels.map((_, at) => labels.slice(at).join("."));
  const listed = suffixes.find((suffix) => relayDomains.has(suffix));
  if (listed !== undefined) return { rule: `${listed} is in relay_domains`, entry: null, by: "domain" };
  const entry = relayHostsOnly ? map.findExactDomain("to", name) : map.findDomain("to", name);
  return entry?.action.kind === "relay" ? { rule: describeEntry(entry), entry, by: "domain" } : null;
}

/** Names a line, for the log and for people. */
export function describeEntry({ line, written }: AccessEntry): string {
  return `${line === null ? "access map" : `line ${line} of the access map`}: ${written}`;
}

function find(entry: AccessEntry | null, refusal: Reply): AccessFinding {
  if (entry === null) return NOTHING;
  const rule = describeEntry(entry);
  const { action } = entry;
  switch (action.kind) {
    case "ok":
    case "relay":
    case "skip":
      return { verdict: { kind: "accept" }, entry };
    case "reject":
      return { verdict: { kind: "refuse", reply: refusal, rule }, entry };
    case "discard":
      return { verdict: { kind: "discard", rule }, entry };
    case "error":
      return { verdict: { kind: "refuse", reply: action.reply, rule }, entry };
    default:
      return unreachable(action);
  }
}
