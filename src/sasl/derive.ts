/**
 * The verifiers that an account store makes of a password when it is set.
 *
 * @module
 */

import { domainToUnicode } from "node:url";
import type { UserName } from "../backend.ts";
import { hex, utf8 } from "../lib/octets.ts";
import { digestHa1, latin1IfItFits } from "./digest.ts";
import { type HmacMd5Contexts, hmacMd5Contexts } from "./md5.ts";
import { prepare } from "./saslprep.ts";
import { formatUserName } from "./user_name.ts";

export { type ScramHash, type ScramKeys, scramKeys } from "./scram_keys.ts";

/** The realms that clients may meet; all in lower case. */
export interface ServedRealms {
  readonly defaultRealm: string;
  readonly realms: readonly string[];
}

/** What a `digest-md5` verifier holds. */
export interface DigestMd5Ha1s {
  readonly realm: string;
  /** 16 octets each, no two the same. */
  readonly ha1s: readonly Uint8Array[];
}

const ENCODINGS = [utf8, latin1IfItFits];

/**
 * The contexts of a `cram-md5` verifier. The key is the UTF-8 form of the password exactly as it was typed: CRAM-MD5 clients do not
 * prepare it.
 */
export function cramMd5Contexts(password: string): HmacMd5Contexts {
  return hmacMd5Contexts(utf8(password));
}

/**
 * HA1 in each form that clients compute: the name bare with the account's realm, and in full with the account's realm, the default
 * one, none and each other one that is served; the password as it was typed and as SASLprep prepares it. RFC 2831 section 2.1.2.1
 * wants each text in ISO-8859-1 where it fits; there are clients that do so with the password alone (GNU SASL) or not at all
 * (Authen::SASL), so names and password are each taken both ways. A realm in A-labels is also taken as people type it, in U-labels.
 */
export function digestMd5Ha1s(user: UserName, password: string, { defaultRealm, realms }: ServedRealms): DigestMd5Ha1s {
  const { local } = user;
  const own = [...new Set([user.realm, domainToUnicode(user.realm)])];
  const passwords = [password, prepare(password) ?? password].flatMap((text) =>
    ENCODINGS.map((encode) => encode(text))
  );
  const names = own.flatMap((realm) => [
    [local, realm],
    ...[...own, defaultRealm, "", ...realms].map((chosen) => [formatUserName({ local, realm }), chosen]),
  ]);
  const ha1s = new Map<string, Uint8Array>();
  for (const [username = "", realm = ""] of names) {
    for (const encodeName of ENCODINGS) {
      for (const key of passwords) {
        const ha1 = digestHa1({ username: encodeName(username), realm: encodeName(realm), password: key });
        ha1s.set(hex(ha1), ha1);
      }
    }
  }
  return { realm: user.realm, ha1s: [...ha1s.values()] };
}
