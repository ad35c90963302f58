/**
 * The computations of DIGEST-MD5 (RFC 2831 section 2.1.2.1), for `qop=auth` and the first use of a nonce.
 *
 * @module
 */

import { concat, encodeLatin1, hex, utf8 } from "../lib/octets.ts";
import { md5 } from "./md5.ts";

/** What a response is computed of besides the secret: values without quotes, one character for each octet as it was sent. */
export interface DigestTerms {
  readonly nonce: string;
  readonly cnonce: string;
  readonly digestUri: string;
  /** `null` where the client sent none. */
  readonly authzid: string | null;
}

/** What HA1 is computed of, in the encoding that is wanted. */
export interface DigestSecret {
  readonly username: Uint8Array;
  readonly realm: Uint8Array;
  readonly password: Uint8Array;
}

/** The only nonce count there is: a nonce serves one exchange. */
export const NONCE_COUNT = "00000001";

const COLON = utf8(":");

/** As the RFC wants it: ISO-8859-1 when all characters fit, else UTF-8. Each of the three texts is judged by itself. */
export function latin1IfItFits(text: string): Uint8Array {
  return encodeLatin1(text) ?? utf8(text);
}

/** `H({ username, ":", realm, ":", password })`, 16 octets: what is stored instead of the password. */
export function digestHa1({ username, realm, password }: DigestSecret): Uint8Array {
  return md5(concat(username, COLON, realm, COLON, password));
}

/**
 * Gives the function from HA1 to the response (`AUTHENTICATE`, from the client) or to `rspauth` (empty, from the server); in lower-case
 * hexadecimal.
 */
export function digestOf(terms: DigestTerms, method: "AUTHENTICATE" | ""): (ha1: Uint8Array) => string {
  const { nonce, cnonce, digestUri, authzid } = terms;
  const a1Rest = octets(authzid === null ? `:${nonce}:${cnonce}` : `:${nonce}:${cnonce}:${authzid}`);
  const a2 = hex(md5(octets(`${method}:${digestUri}`)));
  const rest = octets(`:${nonce}:${NONCE_COUNT}:${cnonce}:auth:${a2}`);
  return (ha1) => hex(md5(concat(utf8(hex(md5(concat(ha1, a1Rest)))), rest)));
}

function octets(text: string): Uint8Array {
  const octets = encodeLatin1(text);
  if (octets === null) throw new RangeError("Cannot hash text: expected one character for each octet");
  return octets;
}
