/**
 * Lists of addresses as header fields have them (RFC 5322 section 3.4): groups, comments, quoted names, obsolete routes, and names in raw
 * ISO-2022-JP or Shift_JIS.
 *
 * @module
 */

import { fail, type Result, succeed } from "../lib/result.ts";
import { coverDouble, coverShifted } from "./opaque_text.ts";

/** From the first character up to the one behind the last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** One address of a list. */
export interface ListedAddress {
  /** `local@domain`, or a local part alone; comments and blanks are taken away, quotes are kept. */
  readonly address: string;
  readonly qualified: boolean;
  /** Behind its last character in the text: where a domain that is missing goes. */
  readonly end: number;
  /** Where its local part stands in the text, with the comments and folds between its words. */
  readonly local: Span;
  /** The same of its domain, behind the `@`. */
  readonly domain: Span | null;
}

/**
 * Reads the addresses in the body of a field, those in groups too; names are read over. An empty list, and `<>`, have none. The problem is
 * what could not be read.
 */
export function parseAddressList(text: string): Result<readonly ListedAddress[], string> {
  const elements = elementsOf(text);
  if (elements === null) return fail(text.trim());
  const found: ListedAddress[] = [];
  for (const element of elements) {
    const read = readElement(element, text);
    if (read === "bad") return fail(textOf(text, element));
    if (read !== null) found.push(read);
  }
  return succeed(found);
}

/** The same of a body in which some elements cannot be read: those are left out. */
export function findAddresses(text: string): readonly ListedAddress[] {
  return (elementsOf(text) ?? []).flatMap((element) => {
    const read = readElement(element, text);
    return read === null || read === "bad" ? [] : [read];
  });
}

/** What stands between commas, group names left out; `null`: the text cannot be cut. */
function elementsOf(text: string): readonly (readonly Token[])[] | null {
  const shown = coverShifted(text);
  const tokens = tokenize(shown) ?? tokenize(coverDouble(shown));
  if (tokens === null) return null;
  const elements: Token[][] = [];
  let element: Token[] = [];
  let angle = false;
  for (const token of tokens) {
    if (token.text === "<") angle = true;
    if (token.text === ">") angle = false;
    // What stands before a colon is the name of a group.
    if (token.text === ":" && !angle) element = [];
    else if (angle || (token.text !== "," && token.text !== ";")) element.push(token);
    else {
      elements.push(element);
      element = [];
    }
  }
  return [...elements, element];
}

interface Token {
  readonly kind: "word" | "quoted" | "literal" | "mark";
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const BLANK_REGEXP = /[ \t\r\n]+/y;
// deno-lint-ignore no-control-regex -- what an atom cannot hold
const WORD_REGEXP = /[^\x00-\x20()<>[\]:;@\\,."\x7f]+/y;
const QUOTED_REGEXP = /"(?:[^"\\]|\\[\s\S])*"/y;
const LITERAL_REGEXP = /\[[^[\]\\]*\]/y;
const MARKS: ReadonlySet<string> = new Set(["<", ">", ":", ";", "@", ",", "."]);

/** `null`: something begins and does not end, or a character has no place here. */
function tokenize(text: string): readonly Token[] | null {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    const blank = matchAt(BLANK_REGEXP, text, at);
    if (blank !== null) {
      at = blank;
      continue;
    }
    if (text[at] === "(") {
      at = behindComment(text, at);
      if (at < 0) return null;
      continue;
    }
    const token = tokenAt(text, at);
    if (token === null) return null;
    tokens.push(token);
    at = token.end;
  }
  return tokens;
}

function tokenAt(text: string, start: number): Token | null {
  for (
    const [kind, pattern] of [["word", WORD_REGEXP], ["quoted", QUOTED_REGEXP], ["literal", LITERAL_REGEXP]] as const
  ) {
    const end = matchAt(pattern, text, start);
    if (end !== null) return { kind, text: text.slice(start, end), start, end };
  }
  const mark = text[start] ?? "";
  return MARKS.has(mark) ? { kind: "mark", text: mark, start, end: start + 1 } : null;
}

/** Comments nest. */
function behindComment(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "(") depth++;
    else if (text[at] === ")" && --depth === 0) return at + 1;
  }
  return -1;
}

function matchAt(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : null;
}

/** `null`: no address. */
function readElement(tokens: readonly Token[], text: string): ListedAddress | null | "bad" {
  const open = tokens.findIndex(({ text, kind }) => kind === "mark" && text === "<");
  if (open < 0) return tokens.length === 0 ? null : readAddress(tokens, text);
  const close = tokens.findIndex(({ text, kind }) => kind === "mark" && text === ">");
  if (close !== tokens.length - 1) return "bad";
  const inside = tokens.slice(open + 1, close);
  const route = inside[0]?.text === "@" ? inside.findIndex(({ text }) => text === ":") : -1;
  const bare = inside.slice(route + 1);
  return bare.length === 0 ? null : readAddress(bare, text);
}

function readAddress(tokens: readonly Token[], text: string): ListedAddress | "bad" {
  const at = tokens.findIndex(({ kind, text }) => kind === "mark" && text === "@");
  const local = at < 0 ? tokens : tokens.slice(0, at);
  const domain = at < 0 ? null : tokens.slice(at + 1);
  if (!isDotted(local, "quoted")) return "bad";
  if (domain !== null && !(domain.length === 1 && domain[0]?.kind === "literal") && !isDotted(domain, null)) {
    return "bad";
  }
  // No address is in a covered charset.
  if (tokens.some((token) => token.text !== text.slice(token.start, token.end))) return "bad";
  const whole = spanOf(tokens);
  return {
    address: tokens.map(({ text }) => text).join(""),
    qualified: domain !== null,
    end: whole.end,
    local: spanOf(local),
    domain: domain === null ? null : spanOf(domain),
  };
}

function spanOf(tokens: readonly Token[]): Span {
  return { start: tokens[0]?.start ?? 0, end: tokens.at(-1)?.end ?? 0 };
}

/** Words with dots between them; two dots in a row stand, as they do in a path. */
function isDotted(tokens: readonly Token[], also: "quoted" | null): boolean {
  if (!tokens.some(({ kind }) => kind !== "mark")) return false;
  return tokens.every(({ kind, text }, at) => {
    if (kind === "mark") return text === ".";
    if (kind !== "word" && kind !== also) return false;
    const before = tokens[at - 1];
    return before === undefined || before.kind === "mark";
  });
}

function textOf(text: string, tokens: readonly Token[]): string {
  return text.slice(tokens[0]?.start ?? 0, tokens.at(-1)?.end ?? text.length).trim();
}
