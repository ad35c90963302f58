/**
 * The column `value` of a stored verifier, read.
 *
 * @module
 */

import type { Verifier, VerifierScheme } from "../backend.ts";
import { unreachable } from "../lib/result.ts";
import type { ScramSalts } from "./password_material.ts";

/** A row of `verifier` with what its account adds. */
export interface StoredVerifier {
  readonly credential: string;
  readonly realm: string;
  readonly value: Uint8Array<ArrayBuffer>;
  readonly salts: ScramSalts;
}

const MD5_OCTETS = 16;

/** Splits a value as `deriveMaterial` joined it. */
export function readVerifier(scheme: VerifierScheme, { credential, realm, value, salts }: StoredVerifier): Verifier {
  const half = value.length >> 1;
  switch (scheme) {
    case "cram-md5":
      return { scheme, credential, inner: value.subarray(0, half), outer: value.subarray(half) };
    case "digest-md5": {
      const starts = Array.from({ length: value.length / MD5_OCTETS }, (_, index) => index * MD5_OCTETS);
      return { scheme, credential, realm, ha1s: starts.map((start) => value.subarray(start, start + MD5_OCTETS)) };
    }
    case "scram-sha-1":
    case "scram-sha-256": {
      const { salt, iterations } = salts[scheme];
      const [storedKey, serverKey] = [value.subarray(0, half), value.subarray(half)];
      return { scheme, credential, salt, iterations, storedKey, serverKey };
    }
    default:
      return unreachable(scheme);
  }
}
