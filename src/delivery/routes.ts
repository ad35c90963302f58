/**
 * Where a recipient goes: to an account here, to the smarthost, or nowhere.
 *
 * @module
 */

import type { Account } from "../backend.ts";
import type { LocalRecipients } from "../policy/local_recipients.ts";
import { toAscii } from "../lib/domain.ts";
import { parseMailbox } from "../smtp/path.ts";
import type { DeliveryOutcome } from "../spool/spool.ts";
import type { Hop } from "./deliverer.ts";
import { literalAddress } from "./mx/hosts.ts";

/** What `routeFor` goes by. */
export interface RouteSettings {
  readonly recipients: LocalRecipients;
  /** The way of mail that is not for here. */
  readonly smarthost: Hop | null;
  /** Such mail goes straight to the hosts of its domain. */
  readonly mx?: boolean;
}

/** The way of one recipient; `settled`: there is none, now or ever. */
export type Route =
  | { readonly kind: "hop"; readonly hop: Hop; readonly account: Account | null }
  | { readonly kind: "settled"; readonly outcome: DeliveryOutcome };

/** All Maildir deliveries share one hop; the account of each recipient says where. */
export const MAILDIR_HOP: Hop = { route: "maildir", host: "localhost", port: 0 };

const MX_PORT = 25;

/** Finds the way of a forward-path. Asks a backend where it has to; a backend that is down never makes a mail bounce. */
export async function routeFor(forwardPath: string, settings: RouteSettings, signal: AbortSignal): Promise<Route> {
  const resolution = await settings.recipients.resolve(forwardPath, signal);
  switch (resolution.kind) {
    case "local":
      return { kind: "hop", hop: MAILDIR_HOP, account: resolution.account };
    case "unknown":
    case "relay-path":
      return failed("550", "5.1.1", "There is no such address here");
    case "unavailable":
      return {
        kind: "settled",
        outcome: { kind: "deferred", cause: "local", reply: "451 4.3.0 The address cannot be looked up now" },
      };
    case "not-local":
      if (settings.mx === true) return routeByMx(forwardPath);
      return settings.smarthost === null
        ? failed("550", "5.4.4", "There is no route to this domain")
        : { kind: "hop", hop: settings.smarthost, account: null };
  }
}

/** The routes that a recipient can take, by the names that deliveries are logged under. */
export const ROUTES = ["maildir", "smarthost", "mx", "none"] as const;

/** The route of a domain (A-label), as far as the name alone tells: for counting what waits. */
export function routeOfDomain(
  domain: string,
  { localDomains, elsewhere }: { readonly localDomains: readonly string[]; readonly elsewhere: typeof ROUTES[number] },
): typeof ROUTES[number] {
  // RFC 5321 section 4.5.1: postmaster may stand without a domain.
  if (domain === "postmaster" || localDomains.includes(domain)) return "maildir";
  return elsewhere;
}

/** A domain, or an address literal, has a hop of its own. */
function routeByMx(forwardPath: string): Route {
  const domain = parseMailbox(forwardPath)?.domain ?? null;
  const host = domain === null ? null : literalAddress(domain) === null ? toAscii(domain) : domain.toLowerCase();
  if (host === null) return failed("550", "5.1.2", "The domain of the address is none that mail can be sent to");
  return { kind: "hop", hop: { route: "mx", host, port: MX_PORT }, account: null };
}

function failed(code: string, enhanced: string, text: string): Route {
  return { kind: "settled", outcome: { kind: "failed", enhanced, reply: `${code} ${enhanced} ${text}` } };
}
