/**
 * Replies as another server sends them (RFC 5321 section 4.2), read from octets within bounds.
 *
 * @module
 */

import { concat, decodeUtf8, latin1 } from "../lib/octets.ts";
import { printable } from "../lib/text.ts";

/** A reply of another server. Its text is printable, and never sent to a client of ours. */
export interface PeerReply {
  readonly code: number;
  /** RFC 3463, when the text begins with one whose class is the code's. */
  readonly enhanced: string | null;
  /** Without the codes; one for each line. */
  readonly lines: readonly [string, ...string[]];
}

/** What the parser found. `malformed`: this is no SMTP, or too much of it; the conversation cannot go on. */
export type ParsedReply =
  | { readonly kind: "reply"; readonly reply: PeerReply }
  | { readonly kind: "malformed"; readonly why: string };

/** RFC 4954 section 4: a challenge may be as long as this. */
const LINE_LIMIT_OCTETS = 12288;
const REPLY_LIMIT_OCTETS = 65536;
const TEXT_LIMIT = 500;
const LF = 0x0a;
const CR = 0x0d;

/** Collects octets and gives whole replies. Never throws. */
export class ReplyParser {
  #octets: Uint8Array = new Uint8Array(0);
  #lines: string[] = [];
  #code: number | null = null;
  #size = 0;

  /** Whether octets are here that belong to no reply given yet. Before TLS begins there may be none (CVE-2011-0411, seen from the client). */
  get hasRest(): boolean {
    return this.#octets.length > 0 || this.#lines.length > 0;
  }

  /** Takes what was received. */
  push(octets: Uint8Array): void {
    this.#octets = concat(this.#octets, octets);
  }

  /** The next whole reply, or `null` while it is not all there. */
  next(): ParsedReply | null {
    for (;;) {
      // A lone LF ends a line of a reply too: nothing that we do with a reply depends on it.
      const end = this.#octets.indexOf(LF);
      if (end === -1) return this.#octets.length > LINE_LIMIT_OCTETS ? malformed("a line is too long") : null;
      if (end > LINE_LIMIT_OCTETS) return malformed("a line is too long");
      this.#size += end;
      if (this.#size > REPLY_LIMIT_OCTETS) return malformed("a reply is too long");
      const line = this.#octets.subarray(0, this.#octets[end - 1] === CR ? end - 1 : end);
      this.#octets = this.#octets.subarray(end + 1);
      const parsed = this.#line(decodeUtf8(line) ?? latin1(line));
      if (parsed !== null) return parsed;
    }
  }

  #line(line: string): ParsedReply | null {
    const match = /^([2-5]\d\d)(?:([ -])([^]*))?$/.exec(line);
    if (match === null) return malformed(`it sent "${printable(line, 80)}"`);
    const code = Number(match[1]);
    if (this.#code !== null && this.#code !== code) return malformed("the code changes inside a reply");
    this.#code = code;
    this.#lines.push(match[3] ?? "");
    if (match[2] === "-") return null;
    const reply = makeReply(code, this.#lines);
    this.#lines = [];
    this.#code = null;
    this.#size = 0;
    return { kind: "reply", reply };
  }
}

/** The whole reply on one line, cut at 500 characters: `550 5.1.1 No such user`. */
export function replyText({ code, enhanced, lines }: PeerReply): string {
  const text = [String(code), enhanced, ...lines].filter((part) => part !== null && part !== "").join(" ");
  return printable(text, TEXT_LIMIT);
}

function makeReply(code: number, lines: readonly string[]): PeerReply {
  const pattern = new RegExp(`^${Math.floor(code / 100)}\\.\\d{1,3}\\.\\d{1,3}(?= |$)`);
  const enhanced = pattern.exec(lines[0] ?? "")?.[0] ?? null;
  const [first = "", ...rest] = lines.map((line) => {
    const text = enhanced !== null && line.startsWith(enhanced) ? line.slice(enhanced.length).trimStart() : line;
    return printable(text, LINE_LIMIT_OCTETS);
  });
  return { code, enhanced, lines: [first, ...rest] };
}

function malformed(why: string): ParsedReply {
  return { kind: "malformed", why };
}
