/**
 * Codes of the second factor (RFC 6238), as phones make them: SHA-1, 6 digits, steps of 30 s.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { HOTP, Secret, TOTP } from "otpauth";
import { equalConstantTime } from "../lib/constant_time.ts";
import { utf8 } from "../lib/octets.ts";

/** Octets of a secret: as many as SHA-1 gives (RFC 4226 section 4). */
const SECRET_OCTETS = 20;
const [DIGITS, STEP_SECONDS] = [6, 30];
/** How many steps a phone's clock may be off, to either side. */
const WINDOW = 1;

/** A new secret. */
export function newFactorSecret(): Uint8Array {
  return randomBytes(SECRET_OCTETS);
}

/** A secret as people type it into a phone: base32 (RFC 4648 section 6). */
export function factorText(secret: Uint8Array): string {
  return secretOf(secret).base32;
}

/** The `otpauth://` URL that a phone takes as a QR code; `secret` in base32. It holds the secret: for the screen only. */
export function factorUrl(
  { secret, account, issuer }: { readonly secret: string; readonly account: string; readonly issuer: string },
): string {
  const digits = { algorithm: "SHA1", digits: DIGITS, period: STEP_SECONDS };
  return new TOTP({ secret: Secret.fromBase32(secret), label: account, issuer, ...digits }).toString();
}

/**
 * What was typed as a code: blanks between the digits are dropped, full-width digits are digits. `null`: it is no code.
 */
export function parseCode(typed: string): string | null {
  const code = typed.normalize("NFKC").replaceAll(/\s/g, "");
  return /^\d{6}$/.test(code) ? code : null;
}

/** The step whose code this is, after step `last`; `null`: none. Takes the same time for each code. */
export function stepOf(
  code: string,
  { secret, now, last }: { readonly secret: Uint8Array; readonly now: number; readonly last: number },
): number | null {
  const current = TOTP.counter({ period: STEP_SECONDS, timestamp: now });
  let found: number | null = null;
  for (let step = current - WINDOW; step <= current + WINDOW; step++) {
    const right = HOTP.generate({ secret: secretOf(secret), algorithm: "SHA1", digits: DIGITS, counter: step });
    if (equalConstantTime(utf8(code), utf8(right)) && step > last) found ??= step;
  }
  return found;
}

function secretOf(octets: Uint8Array): Secret {
  return new Secret({ buffer: new Uint8Array(octets).buffer });
}
