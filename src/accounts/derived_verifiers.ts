/**
 * Verifiers of passwords that stand somewhere in clear text, made when they are asked for.
 *
 * @module
 */

import { createHmac } from "node:crypto";
import type { UserName, Verifier, VerifierScheme } from "../backend.ts";
import { encodeBase64 } from "../lib/octets.ts";
import { cramMd5Contexts, digestMd5Ha1s } from "../sasl/derive.ts";
import { prepare } from "../sasl/saslprep.ts";
import { deriveScramKeys, ITERATIONS, SALT_OCTETS, type ScramScheme } from "./password_material.ts";

/** Makes the verifiers of one scheme from a password as it was typed; none where SASLprep refuses it. */
export type VerifierMaker = (
  scheme: VerifierScheme,
  login: { readonly user: UserName; readonly password: string },
) => Promise<readonly Verifier[]>;

/** How they are made. */
export interface VerifierMakerOptions {
  /** Of salts, which stay the same as long as it does. */
  readonly key: Uint8Array;
  readonly defaultRealm: string;
  readonly realms: readonly string[];
  /** SCRAM keys that are remembered: each costs 4096 rounds of PBKDF2. Default 10,000. */
  readonly limit?: number;
}

const CREDENTIAL = "password";

/** Makes a maker with a memory of its own. The slow part runs off the main thread. */
export function createVerifierMaker({ limit = 10_000, ...options }: VerifierMakerOptions): VerifierMaker {
  const made = new Map<string, Promise<Verifier>>();
  return async (scheme, { user, password }) => {
    const prepared = prepare(password);
    if (prepared === null) return [];
    switch (scheme) {
      case "cram-md5":
        return [{ scheme, credential: CREDENTIAL, ...cramMd5Contexts(password) }];
      case "digest-md5":
        return [{ scheme, credential: CREDENTIAL, ...digestMd5Ha1s(user, password, options) }];
      case "scram-sha-1":
      case "scram-sha-256": {
        // Keyed, so that the memory holds no passwords.
        const name = encodeBase64(keyed(options.key, ["verifier", scheme, user.local, user.realm, prepared]));
        const making = made.get(name) ?? makeScram(scheme, { user, prepared, key: options.key });
        // Put at the end again, since the oldest goes first.
        made.delete(name);
        made.set(name, making);
        for (const oldest of made.size > limit ? made.keys().take(1) : []) made.delete(oldest);
        return [await making];
      }
    }
  };
}

async function makeScram(
  scheme: ScramScheme,
  { user: { local, realm }, prepared, key }: {
    readonly user: UserName;
    readonly prepared: string;
    readonly key: Uint8Array;
  },
): Promise<Verifier> {
  // Of the name alone: a salt that changed with every restart would tell that this account is not like the others.
  const salt = keyed(key, ["salt", scheme, local, realm]).subarray(0, SALT_OCTETS);
  const keys = await deriveScramKeys(prepared, { scheme, salt, iterations: ITERATIONS });
  return { scheme, credential: CREDENTIAL, salt, iterations: ITERATIONS, ...keys };
}

function keyed(key: Uint8Array, texts: readonly string[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHmac("sha256", key).update(JSON.stringify(texts)).digest());
}
