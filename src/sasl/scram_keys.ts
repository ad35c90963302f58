/**
 * The keys and proofs of SCRAM (RFC 5802 section 3), for both hashes.
 *
 * @module
 */

import { createHash, createHmac } from "node:crypto";
import { equalConstantTime } from "../lib/constant_time.ts";
import { utf8 } from "../lib/octets.ts";

/** The hash functions that SCRAM is registered with here. */
export type ScramHash = "sha-1" | "sha-256";

/** What a server keeps of a password. */
export interface ScramKeys {
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** What the client computes from a password, and sends the proof of. */
export interface ScramProof {
  readonly proof: Uint8Array;
  /** What the server has to answer. */
  readonly serverSignature: Uint8Array;
}

/** The name under which `node:crypto` knows each hash. */
export const DIGEST_NAMES: Readonly<Record<ScramHash, "sha1" | "sha256">> = { "sha-1": "sha1", "sha-256": "sha256" };

/** The octets of a digest, and so of a key, a salted password, a proof and a signature. */
export const SCRAM_OCTETS: Readonly<Record<ScramHash, number>> = { "sha-1": 20, "sha-256": 32 };

const CLIENT_KEY = utf8("Client Key");
const SERVER_KEY = utf8("Server Key");

/** The keys to store for a salted password, `Hi(prepared password, salt, iterations)` (PBKDF2). */
export function scramKeys(hash: ScramHash, saltedPassword: Uint8Array): ScramKeys {
  const clientKey = hmac(hash, saltedPassword, CLIENT_KEY);
  return { storedKey: digest(hash, clientKey), serverKey: hmac(hash, saltedPassword, SERVER_KEY) };
}

/** The client's proof for an AuthMessage, and the signature to expect in return. */
export function scramProof(hash: ScramHash, saltedPassword: Uint8Array, authMessage: Uint8Array): ScramProof {
  const clientKey = hmac(hash, saltedPassword, CLIENT_KEY);
  const proof = xor(clientKey, hmac(hash, digest(hash, clientKey), authMessage));
  const serverSignature = hmac(hash, hmac(hash, saltedPassword, SERVER_KEY), authMessage);
  return { proof, serverSignature };
}

/** Whether a proof fits a stored key. */
export function scramProofFits(
  hash: ScramHash,
  { storedKey, authMessage, proof }: {
    readonly storedKey: Uint8Array;
    readonly authMessage: Uint8Array;
    readonly proof: Uint8Array;
  },
): boolean {
  const signature = hmac(hash, storedKey, authMessage);
  return proof.length === signature.length && equalConstantTime(digest(hash, xor(proof, signature)), storedKey);
}

/** The signature with which the server proves that it knows the verifier. */
export function scramServerSignature(hash: ScramHash, serverKey: Uint8Array, authMessage: Uint8Array): Uint8Array {
  return hmac(hash, serverKey, authMessage);
}

function hmac(hash: ScramHash, key: Uint8Array, message: Uint8Array): Uint8Array {
  return createHmac(DIGEST_NAMES[hash], key).update(message).digest();
}

function digest(hash: ScramHash, octets: Uint8Array): Uint8Array {
  return createHash(DIGEST_NAMES[hash]).update(octets).digest();
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((octet, at) => octet ^ (b[at] ?? 0));
}
