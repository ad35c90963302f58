/**
 * Rules that would make an open relay: everybody's mail to everywhere goes through it, until others refuse ours.
 *
 * @module
 */

import { type Prefix } from "../lib/address_bits.ts";
import { isNetwork, networkSet } from "../lib/network.ts";
import type { AccessEntry, AccessMap } from "./access_map.ts";
import { formatPrefix, readNetwork } from "./access_key.ts";

/** What is looked at. */
export interface TrustedNetworks {
  readonly map: AccessMap;
  readonly relayNetworks: readonly string[];
  readonly relayDomains: readonly string[];
  /** In a container, the address that its clients from outside come from: that of its network's gateway. */
  readonly gateway: string | null;
}

/** One dangerous rule. */
export interface OpenRelay {
  /** A line of the map, or the text of a network or a domain. */
  readonly where: AccessEntry | string;
  readonly text: string;
}

/** Shorter prefixes than these hold a good part of all addresses. */
const LEAST_BITS = { 4: 8, 6: 16 } as const;

/** Lists what lets everybody relay. */
export function findOpenRelays({ map, relayNetworks, relayDomains, gateway }: TrustedNetworks): readonly OpenRelay[] {
  const found: OpenRelay[] = [];
  for (const entry of map.entries) {
    const { key, action } = entry;
    if (action.kind !== "relay") continue;
    if (key.kind === "network") found.push(...told(entry, networkProblem(key.prefix, gateway)));
    else if ((key.tag === "to" || key.tag === "any") && isTopLevel(key.name)) {
      found.push({ where: entry, text: topLevelProblem(key.name) });
    }
  }
  for (const network of relayNetworks) {
    const prefix = readNetwork(network);
    if (prefix !== null) found.push(...told(network, networkProblem(prefix, gateway)));
  }
  for (const domain of relayDomains) {
    if (isTopLevel(domain)) found.push({ where: domain, text: topLevelProblem(domain) });
  }
  return found;
}

/** Whether clients from outside a container seem to come from a network, since its gateway is in there. */
export function holdsGateway(network: string, gateway: string | null): boolean {
  return gateway !== null && isNetwork(network) && networkSet([network]).has(gateway);
}

function told(where: AccessEntry | string, text: string | null): readonly OpenRelay[] {
  return text === null ? [] : [{ where, text }];
}

function networkProblem(prefix: Prefix, gateway: string | null): string | null {
  const crowd = crowdIn(prefix, gateway);
  if (crowd === null) return null;
  return `OPEN RELAY: ${crowd}${prefix.bits < LEAST_BITS[prefix.family] ? ", who may relay without a login" : ""}`;
}

/** Says of a network that strangers are in it; `null`: it is small enough. */
export function crowdIn(prefix: Prefix, gateway: string | null): string | null {
  const network = formatPrefix(prefix);
  if (prefix.bits < LEAST_BITS[prefix.family]) {
    return `${network} is ${prefix.bits === 0 ? "everybody" : "half the world"}`;
  }
  if (!holdsGateway(network, gateway)) return null;
  return `${network} has the gateway of this container, ${gateway}, where everybody's connections seem to come from`;
}

function isTopLevel(name: string): boolean {
  return /^[^.@[]+$/.test(name);
}

function topLevelProblem(name: string): string {
  return `OPEN RELAY: everybody may relay to all domains that end in .${name}`;
}
