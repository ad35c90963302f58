/**
 * Octet strings: joining, comparing and decoding them strictly.
 *
 * @module
 */

const ENCODER = new TextEncoder();
const STRICT_DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The UTF-8 octets of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return ENCODER.encode(text);
}

/** The text of UTF-8 octets, or `null` when they are not valid UTF-8. A byte order mark is kept. */
export function decodeUtf8(octets: Uint8Array): string | null {
  try {
    return STRICT_DECODER.decode(octets);
  } catch {
    return null;
  }
}

/** The octets as text, one character each (ISO-8859-1 without the C1 surprises of `TextDecoder("latin1")`). */
export function latin1(octets: Uint8Array): string {
  let text = "";
  for (let at = 0; at < octets.length; at += 8192) {
    text += String.fromCharCode(...octets.subarray(at, at + 8192));
  }
  return text;
}

/** The octets of a text whose characters are all below U+0100, or `null`. */
export function encodeLatin1(text: string): Uint8Array<ArrayBuffer> | null {
  const octets = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0xff) return null;
    octets[at] = code;
  }
  return octets;
}

/** Joins octet strings. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return concatAll(parts);
}

/** The same for lists that may be longer than a call can have arguments. */
export function concatAll(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Decodes base64 (RFC 4648 section 4) with its padding and nothing else, or gives `null`. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return null;
  }
}

/** Encodes base64 with padding. */
export function encodeBase64(octets: Uint8Array): string {
  return octets.toBase64();
}

/** Lower-case hexadecimal. */
export function hex(octets: Uint8Array): string {
  return octets.toHex();
}
