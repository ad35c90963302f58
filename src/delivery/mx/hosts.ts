/**
 * Which hosts take the mail of a domain, by its MX records (RFC 5321 section 5.1, RFC 7505). Pure: chance is an argument.
 *
 * @module
 */

import { isIP } from "node:net";
import type { MxRecord } from "./resolver.ts";

/** The hosts in the order in which they are tried, those of equal preference together. */
export type HostChoice =
  | { readonly kind: "hosts"; readonly groups: readonly (readonly string[])[] }
  /** RFC 7505: the domain takes no mail at all. */
  | { readonly kind: "null-mx" }
  /** This server is the best host of the domain, and yet it is not one of its own. */
  | { readonly kind: "loop" }
  /** There are MX records, and none of them names a host. */
  | { readonly kind: "unusable" };

/** No domain with reason has more. */
const HOSTS_LIMIT = 10;

/**
 * Chooses. Without MX records the domain itself is the host. `random` gives a number from 0 up to 1, as Math.random does.
 *
 * Hosts of the preference of `hostname`, and behind it, are left out: they would only give the mail back to us.
 */
export function chooseHosts(
  records: readonly MxRecord[],
  { domain, hostname, random }: { readonly domain: string; readonly hostname: string; readonly random: () => number },
): HostChoice {
  if (records.length === 0) return { kind: "hosts", groups: [[domain]] };
  if (records.every(({ exchange }) => exchange === "")) return { kind: "null-mx" };
  const ours = Math.min(...records.filter(({ exchange }) => exchange === hostname).map(({ preference }) => preference));
  const usable = records.filter(({ exchange }) => isHostName(exchange));
  const before = usable.filter(({ preference }) => preference < ours);
  if (before.length === 0) return { kind: usable.length > 0 ? "loop" : "unusable" };
  const preferences = [...new Set(before.map(({ preference }) => preference))].toSorted((a, b) => a - b);
  const seen = new Set<string>();
  const groups = preferences.map((wanted) => {
    const equals = before.filter(({ preference }) => preference === wanted).map(({ exchange }) => exchange);
    return shuffle([...new Set(equals)], random).filter((host) => {
      const fresh = !seen.has(host) && seen.size < HOSTS_LIMIT;
      if (fresh) seen.add(host);
      return fresh;
    });
  });
  return { kind: "hosts", groups: groups.filter((group) => group.length > 0) };
}

/** The address in an address literal (RFC 5321 section 4.1.3), or `null` when it is none of IPv4 or IPv6. */
export function literalAddress(domain: string): string | null {
  const inside = /^\[(?:ipv6:)?([0-9a-f:.]+)\]$/i.exec(domain)?.[1]?.toLowerCase();
  if (inside === undefined) return null;
  return isIP(inside) === (/^\[ipv6:/i.test(domain) ? 6 : 4) ? inside : null;
}

/** Addresses, which some write where a name belongs, are none. */
function isHostName(exchange: string): boolean {
  return exchange !== "" && !/(?:^|\.)\d+$/.test(exchange);
}

/** Fisher and Yates. */
function shuffle<Item>(items: readonly Item[], random: () => number): readonly Item[] {
  const rest = [...items];
  const shuffled: Item[] = [];
  while (rest.length > 0) shuffled.push(...rest.splice(Math.floor(random() * rest.length), 1));
  return shuffled;
}
