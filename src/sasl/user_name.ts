/**
 * User names as clients give them, `user` or `user@realm`.
 *
 * @module
 */

import type { UserName } from "../backend.ts";
import { utf8 } from "../lib/octets.ts";
import { hasControl } from "../lib/text.ts";
import { prepare } from "./saslprep.ts";

const LIMIT_OCTETS = 255;
/** A full-width or small commercial at, as an input method may leave it: SASLprep makes each a plain one. */
const WIDE_AT_REGEXP = /[\uff20\ufe6b]/g;
const PRINTABLE_ASCII_REGEXP = /^[\x21-\x7e]*$/;

/** What a bare name is completed with. */
export interface UserNameOptions {
  readonly defaultRealm: string;
}

/**
 * Splits a name at its last `@`; a bare one gets the default realm. The local part is prepared (SASLprep) and keeps its case,
 * the realm is in NFC and lower case. `null` for what is no name: a part that is empty, is over 255 octets, holds a control
 * character or cannot be prepared.
 */
export function parseUserName(text: string, { defaultRealm }: UserNameOptions): UserName | null {
  const name = PRINTABLE_ASCII_REGEXP.test(text) ? text : text.replace(WIDE_AT_REGEXP, "@");
  const at = name.lastIndexOf("@");
  // Each part is prepared by itself: a name in Arabic or Hebrew script with a realm in Latin script is no mixed text.
  const local = prepare(at < 0 ? name : name.slice(0, at));
  const realm = prepareRealm(at < 0 ? defaultRealm : name.slice(at + 1));
  return local === null || realm === null || !fits(local) ? null : { local, realm };
}

/** Writes a name as `user@realm`, which `parseUserName` reads back as the same name. */
export function formatUserName(name: UserName): string {
  return `${name.local}@${name.realm}`;
}

function prepareRealm(text: string): string | null {
  if (text === "" || text.includes("@") || !fits(text)) return null;
  if (PRINTABLE_ASCII_REGEXP.test(text)) return text.toLowerCase();
  const realm = text.normalize("NFC").toLowerCase().normalize("NFC");
  return hasControl(realm) || !realm.isWellFormed() ? null : realm;
}

function fits(part: string): boolean {
  return part.length <= LIMIT_OCTETS && (PRINTABLE_ASCII_REGEXP.test(part) || utf8(part).length <= LIMIT_OCTETS);
}
