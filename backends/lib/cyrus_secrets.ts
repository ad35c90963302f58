/**
 * The secrets that SASL 1.5 stored instead of a password, one for each mechanism:
 *
 * - `PLAIN`: 16 octets of salt, a NUL, and MD5(salt, "sasldb", password), 16 octets.
 * - `CRAM-MD5`: the MD5 states after the inner and the outer pad of HMAC, 16 octets each, every word with its high octet first.
 * - `DIGEST-MD5`: MD5(user ":" realm ":" password), 16 octets.
 *
 * SASL 2 still checks logins against them, which is how their forms were tried.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { equalConstantTime } from "../../src/lib/constant_time.ts";
import { concat, encodeLatin1, utf8 } from "../../src/lib/octets.ts";

/** A secret of SASL 1.5. */
export type CyrusSecret =
  | { readonly mechanism: "PLAIN"; readonly salt: Uint8Array; readonly hash: Uint8Array }
  /** The contexts as this program has them: words with their low octet first. */
  | { readonly mechanism: "CRAM-MD5"; readonly inner: Uint8Array; readonly outer: Uint8Array }
  | { readonly mechanism: "DIGEST-MD5"; readonly ha1: Uint8Array };

const SALT_OCTETS = 16;
const MD5_OCTETS = 16;

/** The secret in these octets; `null` for one of another mechanism or form. */
export function readSecret(mechanism: string, octets: Uint8Array<ArrayBuffer>): CyrusSecret | null {
  switch (mechanism) {
    case "PLAIN": {
      if (octets.length !== SALT_OCTETS + 1 + MD5_OCTETS || octets[SALT_OCTETS] !== 0) return null;
      return { mechanism, salt: octets.subarray(0, SALT_OCTETS), hash: octets.subarray(SALT_OCTETS + 1) };
    }
    case "CRAM-MD5": {
      if (octets.length !== 2 * MD5_OCTETS) return null;
      const turned = turnWords(octets);
      return { mechanism, inner: turned.subarray(0, MD5_OCTETS), outer: turned.subarray(MD5_OCTETS) };
    }
    case "DIGEST-MD5":
      return octets.length === MD5_OCTETS ? { mechanism, ha1: octets } : null;
    default:
      return null;
  }
}

/** The octets that `readSecret` reads. */
export function writeSecret(secret: CyrusSecret): Uint8Array<ArrayBuffer> {
  switch (secret.mechanism) {
    case "PLAIN":
      return concat(secret.salt, new Uint8Array(1), secret.hash);
    case "CRAM-MD5":
      return turnWords(concat(secret.inner, secret.outer));
    case "DIGEST-MD5":
      return concat(secret.ha1);
  }
}

/** Whether a password belongs to a `PLAIN` secret. */
export function plainSecretFits({ salt, hash }: CyrusSecret & { mechanism: "PLAIN" }, password: string): boolean {
  return equalConstantTime(md5(salt, utf8("sasldb"), utf8(password)), hash);
}

/** Whether a password belongs to a `DIGEST-MD5` secret of this user, in ISO-8859-1 where it fits or in UTF-8. */
export function digestSecretFits(
  { ha1 }: CyrusSecret & { mechanism: "DIGEST-MD5" },
  { local, realm, password }: { readonly local: string; readonly realm: string; readonly password: string },
): boolean {
  const forms = [utf8, (text: string) => encodeLatin1(text) ?? utf8(text)].map((encode) =>
    md5(encode(local), utf8(":"), encode(realm), utf8(":"), encode(password))
  );
  return forms.filter((form) => equalConstantTime(form, ha1)).length > 0;
}

/** Words of four octets, each the other way round. */
function turnWords(octets: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return octets.map((_, at) => octets[at ^ 3] ?? 0);
}

function md5(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("md5");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
