/**
 * The address that somebody asks a profile for. Whether it exists is never looked at: the answer depends on its domain alone.
 *
 * @module
 */

import { toAscii } from "../../lib/domain.ts";
import { utf8 } from "../../lib/octets.ts";
import { hasControl } from "../../lib/text.ts";
import type { ProfileSettings } from "./settings.ts";

/** An address and the domain that it is in, as an A-label. */
export interface ProfileAddress {
  readonly address: string;
  readonly local: string;
  readonly domain: string;
}

/** RFC 5321 section 4.5.3.1. */
const LOCAL_PART_OCTETS = 64;

/** Reads an address as a person types it, or gives `null` for what is none. */
export function readAddress(text: string): ProfileAddress | null {
  const address = text.trim();
  const at = address.lastIndexOf("@");
  const local = address.slice(0, Math.max(at, 0));
  const domain = toAscii(address.slice(at + 1));
  if (domain === null || local === "" || utf8(local).length > LOCAL_PART_OCTETS) return null;
  if (hasControl(local) || !local.isWellFormed() || /[\s@<>()[\]\\,;:"]/.test(local)) return null;
  return { address, local, domain };
}

/** Whether addresses of a domain are user names as they are; else the user name has the default realm. */
export function isOwnRealm({ realms }: Pick<ProfileSettings, "realms">, domain: string): boolean {
  return realms.has(domain);
}

/** The user name to log in with. */
export function userNameOf({ address, local, domain }: ProfileAddress, settings: ProfileSettings): string {
  return isOwnRealm(settings, domain) ? address : `${local}@${settings.defaultRealm}`;
}

/** The domain that a Host field means: `autoconfig.` and `autodiscover.` stand before it. `null`: none that has profiles. */
export function domainOfHost(host: string | undefined, { domains }: ProfileSettings): string | null {
  const name = toAscii((host ?? "").replace(/:\d+$/, "").replace(/\.$/, ""));
  return domains.find((domain) =>
    name === domain || name === `autoconfig.${domain}` || name === `autodiscover.${domain}`
  ) ??
    null;
}
