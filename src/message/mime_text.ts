/**
 * Text and octets in the ASCII forms of MIME (RFC 2045, RFC 2047).
 *
 * @module
 */

import { encodeBase64, utf8 } from "../lib/octets.ts";

const LINE_LIMIT = 76;
/** Octets in one encoded word: `=?utf-8?B?...?=` may have 75 characters (RFC 2047 section 2). */
const WORD_OCTETS = 45;

/** Base64 in lines, without a CRLF at the end. */
export function base64Lines(octets: Uint8Array): string {
  return encodeBase64(octets).match(new RegExp(`.{1,${LINE_LIMIT}}`, "g"))?.join("\r\n") ?? "";
}

/** The text of a header field: as it is in ASCII, else in encoded words, folded. */
export function headerText(text: string): string {
  if (/^[ -~]*$/.test(text)) return text;
  const words: string[] = [];
  let word = "";
  for (const character of text) {
    if (utf8(word + character).length > WORD_OCTETS) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  return [...words, word].map((each) => `=?utf-8?B?${encodeBase64(utf8(each))}?=`).join("\r\n ");
}

/** Quoted-printable (RFC 2045 section 6.7) of text with CRLF; every octet comes back as it was. */
export function quotedPrintable(octets: Uint8Array): string {
  const lines = [""];
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at] ?? 0;
    if (octet === 0x0d && octets[at + 1] === 0x0a) {
      lines.push("");
      at++;
      continue;
    }
    const beforeEnd = octets[at + 1] === 0x0d && octets[at + 2] === 0x0a;
    const plain = (octet > 0x20 && octet < 0x7f && octet !== 0x3d) || (octet === 0x20 && !beforeEnd);
    const text = plain ? String.fromCharCode(octet) : `=${octet.toString(16).toUpperCase().padStart(2, "0")}`;
    const line = lines.at(-1) ?? "";
    // One place is for the "=" of a soft line break.
    if (line.length + text.length > LINE_LIMIT - 1) lines.splice(-1, 1, `${line}=`, text);
    else lines[lines.length - 1] = line + text;
  }
  return lines.join("\r\n");
}
