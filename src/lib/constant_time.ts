/**
 * Comparing secrets. Apart from `octets.ts`, so that a command which compares none does not load node:crypto.
 *
 * @module
 */

import { timingSafeEqual } from "node:crypto";

/** Compares in a time that depends on the lengths only. */
export function equalConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
