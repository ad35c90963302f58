/**
 * Verifiers that stand in a directory, read.
 *
 * - `authPassword` (RFC 5803): `SCRAM-SHA-256$4096:salt$StoredKey:ServerKey`, everything but the count in base64.
 * - `userPassword`: the same behind `{SCRAM-SHA-256}` in the place of the first `$`, or as Dovecot writes it,
 *   `{SCRAM-SHA-256}4096,salt,StoredKey,ServerKey`.
 * - `userPassword`: Dovecot's `{CRAM-MD5}` and 64 hexadecimal digits: the MD5 state after the outer pad, then the one after the inner.
 *
 * @module
 */

import type { Verifier, VerifierScheme } from "../src/backend.ts";
import { decodeBase64 } from "../src/lib/octets.ts";

const PREFIX_REGEXP = /^(?:\{([A-Za-z0-9-]+)\}|([A-Za-z0-9-]+)\s*\$)\s*(.*)$/s;
const SCRAM_REGEXPS = [
  /^(\d{1,9}):([A-Za-z0-9+/=]+)\s*\$\s*([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)\s*$/,
  /^(\d{1,9}),([A-Za-z0-9+/=]+),([A-Za-z0-9+/=]+),([A-Za-z0-9+/=]+)$/,
];
const CRAM_MD5_REGEXP = /^[0-9A-Fa-f]{64}$/;

const CREDENTIAL = "password";

/** The verifiers for one scheme among these values; values of other forms are passed over. All have one salt, as SCRAM needs it. */
export function readVerifiers(values: readonly string[], scheme: VerifierScheme): readonly Verifier[] {
  const read = values.flatMap((value) => readVerifier(value, scheme) ?? []);
  const [first] = read;
  return read.filter((one) => first !== undefined && sameSalt(one, first));
}

function readVerifier(value: string, scheme: VerifierScheme): Verifier | null {
  const [, braced, bare, rest = ""] = PREFIX_REGEXP.exec(value) ?? [];
  if ((braced ?? bare)?.toLowerCase() !== scheme) return null;
  switch (scheme) {
    case "cram-md5":
      return readCramMd5(rest);
    case "scram-sha-1":
    case "scram-sha-256":
      return readScram(rest, scheme);
    case "digest-md5":
      return null;
  }
}

function readCramMd5(text: string): Verifier | null {
  if (!CRAM_MD5_REGEXP.test(text)) return null;
  const octets = Uint8Array.fromHex(text);
  return { scheme: "cram-md5", credential: CREDENTIAL, outer: octets.subarray(0, 16), inner: octets.subarray(16) };
}

function readScram(text: string, scheme: "scram-sha-1" | "scram-sha-256"): Verifier | null {
  for (const pattern of SCRAM_REGEXPS) {
    const [, count, ...encoded] = pattern.exec(text) ?? [];
    const [salt, storedKey, serverKey] = encoded.map(decodeBase64);
    const iterations = Number(count);
    const octets = scheme === "scram-sha-1" ? 20 : 32;
    if (!salt?.length || storedKey?.length !== octets || serverKey?.length !== octets || !(iterations > 0)) continue;
    return { scheme, credential: CREDENTIAL, salt, iterations, storedKey, serverKey };
  }
  return null;
}

function sameSalt(a: Verifier, b: Verifier): boolean {
  if (!("salt" in a) || !("salt" in b)) return true;
  return a.iterations === b.iterations && a.salt.length === b.salt.length &&
    a.salt.every((octet, at) => octet === b.salt[at]);
}
