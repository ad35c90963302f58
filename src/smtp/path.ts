/**
 * Reverse-paths and forward-paths (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
 *
 * @module
 */

import { isIP } from "node:net";
import { toAscii } from "../lib/domain.ts";
import { asciiLower, hasControl } from "../lib/text.ts";

/** A mailbox, its local part without quotes. */
export interface Mailbox {
  /** What the local part means: quotes and backslashes taken away. */
  readonly local: string;
  /** A domain as A-labels in the case that it was given, an address literal with its brackets, or `null` for `<postmaster>`. */
  readonly domain: string | null;
}

/** A path as MAIL or RCPT give it. */
export type PathParse =
  | { readonly kind: "mailbox"; readonly mailbox: Mailbox; readonly rest: string }
  /** `<>`. */
  | { readonly kind: "null"; readonly rest: string }
  /** Not of the form `<...>` at all. */
  | { readonly kind: "syntax" }
  /** In angle brackets, but no mailbox. */
  | { readonly kind: "bad-mailbox" };

const LOCAL_LIMIT_OCTETS = 255;
// Dots where RFC 5321 has none (`a..b@`, `a.@`) stand: Japanese mobile carriers gave such addresses out, and people still have them.
const DOT_STRING_REGEXP = /^[^\s"(),:;<>@[\\\]]+$/;
const STRICT_DOT_STRING_REGEXP = /^[^\s"(),.:;<>@[\\\]]+(?:\.[^\s"(),.:;<>@[\\\]]+)*$/;

/** Reads the path at the start of `text`; what follows it is in `rest`. A source route is read over (RFC 5321 appendix F.2). */
export function parsePath(text: string): PathParse {
  if (!text.startsWith("<")) return { kind: "syntax" };
  const close = closingBracket(text);
  if (close < 0) return { kind: "syntax" };
  const rest = text.slice(close + 1);
  if (rest !== "" && !rest.startsWith(" ")) return { kind: "syntax" };
  const inside = text.slice(1, close);
  if (inside === "") return { kind: "null", rest };
  const mailbox = parseMailbox(inside.replace(/^@[^\s"<>:]+:/, ""));
  return mailbox === null ? { kind: "bad-mailbox" } : { kind: "mailbox", mailbox, rest };
}

/** Reads `local@domain`, or a local part alone; `null` when it is neither. */
export function parseMailbox(text: string): Mailbox | null {
  if (hasControl(text)) return null;
  const local = text.startsWith('"') ? quotedLocal(text) : plainLocal(text);
  if (local === null || new TextEncoder().encode(local.value).length > LOCAL_LIMIT_OCTETS) return null;
  const after = text.slice(local.length);
  if (after === "") return { local: local.value, domain: null };
  if (!after.startsWith("@")) return null;
  const domain = parseDomain(after.slice(1));
  return domain === null ? null : { local: local.value, domain };
}

/** Writes a mailbox, the local part quoted where it must be. */
export function formatMailbox({ local, domain }: Mailbox): string {
  const written = DOT_STRING_REGEXP.test(local) ? local : `"${local.replace(/["\\]/g, "\\$&")}"`;
  return domain === null ? written : `${written}@${domain}`;
}

/** The domain behind the last `@` of a written path, or `null`. */
export function domainOf(path: string): string | null {
  const at = path.lastIndexOf("@");
  return at < 0 ? null : path.slice(at + 1);
}

/** Whether a local part is one that RFC 5321 writes without quotes. */
export function isDotString(local: string): boolean {
  return STRICT_DOT_STRING_REGEXP.test(local);
}

function closingBracket(text: string): number {
  let quoted = false;
  for (let at = 1; at < text.length; at++) {
    const character = text[at];
    if (quoted && character === "\\") at++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === ">") return at;
    else if (!quoted && character === "<") return -1;
  }
  return -1;
}

interface LocalPart {
  readonly value: string;
  readonly length: number;
}

function plainLocal(text: string): LocalPart | null {
  const at = text.lastIndexOf("@");
  const value = at < 0 ? text : text.slice(0, at);
  return DOT_STRING_REGEXP.test(value) ? { value, length: value.length } : null;
}

function quotedLocal(text: string): LocalPart | null {
  let value = "";
  for (let at = 1; at < text.length; at++) {
    const character = text[at] ?? "";
    if (character === '"') return { value, length: at + 1 };
    if (character !== "\\") value += character;
    else if (++at < text.length) value += text[at];
  }
  return null;
}

function parseDomain(text: string): string | null {
  if (text.startsWith("[") && text.endsWith("]")) {
    const literal = text.slice(1, -1);
    // RFC 5321 section 4.1.3 has no zone, which `isIP` takes.
    const isV6 = /^IPv6:[^%]*$/i.test(literal) && isIP(literal.slice(5)) === 6;
    return isV6 || isIP(literal) === 4 ? text : null;
  }
  const ascii = toAscii(text);
  if (ascii === null) return null;
  // Not `toLowerCase`: it makes a k of the Kelvin sign, and the sign would stay.
  return ascii === asciiLower(text) ? text : ascii;
}
