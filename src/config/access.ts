/**
 * [access]: its keys, and what becomes of them.
 *
 * @module
 */

import { resolve } from "node:path";
import type { z } from "zod";
import type { AccessEntry } from "../policy/access_map.ts";
import { findOpenRelays } from "../policy/open_relay.ts";
import type { AccessContents } from "./access_files.ts";
import type { AccessConfig } from "./config.ts";
import type { Findings } from "./files.ts";
import { domain, flag, list, network, path, table } from "./quantities.ts";

/** [access] */
export const accessSchema = table({
  file: path.optional().meta({
    description: "sendmail's access map, as text, or as the .db that makemap hash makes; it may be missing",
  }),
  blacklistRecipients: flag.default(true).meta({ description: "also look recipients up in the map" }),
  relayHostsOnly: flag.default(false).meta({
    description: "a domain that is relayed to is itself alone, without its subdomains",
  }),
  relayDomains: list(domain).prefault([]).meta({
    description: "domains to which everybody may relay: those this server is a backup for",
  }),
  relayDomainsFile: path.optional().meta({
    description: "more of them, and networks, one a line, as in relay-domains",
  }),
  relayNetworks: list(network).prefault([]).meta({
    description: "networks that relay without a login, at listeners of role mta",
  }),
  needHello: flag.default(true).meta({ description: "no mail before HELO or EHLO (goaway)" }),
});

/** Completes [access], and says what would make an open relay. */
export function completeAccess(
  { file, relayDomainsFile: _file, ...section }: z.output<typeof accessSchema>,
  { folder, contents }: { readonly folder: string; readonly contents: AccessContents },
  { warnings }: Pick<Findings, "warnings">,
): AccessConfig {
  const { map, gateway, places, source } = contents;
  const relayDomains = [...new Set([...section.relayDomains, ...contents.domains])];
  const relayNetworks = [...new Set([...section.relayNetworks, ...contents.networks])];
  for (const { where, text } of findOpenRelays({ map, gateway, relayDomains, relayNetworks })) {
    warnings.push(`${placeOf(where, { section, places, source })}: ${text}`);
  }
  return { ...section, file: file === undefined ? null : resolve(folder, file), relayDomains, relayNetworks };
}

function placeOf(
  where: AccessEntry | string,
  { section, places, source }: {
    readonly section: Pick<AccessConfig, "relayDomains" | "relayNetworks">;
    readonly places: ReadonlyMap<string, string>;
    readonly source: string | null;
  },
): string {
  if (typeof where !== "string") {
    return `access.file: ${source}${where.line === null ? "" : `, line ${where.line}`}: ${where.written}`;
  }
  if (section.relayNetworks.includes(where)) return "access.relay_networks";
  if (section.relayDomains.includes(where)) return "access.relay_domains";
  return `access.relay_domains_file: ${places.get(where)}`;
}
