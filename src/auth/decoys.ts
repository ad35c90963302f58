/**
 * Verifiers of users that do not exist: the same at each attempt, in the shape of real ones, and no secret fits them.
 *
 * @module
 */

import type { UserName, Verifier, VerifierScheme } from "../backend.ts";
import { unreachable } from "../lib/result.ts";
import { OUR_SHAPE, type ScramShape } from "./decoy_shapes.ts";
import { keyedHash } from "./keyed_hash.ts";

/** What decoys are made from. */
export interface DecoyOptions {
  readonly key: Uint8Array;
  readonly defaultRealm: string;
  readonly realms: readonly string[];
  /** The shapes of SCRAM verifiers of the backends that could have had the user; a name always gets that of the same one. Default: ours. */
  readonly shapes?: readonly ScramShape[];
}

const MD5_OCTETS = 16;
const HASH_OCTETS = 32;

/** The decoy of a user for one scheme. Without the key nobody can tell it from a verifier. */
export function decoyVerifier(user: UserName, scheme: VerifierScheme, options: DecoyOptions): Verifier {
  const octets = (length: number) => stretched(length, { user, scheme, key: options.key });
  const credential = "decoy";
  switch (scheme) {
    case "cram-md5": {
      const contexts = octets(2 * MD5_OCTETS);
      return { scheme, credential, inner: contexts.subarray(0, MD5_OCTETS), outer: contexts.subarray(MD5_OCTETS) };
    }
    case "digest-md5": {
      // As many as an account of this realm with a password in ASCII has: checking them takes the same time.
      const forms = 1 + new Set([user.realm, options.defaultRealm, "", ...options.realms]).size;
      const all = octets(forms * MD5_OCTETS);
      const ha1s = Array.from({ length: forms }, (_, at) => all.subarray(at * MD5_OCTETS, (at + 1) * MD5_OCTETS));
      return { scheme, credential, realm: user.realm, ha1s };
    }
    case "scram-sha-1":
    case "scram-sha-256": {
      const keyOctets = scheme === "scram-sha-1" ? 20 : 32;
      const { shapes = [OUR_SHAPE] } = options;
      // The last octet, which is never shown, chooses whose user this would have been.
      const chooser = octets(keyOctets)[keyOctets - 1] ?? 0;
      const { iterations, saltOctets } = shapes[chooser % shapes.length] ?? OUR_SHAPE;
      const all = octets(keyOctets + saltOctets);
      const [keys, salt] = [all.subarray(0, keyOctets), all.subarray(keyOctets)];
      // Neither key is ever shown, so one serves as both.
      return { scheme, credential, salt, iterations, storedKey: keys, serverKey: keys };
    }
    default:
      return unreachable(scheme);
  }
}

/** So many octets that nobody can foresee without the key. A decoy is made at every exchange, so they are made with few hashes. */
function stretched(
  length: number,
  { user, scheme, key }: { readonly user: UserName; readonly scheme: VerifierScheme; readonly key: Uint8Array },
): Uint8Array {
  const octets = new Uint8Array(Math.ceil(length / HASH_OCTETS) * HASH_OCTETS);
  for (let at = 0; at < length; at += HASH_OCTETS) {
    octets.set(keyedHash(key, ["decoy", scheme, user.local, user.realm, String(at)]), at);
  }
  return octets.subarray(0, length);
}
