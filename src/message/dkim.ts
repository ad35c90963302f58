/**
 * DKIM signatures (RFC 6376): which fields are signed, what is signed of them, and the field that says so. The signing itself, which needs
 * a key and takes its time, is elsewhere.
 *
 * @module
 */

import { encodeLatin1, utf8 } from "../lib/octets.ts";
import { relaxField } from "./dkim_canonical.ts";
import type { HeaderField } from "./header.ts";

/** What a key signs with: RFC 6376, or RFC 8463. */
export type DkimAlgorithm = "rsa-sha256" | "ed25519-sha256";

/** What of a signature is known before the mail has come to its end. */
export interface SignatureFacts {
  readonly algorithm: DkimAlgorithm;
  readonly domain: string;
  readonly selector: string;
  /** Of the signature itself; the length of the field follows from it. */
  readonly signatureOctets: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The fields of a mail that are signed. */
export interface SignedFields {
  /** In the order of h=. */
  readonly names: readonly string[];
  /** The fields in relaxed form, in the same order, one character an octet. */
  readonly relaxed: string;
}

/** What is signed where it is there. List-Unsubscribe as RFC 8058 asks for. */
const SIGNED: readonly string[] = [
  ...["From", "Sender", "Reply-To", "Subject", "Date", "Message-ID", "To", "Cc", "In-Reply-To", "References"],
  ...["MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Content-ID"],
  ...["Resent-Date", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Message-ID"],
  ...["List-Id", "List-Help", "List-Post", "List-Owner", "List-Archive"],
  ...["List-Subscribe", "List-Unsubscribe", "List-Unsubscribe-Post"],
];
/** Of a field that stands there more often, which none of these may, the last ones are signed. */
const TIMES_LIMIT = 5;
const SHA256_OCTETS = 32;
const BASE64_LINE = 72;
const NAMES_LINE = 76;

/** Chooses the fields to sign; From is named once more than it is there, so that nobody can add another. */
export function fieldsToSign(fields: readonly HeaderField[]): SignedFields {
  const names = ["From"];
  const relaxed: string[] = [];
  for (const name of SIGNED) {
    const lower = name.toLowerCase();
    // Verifiers take them from the bottom (RFC 6376 section 5.4.2).
    const found = fields.filter((field) => field.name === lower).slice(-TIMES_LIMIT).toReversed();
    for (const { raw } of found) {
      names.push(name);
      relaxed.push(relaxField(raw));
    }
  }
  return { names, relaxed: relaxed.join("") };
}

/** The field with its CRLF, with values that stand for what is not known yet: its length is the final one. */
export function signatureRoom(facts: SignatureFacts, signed: SignedFields): string {
  return signatureField(facts, signed, {
    bodyHash: base64Room(SHA256_OCTETS),
    signature: base64Room(facts.signatureOctets),
  });
}

/** The octets that the signature is made of (RFC 6376 section 3.7). `bodyHash` is base64. */
export function octetsToSign(facts: SignatureFacts, signed: SignedFields, bodyHash: string): Uint8Array<ArrayBuffer> {
  const own = relaxField(utf8(signatureField(facts, signed, { bodyHash, signature: "" }))).slice(0, -2);
  const octets = encodeLatin1(`${signed.relaxed}${own}`);
  if (octets === null) throw new TypeError("Cannot sign: a field is no octets");
  return octets;
}

/** The field with its CRLF. Both values are base64. */
export function signatureField(
  { algorithm, domain, selector, now }: SignatureFacts,
  { names }: SignedFields,
  { bodyHash, signature }: { readonly bodyHash: string; readonly signature: string },
): string {
  const lines = [
    `DKIM-Signature: v=1; a=${algorithm}; c=relaxed/relaxed; d=${domain};`,
    `s=${selector}; t=${Math.floor(now / 1000)};`,
    ...namesLines(names),
    `bh=${bodyHash};`,
    `b=${(signature.match(new RegExp(`.{1,${BASE64_LINE}}`, "g")) ?? []).join("\r\n\t ")}`,
  ];
  return `${lines.join("\r\n\t")}\r\n`;
}

/** A colon may have folding on both sides. */
function namesLines(names: readonly string[]): readonly string[] {
  const lines: string[] = [];
  let line = "h=";
  for (const [at, name] of names.entries()) {
    const piece = at === names.length - 1 ? `${name};` : `${name}:`;
    if (line.length + piece.length > NAMES_LINE) {
      lines.push(line);
      line = " ";
    }
    line += piece;
  }
  return [...lines, line];
}

function base64Room(octets: number): string {
  return "A".repeat(4 * Math.ceil(octets / 3));
}
