/**
 * Verifiers of users that do not exist: the same at each attempt, in the shape of real ones, and no secret fits them.
 *
 * @module
 */

import type { UserName, Verifier, VerifierScheme } from "../backend.ts";
import { unreachable } from "../lib/result.ts";
import { keyedHash } from "./keyed_hash.ts";

/** What decoys are made from. */
export interface DecoyOptions {
  readonly key: Uint8Array;
  readonly defaultRealm: string;
  readonly realms: readonly string[];
}

/** As `src/accounts` stores them. */
const ITERATIONS = 4096;
const SALT_OCTETS = 16;
const MD5_OCTETS = 16;

/** The decoy of a user for one scheme. Without the key nobody can tell it from a verifier. */
export function decoyVerifier(user: UserName, scheme: VerifierScheme, options: DecoyOptions): Verifier {
  const octets = (label: string, length: number) =>
    keyedHash(options.key, ["decoy", scheme, user.local, user.realm, label]).subarray(0, length);
  const credential = "decoy";
  switch (scheme) {
    case "cram-md5":
      return { scheme, credential, inner: octets("inner", MD5_OCTETS), outer: octets("outer", MD5_OCTETS) };
    case "digest-md5": {
      // As many as an account of this realm with a password in ASCII has: checking them takes the same time.
      const forms = 1 + new Set([user.realm, options.defaultRealm, "", ...options.realms]).size;
      const ha1s = Array.from({ length: forms }, (_, form) => octets(`ha1 ${form}`, MD5_OCTETS));
      return { scheme, credential, realm: user.realm, ha1s };
    }
    case "scram-sha-1":
    case "scram-sha-256": {
      const keyOctets = scheme === "scram-sha-1" ? 20 : 32;
      const [storedKey, serverKey] = [octets("StoredKey", keyOctets), octets("ServerKey", keyOctets)];
      return { scheme, credential, salt: octets("salt", SALT_OCTETS), iterations: ITERATIONS, storedKey, serverKey };
    }
    default:
      return unreachable(scheme);
  }
}
