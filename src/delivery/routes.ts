/**
 * Where a recipient goes: by a route of the configuration, to an account here, elsewhere by default, or nowhere.
 *
 * @module
 */

import type { Account } from "../backend.ts";
import type { AliasGroup } from "../policy/alias_table.ts";
import type { LocalRecipients } from "../policy/local_recipients.ts";
import { chooseRoute, type RouteConditions, type RoutedPath } from "../policy/routes.ts";
import { toAscii } from "../lib/domain.ts";
import { parseMailbox } from "../smtp/path.ts";
import type { DeliveryOutcome } from "../spool/spool.ts";
import type { Hop } from "./deliverer.ts";
import { literalAddress } from "./mx/hosts.ts";

/** What `routeFor` goes by. */
export interface RouteSettings {
  readonly recipients: LocalRecipients;
  /** The first that fits is taken, also for mail to accounts here. Default: there are none. */
  readonly routes?: readonly RouteRule[];
  /** The way of mail to accounts here. Default: Maildir. */
  readonly local?: Hop;
  /** The way of mail that is not for here. */
  readonly smarthost: Hop | null;
  /** Such mail goes straight to the hosts of its domain. */
  readonly mx?: boolean;
}

/** A configured route. */
export interface RouteRule {
  readonly name: string;
  readonly when: RouteConditions;
  /** Where it leads; `null`: to the hosts of the recipient's domain. */
  readonly place: Pick<Hop, "host" | "port"> | null;
  /** Whether it leads to where the recipient's mailbox is, as far as the recipient is an account here. */
  readonly toMailbox: boolean;
}

/** What a recipient is routed by; `expanded`: it stands in the place of an alias. */
export interface Routed extends RoutedPath {
  readonly expanded: boolean;
}

/** The way of one recipient; `settled`: there is none, now or ever. */
export type Route =
  | { readonly kind: "hop"; readonly hop: Hop; readonly account: Account | null }
  /** Others get it in its place. */
  | { readonly kind: "expand"; readonly groups: readonly AliasGroup[] }
  | { readonly kind: "settled"; readonly outcome: DeliveryOutcome };

/** All Maildir deliveries share one hop; the account of each recipient says where. */
export const MAILDIR_HOP: Hop = { route: "maildir", host: "localhost", port: 0 };

const MX_PORT = 25;

/** Finds the way of a forward-path. Asks a backend where it has to; a backend that is down never makes a mail bounce. */
export async function routeFor(path: Routed, settings: RouteSettings, signal: AbortSignal): Promise<Route> {
  const { forwardPath, expanded } = path;
  const resolution = await settings.recipients.resolve(forwardPath, signal, { expanded });
  switch (resolution.kind) {
    case "local":
      return byRule(path, settings, resolution.account) ??
        { kind: "hop", hop: settings.local ?? MAILDIR_HOP, account: resolution.account };
    case "alias":
      return { kind: "expand", groups: resolution.expand() };
    case "unknown":
    case "relay-path":
      return failed("550", "5.1.1", "There is no such address here");
    case "unavailable":
      return {
        kind: "settled",
        outcome: { kind: "deferred", cause: "local", reply: "451 4.3.0 The address cannot be looked up now" },
      };
    case "not-local": {
      const route = byRule(path, settings, null);
      if (route !== null) return route;
      if (settings.mx === true) return routeByMx(forwardPath, "mx");
      return settings.smarthost === null
        ? failed("550", "5.4.4", "There is no route to this domain")
        : { kind: "hop", hop: settings.smarthost, account: null };
    }
  }
}

/** The ways that are always there, by the names that deliveries are logged under; routes of the configuration have their own. */
export const ROUTES = ["maildir", "lmtp", "smarthost", "mx", "none"] as const;

/** The route of a domain (A-label), as far as the name alone tells: for counting what waits. */
export function routeOfDomain(
  domain: string,
  { localDomains, local = "maildir", elsewhere, routes = [] }: {
    readonly localDomains: readonly string[];
    /** The route of mail to accounts here; default Maildir. */
    readonly local?: string;
    readonly elsewhere: string;
    readonly routes?: readonly Pick<RouteRule, "name" | "when">[];
  },
): string {
  const byDomain = routes.filter(({ when }) => when.accounts.length === 0 && when.senderDomains.length === 0);
  const route = chooseRoute(byDomain, { forwardPath: `x@${domain}`, reversePath: null, account: null });
  if (route !== null) return route.name;
  // RFC 5321 section 4.5.1: postmaster may stand without a domain.
  return domain === "postmaster" || localDomains.includes(domain) ? local : elsewhere;
}

function byRule(path: Routed, { routes = [] }: RouteSettings, account: Account | null): Route | null {
  const rule = chooseRoute(routes, path);
  if (rule === null) return null;
  if (rule.place === null) return routeByMx(path.forwardPath, rule.name);
  return { kind: "hop", hop: { route: rule.name, ...rule.place }, account: rule.toMailbox ? account : null };
}

/** A domain, or an address literal, has a hop of its own. */
function routeByMx(forwardPath: string, route: string): Route {
  const domain = parseMailbox(forwardPath)?.domain ?? null;
  const host = domain === null ? null : literalAddress(domain) === null ? toAscii(domain) : domain.toLowerCase();
  if (host === null) return failed("550", "5.1.2", "The domain of the address is none that mail can be sent to");
  return { kind: "hop", hop: { route, host, port: MX_PORT }, account: null };
}

function failed(code: string, enhanced: string, text: string): Route {
  return { kind: "settled", outcome: { kind: "failed", enhanced, reply: `${code} ${enhanced} ${text}` } };
}
