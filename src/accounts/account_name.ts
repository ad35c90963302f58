/**
 * Which names an account may have, and the forms in which names and addresses are compared.
 *
 * @module
 */

import type { UserName } from "../backend.ts";
import { toAscii } from "../lib/domain.ts";
import { utf8 } from "../lib/octets.ts";
import { hasControl } from "../lib/text.ts";
import { prepare } from "../sasl/saslprep.ts";

/** A name in the one form in which it is stored and looked up. */
export interface CanonicalName extends UserName {
  /** `local@realm`. */
  readonly name: string;
  /** The local part as it is compared without case. */
  readonly folded: string;
}

/** RFC 5321 section 4.5.3.1.1. */
const LOCAL_PART_OCTETS = 64;

/** The form in which a name is looked up, whether or not an account could have it: the realm as an A-label where it is a domain. */
export function canonicalName(user: UserName): CanonicalName {
  const lower = user.realm.normalize("NFC").toLowerCase();
  const realm = toAscii(lower) ?? lower;
  return { name: `${user.local}@${realm}`, local: user.local, realm, folded: foldLocal(user.local) };
}

/**
 * Whether an account may have this name. An account is also a mailbox and, at delivery, a folder. So its local part is prepared
 * (SASLprep) and has 1 to 64 octets, no control character, no `/`, no leading dot (a path), no `@` (a login `a@b@c` would
 * be split in more than one way) and no white space (CRAM-MD5 responses, listings and addresses would need quoting). The realm
 * is a domain name, where an underscore is allowed.
 */
export function isAccountName(user: UserName): boolean {
  const { local, realm } = canonicalName(user);
  if (prepare(local) !== local || utf8(local).length > LOCAL_PART_OCTETS) return false;
  if (hasControl(local) || /^\.|[/@\s]/.test(local)) return false;
  return toAscii(realm.replaceAll("_", "-")) !== null;
}

/** Splits an address at its last `@`; `null` for what has no local part or no domain. */
export function parseAddress(address: string): UserName | null {
  const at = address.lastIndexOf("@");
  return at < 1 || at === address.length - 1 ? null : { local: address.slice(0, at), realm: address.slice(at + 1) };
}

/** The form in which an address is stored and looked up: local part in NFC and without case, domain as an A-label. */
export function addressKey(address: UserName): string {
  const { folded, realm } = canonicalName(address);
  return `${folded}@${realm}`;
}

/**
 * The form in which an address or a pattern of an account is stored: `*`, `@` and a domain, or an address as `addressKey` writes it. `null`
 * for what is none: no domain name behind the `@`, a local part that is over 64 octets or has white space, a control character or an `@`.
 */
export function addressForm(text: string): string | null {
  if (text === "*") return text;
  const at = text.lastIndexOf("@");
  const { local, folded, realm } = canonicalName({ local: text.slice(0, Math.max(at, 0)), realm: text.slice(at + 1) });
  if (at < 0 || toAscii(realm.replaceAll("_", "-")) === null) return null;
  if (local === "") return `@${realm}`;
  const odd = utf8(local).length > LOCAL_PART_OCTETS || hasControl(local) || !local.isWellFormed() ||
    /[@\s]/.test(local);
  return odd ? null : `${folded}@${realm}`;
}

function foldLocal(local: string): string {
  return local.normalize("NFC").toLowerCase().normalize("NFC");
}
