/**
 * SASLprep (RFC 4013): the one form in which names and passwords are compared.
 *
 * @module
 */

import { saslprep } from "@mongodb-js/saslprep";
import { hasControl } from "../lib/text.ts";

const PRINTABLE_ASCII_REGEXP = /^[\x20-\x7e]+$/;
const LIMIT_CHARACTERS = 4096;

/**
 * The prepared form of a name or password, or `null` when it has none: it is empty, becomes empty, is longer than 4096
 * characters, holds a control or another prohibited character, or mixes directions (RFC 3454 section 6). Code points that Unicode 3.2
 * did not assign are allowed, as in a query: emoji are fine. Preparing twice changes nothing.
 *
 * There is no other form for a password that fails: it cannot be set, and a login with it fails.
 */
export function prepare(text: string): string | null {
  if (text.length > LIMIT_CHARACTERS) return null;
  if (PRINTABLE_ASCII_REGEXP.test(text)) return text;
  // Unpaired surrogates cannot come from UTF-8, but from a command line or JSON they can.
  if (hasControl(text) || !text.isWellFormed()) return null;
  try {
    return saslprep(text, { allowUnassigned: true }) || null;
  } catch {
    // The library throws for prohibited characters, and also for a text of nothing but characters that map to nothing.
    return null;
  }
}
