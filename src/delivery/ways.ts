/**
 * Which way an address takes, for people: by the same rules as a mail, and nothing is sent.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import type { LocalRecipients } from "../policy/local_recipients.ts";
import { routeSettings } from "./open_delivery.ts";
import { type Route, routeFor } from "./routes.ts";

/** One address and where it goes. */
export interface Way {
  readonly recipient: string;
  /** `alias`: others stand for it, and follow it; `none`: nowhere. */
  readonly route: string;
  readonly host: string;
  /** 0: there is none. */
  readonly port: number;
  readonly account: string | null;
  readonly detail: string;
}

/** An address, and who sends to it. */
export interface Asked {
  readonly recipient: string;
  readonly reversePath: string | null;
  readonly account: string | null;
}

/** The way of an address, and those of its members where it is an alias. */
export async function findWays(
  { recipient, reversePath, account }: Asked,
  { config, recipients, signal }: {
    readonly config: Config;
    readonly recipients: LocalRecipients;
    readonly signal: AbortSignal;
  },
): Promise<readonly Way[]> {
  const settings = { ...routeSettings(config), recipients };
  const look = async (forwardPath: string, expanded: boolean): Promise<readonly Way[]> => {
    const route = await routeFor({ forwardPath, reversePath, account, expanded }, settings, signal);
    if (route.kind !== "expand") return [wayOf(forwardPath, route, config)];
    const members = route.groups.flatMap((group) => group.members);
    const none = { host: "", port: 0, account: null };
    const detail = members.length === 0 ? "550 5.2.4 There is nobody on the list" : `stands for ${members.length}`;
    const ways: Way[] = [{ recipient: forwardPath, route: members.length === 0 ? "none" : "alias", ...none, detail }];
    for (const member of members) ways.push(...await look(member, true));
    return ways;
  };
  return await look(recipient, false);
}

/** What is done about TLS on this way, as a sentence; `null`: it leads to no server. */
export function tlsPolicyOf({ route }: Pick<Way, "route">, { delivery, routes }: Config): string | null {
  const to = routes.find(({ name }) => name === route)?.to ?? null;
  const smarthost = to?.kind === "smarthost" ? to.smarthost : route === "smarthost" ? delivery.smarthost : null;
  if (smarthost !== null) return SMARTHOST_TLS[smarthost.tls];
  if (to?.kind !== "mx" && route !== "mx") return null;
  return delivery.mx.mtaSts
    ? "opportunistic: STARTTLS where it is offered; required where the domain has an MTA-STS policy that says so"
    : "opportunistic: STARTTLS where it is offered";
}

const SMARTHOST_TLS = {
  required: "required: STARTTLS, and the certificate is checked",
  implicit: "required: from the first octet, and the certificate is checked",
  opportunistic: "opportunistic: STARTTLS where it is offered, the certificate is not checked",
  never: "never",
} as const;

function wayOf(recipient: string, route: Exclude<Route, { readonly kind: "expand" }>, config: Config): Way {
  if (route.kind === "settled") {
    return { recipient, route: "none", host: "", port: 0, account: null, detail: route.outcome.reply };
  }
  const { hop, account } = route;
  const detail = detailOf(hop.route, config);
  return { recipient, route: hop.route, host: hop.host, port: hop.port, account: account?.name ?? null, detail };
}

/** What the hop does not tell. */
function detailOf(name: string, { delivery, routes }: Config): string {
  const own = routes.find((route) => route.name === name)?.to ?? null;
  const to = own ?? (name === "maildir" || name === "lmtp" ? delivery.local?.to ?? null : null);
  if (to === null) return "";
  switch (to.kind) {
    case "maildir":
      return to.maildir;
    case "lmtp":
      return "path" in to.address ? `unix:${to.address.path}` : "";
    case "discard":
      return "thrown away";
    case "fail":
      return to.reply;
    case "mx":
      return "the hosts of this domain";
    case "smarthost":
      return "";
  }
}
