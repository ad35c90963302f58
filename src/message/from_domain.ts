/**
 * Whose mail it is by its From field (RFC 5322 section 3.6.2).
 *
 * @module
 */

import { toAscii } from "../lib/domain.ts";
import { decodeUtf8, latin1 } from "../lib/octets.ts";
import type { HeaderField } from "./header.ts";

/**
 * The domain of the first address of the From field, as lower-case A-labels; `null` where it has none. With several From fields or with
 * none there is no author to speak of: `ambiguous`.
 */
export function fromDomain(fields: readonly HeaderField[]): string | "ambiguous" | null {
  const [from, ...others] = fields.filter(({ name }) => name === "from");
  if (from === undefined || others.length > 0) return "ambiguous";
  const text = decodeUtf8(from.raw) ?? latin1(from.raw);
  const address = firstAddress(text.slice(text.indexOf(":") + 1));
  const at = address.lastIndexOf("@");
  return at < 0 ? null : toAscii(address.slice(at + 1).replace(/\s+/g, ""));
}

/** What stands in the first angle brackets, or before the first comma where there are none; comments left out. */
function firstAddress(text: string): string {
  let plain = "";
  let angle: string | null = null;
  for (let at = 0; at < text.length;) {
    const character = text[at] ?? "";
    if (character === "(") {
      at = endOfComment(text, at);
      continue;
    }
    const end = character === '"' ? endOfQuoted(text, at) : at + 1;
    const piece = text.slice(at, end);
    at = end;
    if (angle !== null) {
      if (piece === ">") return angle;
      angle += piece;
    } else if (piece === "<") angle = "";
    // The name of a group, whose first member is meant.
    else if (piece === ":") plain = "";
    else if ((piece === "," || piece === ";") && plain.trim() !== "") return plain;
    else plain += piece;
  }
  return angle ?? plain;
}

function endOfQuoted(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return Math.min(at + 1, text.length);
}

function endOfComment(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "(") depth++;
    else if (text[at] === ")" && --depth === 0) return at + 1;
  }
  return text.length;
}
