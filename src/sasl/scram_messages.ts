/**
 * The messages of SCRAM (RFC 5802 section 5 and 7) that a client sends, taken apart.
 *
 * @module
 */

import { decodeBase64, decodeUtf8 } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";

/** The client-first-message. */
export interface ClientFirst {
  /** What the client says of channel binding: it cannot, it could but the server seems not to, or it does with this type. */
  readonly binding: { readonly kind: "none" | "not-offered" } | { readonly kind: "used"; readonly type: string };
  /** Empty where the client sent none. */
  readonly authzid: string;
  readonly username: string;
  readonly nonce: string;
  /** The octets as text that `c=` repeats: up to and with the second comma. */
  readonly gs2Header: string;
  /** The rest, which is part of what is signed. */
  readonly bare: string;
}

/** The client-final-message. */
export interface ClientFinal {
  /** Base64, as it was sent. */
  readonly binding: string;
  readonly nonce: string;
  readonly proof: Uint8Array;
  /** The message up to the proof, which is part of what is signed. */
  readonly withoutProof: string;
}

const LIMIT_OCTETS = 4096;
const LIMIT_NONCE = 256;
const NONCE = "[\\x21-\\x2b\\x2d-\\x7e]+";
const BASE64 = "[A-Za-z0-9+/=]+";
const EXTENSIONS = "((?:,[A-Za-z]=[^,]+)*)";
const CLIENT_FIRST_REGEXP = new RegExp(
  `^((?:([ny])|p=([A-Za-z0-9.-]+)),(?:a=([^,]+))?,)(n=([^,]+),r=(${NONCE})${EXTENSIONS})$`,
);
const CLIENT_FINAL_REGEXP = new RegExp(`^(c=(${BASE64}),r=(${NONCE})${EXTENSIONS}),p=(${BASE64})$`);
/** The attributes that RFC 5802 section 5.1 gives a place: none of them is an extension, and `m` is one nobody understands. */
const TAKEN_ATTRIBUTE_REGEXP = /,[anmrcsipve]=/;
const ESCAPES_REGEXP = /=(?:2C|3D)/g;

/** Reads a client-first-message; the problem is a few words for the log and holds nothing that was sent. */
export function parseClientFirst(octets: Uint8Array): Result<ClientFirst, string> {
  const text = octets.length > LIMIT_OCTETS ? null : decodeUtf8(octets);
  const [, gs2Header, flag, type, sentAuthzid, bare, sentName, nonce, extensions] =
    CLIENT_FIRST_REGEXP.exec(text ?? "") ?? [];
  if (gs2Header === undefined || bare === undefined || nonce === undefined || extensions === undefined) {
    return fail("not a client-first-message");
  }
  if (TAKEN_ATTRIBUTE_REGEXP.test(extensions)) return fail("an attribute out of its place");
  if (nonce.length > LIMIT_NONCE) return fail("nonce too long");
  const authzid = unescapeName(sentAuthzid ?? "");
  const username = unescapeName(sentName ?? "");
  if (authzid === null || username === null) return fail("a name with a wrong escape");
  const binding = type !== undefined
    ? { kind: "used", type } as const
    : { kind: flag === "y" ? "not-offered" : "none" } as const;
  return succeed({ binding, authzid, username, nonce, gs2Header, bare });
}

/** Reads a client-final-message; the problem is a few words for the log and holds nothing that was sent. */
export function parseClientFinal(octets: Uint8Array): Result<ClientFinal, string> {
  const text = octets.length > LIMIT_OCTETS ? null : decodeUtf8(octets);
  const [, withoutProof, binding, nonce, extensions, base64] = CLIENT_FINAL_REGEXP.exec(text ?? "") ?? [];
  if (withoutProof === undefined || binding === undefined || nonce === undefined || extensions === undefined) {
    return fail("not a client-final-message");
  }
  if (TAKEN_ATTRIBUTE_REGEXP.test(extensions)) return fail("an attribute out of its place");
  const proof = decodeBase64(base64 ?? "");
  return proof === null ? fail("proof not in base64") : succeed({ binding, nonce, proof, withoutProof });
}

/** Writes a name as SCRAM does: `,` as `=2C` and `=` as `=3D`. */
export function escapeName(name: string): string {
  return name.replaceAll("=", "=3D").replaceAll(",", "=2C");
}

/** RFC 5802 section 5.1: an `=` that begins neither escape makes authentication fail. */
function unescapeName(text: string): string | null {
  if (text.replace(ESCAPES_REGEXP, "").includes("=")) return null;
  return text.replace(ESCAPES_REGEXP, (escape) => escape === "=2C" ? "," : "=");
}
