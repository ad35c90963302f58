/**
 * Keyed hashes of several texts at once.
 *
 * @module
 */

import { createHmac } from "node:crypto";

/** HMAC-SHA-256 of a list of texts, 32 octets; no two lists are hashed as the same octets. */
export function keyedHash(key: Uint8Array, texts: readonly string[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHmac("sha256", key).update(JSON.stringify(texts)).digest());
}
