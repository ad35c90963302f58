/**
 * Secrets that are shown once and kept as a hash: of tokens and of sessions.
 *
 * @module
 */

import { createHash, randomBytes } from "node:crypto";
import { hex } from "../lib/octets.ts";

/** A new secret: `dkd_` and 32 random octets in base64url (RFC 4648 section 5), without padding. */
export function newSecret(): string {
  return `dkd_${new Uint8Array(randomBytes(32)).toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

/** SHA-256 of a secret, or `null` for a text that can be none. It has 256 random bits, so that nothing slower is needed. */
export function hashOfSecret(secret: string): Uint8Array | null {
  return SECRET_REGEXP.test(secret) ? createHash("sha256").update(secret).digest() : null;
}

/** A name for a row, to be shown and typed: 64 random bits. */
export function newId(): string {
  return hex(randomBytes(8));
}

const SECRET_REGEXP = /^dkd_[A-Za-z0-9_-]{43}$/;
