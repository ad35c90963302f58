/**
 * The header section of a message (RFC 5322 section 2.2) as octets: where it ends, and which fields it has. Nothing here changes an octet.
 *
 * @module
 */

import { asciiLower } from "../lib/text.ts";
import { concat, decodeUtf8, latin1 } from "../lib/octets.ts";

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;

/** A header section longer than this is looked at up to here; the rest passes as it is. */
export const HEADER_LIMIT_OCTETS = 1024 * 1024;

/** One header field. */
export interface HeaderField {
  /** In lower case. */
  readonly name: string;
  /** The whole field with its folding and its last CRLF. */
  readonly raw: Uint8Array;
}

/** Content, cut behind the last header field. */
export interface HeaderSplit {
  /** The fields, each line ended by CRLF; empty when content has no header section. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** What stands behind them: the empty line and the body. The empty line is put in where content has none. */
  readonly rest: Uint8Array<ArrayBuffer>;
}

const EMPTY_LINE = new Uint8Array([CR, LF]);
const NOTHING = new Uint8Array(0);

/** Collects content, chunk by chunk, until its header section has ended. */
export class HeaderReader {
  #octets: Uint8Array<ArrayBuffer> = NOTHING;
  /** Behind the last line that belongs to the header section. */
  #end = 0;

  /** Takes the next chunk; `null` means that more is needed. After the first split the reader is used up. */
  push(chunk: Uint8Array): HeaderSplit | null {
    this.#octets = concat(this.#octets, chunk);
    for (;;) {
      const lineEnd = endOfLine(this.#octets, this.#end);
      if (lineEnd === -1) {
        return this.#octets.length > HEADER_LIMIT_OCTETS ? this.#cut(NOTHING) : null;
      }
      const line = this.#octets.subarray(this.#end, lineEnd);
      if (line.length === EMPTY_LINE.length) return this.#cut(NOTHING);
      if (!isFieldLine(line, this.#end === 0)) return this.#cut(EMPTY_LINE);
      this.#end = lineEnd;
    }
  }

  /** Says that content is over. A last line without CRLF is body unless it is a whole field. */
  finish(): HeaderSplit {
    const tail = this.#octets.subarray(this.#end);
    if (tail.length === 0) return this.#cut(NOTHING);
    if (!isFieldLine(tail, this.#end === 0)) return this.#cut(EMPTY_LINE);
    return { header: concat(this.#octets, EMPTY_LINE), rest: NOTHING };
  }

  #cut(between: Uint8Array): HeaderSplit {
    return {
      header: this.#octets.slice(0, this.#end),
      rest: concat(between, this.#octets.subarray(this.#end)),
    };
  }
}

/** Splits a header section into its fields. Lines that are no field (there are none in what `HeaderReader` gives) are left out. */
export function splitFields(header: Uint8Array): readonly HeaderField[] {
  const fields: HeaderField[] = [];
  let start = 0;
  while (start < header.length) {
    let end = lineEndOrLength(header, start);
    while (end < header.length && isFolding(header[end])) end = lineEndOrLength(header, end);
    const name = fieldName(header.subarray(start, end));
    if (name !== null) fields.push({ name, raw: header.subarray(start, end) });
    start = end;
  }
  return fields;
}

/** The body of a field; in octets that are no UTF-8 each is a character. */
export function fieldText({ raw }: HeaderField): string {
  const text = decodeUtf8(raw) ?? latin1(raw);
  return text.slice(text.indexOf(":") + 1);
}

/** How many fields have this name (in lower case). */
export function countFields(fields: readonly HeaderField[], name: string): number {
  return fields.filter((field) => field.name === name).length;
}

/** Whether a field has this name (in lower case). */
export function hasField(fields: readonly HeaderField[], name: string): boolean {
  return fields.some((field) => field.name === name);
}

function isFieldLine(line: Uint8Array, first: boolean): boolean {
  // A continuation of nothing is no field.
  return isFolding(line[0]) ? !first : fieldName(line) !== null;
}

function isFolding(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB;
}

/** RFC 5322 section 2.2: printable US-ASCII but the colon; section 4.5 allows blanks before the colon. */
function fieldName(line: Uint8Array): string | null {
  const colon = line.indexOf(COLON);
  if (colon === -1) return null;
  let end = colon;
  while (end > 0 && isFolding(line[end - 1])) end--;
  const name = line.subarray(0, end);
  return end > 0 && name.every((octet) => octet > SPACE && octet < 0x7f) ? asciiLower(latin1(name)) : null;
}

/** Behind the next CRLF, or -1. */
function endOfLine(octets: Uint8Array, from: number): number {
  for (let at = octets.indexOf(LF, from); at !== -1; at = octets.indexOf(LF, at + 1)) {
    if (at > from && octets[at - 1] === CR) return at + 1;
  }
  return -1;
}

function lineEndOrLength(octets: Uint8Array, from: number): number {
  const end = endOfLine(octets, from);
  return end === -1 ? octets.length : end;
}
