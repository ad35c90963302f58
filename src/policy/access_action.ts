/**
 * The right-hand sides of sendmail's access map.
 *
 * @module
 */

import { fail, type Result, succeed } from "../lib/result.ts";
import { configured } from "../smtp/replies.ts";
import type { EnhancedCode, Reply } from "../smtp/reply.ts";

/** What a line of the access map says. */
export type AccessAction =
  | { readonly kind: "ok" | "relay" | "reject" | "discard" }
  /** Ends the search in a domain or a network; what would hold without the map holds. */
  | { readonly kind: "skip" }
  | { readonly kind: "error"; readonly reply: Reply };

/** Why there is no action: a mistake of the file, or a value that sendmail has and this server has not. */
export interface ActionProblem {
  readonly kind: "mistake" | "foreign";
  readonly text: string;
}

const WORDS: ReadonlyMap<string, AccessAction> = new Map([
  ["OK", { kind: "ok" }],
  ["RELAY", { kind: "relay" }],
  ["REJECT", { kind: "reject" }],
  ["DISCARD", { kind: "discard" }],
  ["SKIP", { kind: "skip" }],
]);

/** Values that belong to tags and features of sendmail that are not here. */
const FOREIGN_REGEXP =
  /^(?:QUARANTINE(?::|$)|(?:SPAM)?FRIEND$|(?:SPAM)?HATER$|SUBJECT(?::|$)|TEMP$|VERIFY(?::|$)|ENCR(?::|$)|NO$)/i;

/** What sendmail answers where the text of an ERROR has no code. */
const CODELESS = { code: 553, enhanced: "5.3.0" } as const;

/** Reads a value. The words are taken in either case, as sendmail takes them. */
export function parseAction(value: string): Result<AccessAction, ActionProblem> {
  const word = WORDS.get(value.toUpperCase());
  if (word !== undefined) return succeed(word);
  if (FOREIGN_REGEXP.test(value)) {
    const name = value.split(":")[0] ?? value;
    return fail({ kind: "foreign", text: `the value ${name} is not carried over` });
  }
  const error = /^ERROR:(?:(\d\.\d{1,3}\.\d{1,3}):)?(.*)$/is.exec(value);
  const text = unquote(error === null ? value : error[2] ?? "");
  // A bare text is 8.11's way to write an error, and needs its code: a misspelt word would become one otherwise.
  if (error === null && !/^\d{3}(?: |$)/.test(text)) {
    return mistake(`expected OK, RELAY, REJECT, DISCARD, SKIP, ERROR:"550 text" or ERROR:5.7.1:"550 text"`);
  }
  return parseError(text, error?.[1] ?? null);
}

function parseError(text: string, given: string | null): Result<AccessAction, ActionProblem> {
  const match = /^(\d{3})(?: (.*))?$/s.exec(text);
  const code = match === null ? CODELESS.code : Number(match[1]);
  const said = (match === null ? text : match[2] ?? "").trim();
  const inside = match === null ? null : /^([245]\.\d{1,3}\.\d{1,3}) (.*)$/s.exec(said);
  const fallback = match === null ? CODELESS.enhanced : `${String(code)[0]}.7.1`;
  const enhanced = enhancedOf(inside?.[1] ?? given ?? fallback);
  const words = (inside?.[2] ?? said).trim();
  if (code < 400 || code > 599) return mistake(`${code} refuses nothing: expected a code from 400 to 599`);
  if (enhanced === null || enhanced[0] !== String(code)[0]) {
    return mistake(`${inside?.[1] ?? given} does not go with ${code}: both must begin with the same digit`);
  }
  const reply = configured(code, enhanced, words === "" ? "Access denied" : words);
  return reply === null ? mistake(`${code} is no reply code`) : succeed({ kind: "error", reply });
}

function enhancedOf(text: string): EnhancedCode | null {
  const [kind, subject = NaN, detail = NaN] = text.split(".").map(Number);
  return kind === 2 || kind === 4 || kind === 5 ? `${kind}.${subject}.${detail}` : null;
}

/** sendmail takes quotes away wherever they stand. */
function unquote(text: string): string {
  return text.replace(/\\(.)|"/g, "$1").trim();
}

function mistake(text: string): Result<never, ActionProblem> {
  return fail({ kind: "mistake", text });
}
