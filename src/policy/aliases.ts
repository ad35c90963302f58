/**
 * Aliases of local names in sendmail's syntax: `name: member, member`, a line that begins with a blank goes on with the one before,
 * `#` at the beginning of a line makes it a comment.
 *
 * @module
 */

import { formatMailbox, parseMailbox } from "../smtp/path.ts";
import { asciiLower } from "../lib/text.ts";

/** One of those who get the mail. */
export type AliasMember =
  /** A name without a domain: another alias or an account. */
  | { readonly kind: "name"; readonly local: string }
  /** `\name`: the account, whatever alias there is. */
  | { readonly kind: "account"; readonly local: string }
  /** With a domain. */
  | { readonly kind: "address"; readonly address: string }
  /** `:include:/path`: those that the file lists. */
  | { readonly kind: "include"; readonly path: string };

/** A member and the line of the file that names it. */
export interface MemberAt {
  readonly member: AliasMember;
  readonly line: number;
}

/** Something that is not taken. */
export interface AliasMistake {
  readonly line: number;
  readonly text: string;
}

/** What a file holds. */
export interface ParsedAliases {
  /** By name, as `canonicalAlias` has it. */
  readonly entries: ReadonlyMap<string, readonly MemberAt[]>;
  readonly mistakes: readonly AliasMistake[];
}

/** A name as it is compared: NFC, without case. */
export function canonicalAlias(local: string): string {
  return asciiLower(local.normalize("NFC").toLowerCase());
}

/** Reads an aliases file. */
export function parseAliases(text: string): ParsedAliases {
  const entries = new Map<string, readonly MemberAt[]>();
  const firstLines = new Map<string, number>();
  const mistakes: AliasMistake[] = [];
  for (const { line, pieces } of logicalLines(text, mistakes)) {
    const [head = "", ...rest] = splitOutside(pieces[0]?.text ?? "", ":");
    const name = nameOf(head.trim());
    if (rest.length === 0 || name === null) {
      mistakes.push({ line, text: "expected a local name and a colon, such as root: shin" });
      continue;
    }
    const earlier = firstLines.get(name);
    if (earlier !== undefined) {
      mistakes.push({ line, text: `${name} has its members in line ${earlier} already` });
      continue;
    }
    firstLines.set(name, line);
    const values = pieces.map((piece, at) => at === 0 ? { ...piece, text: rest.join(":") } : piece);
    const members = membersOf(values, mistakes);
    if (members.length === 0 && values.every((value) => value.text.trim() === "")) {
      mistakes.push({ line, text: `${name} has no members` });
    }
    entries.set(name, members);
  }
  return { entries, mistakes };
}

/** Reads a file that `:include:` names: members, one or more in a line. */
export function parseInclude(text: string): {
  readonly members: readonly MemberAt[];
  readonly mistakes: readonly AliasMistake[];
} {
  const mistakes: AliasMistake[] = [];
  const pieces = text.split(/\r?\n/).map((line, at) => ({ text: line, line: at + 1 })).filter((piece) => {
    return !/^\s*(?:#|$)/.test(piece.text);
  });
  return { members: membersOf(pieces, mistakes), mistakes };
}

interface Piece {
  readonly text: string;
  readonly line: number;
}

function logicalLines(
  text: string,
  mistakes: AliasMistake[],
): readonly { readonly line: number; readonly pieces: readonly Piece[] }[] {
  const lines: { readonly line: number; readonly pieces: Piece[] }[] = [];
  for (const [at, written] of text.split(/\r?\n/).entries()) {
    const piece = { text: written, line: at + 1 };
    if (/^\s*(?:#|$)/.test(written)) continue;
    if (!/^\s/.test(written)) lines.push({ line: piece.line, pieces: [piece] });
    else if (lines.length > 0) lines.at(-1)?.pieces.push(piece);
    else mistakes.push({ line: piece.line, text: "it begins with a blank, but there is no line to go on with" });
  }
  return lines;
}

function membersOf(pieces: readonly Piece[], mistakes: AliasMistake[]): readonly MemberAt[] {
  return pieces.flatMap(({ text, line }) => {
    return splitOutside(text, ",").map((part) => part.trim()).filter((part) => part !== "").flatMap((part) => {
      const member = parseMember(part);
      if (typeof member !== "string") return [{ member, line }];
      mistakes.push({ line, text: member });
      return [];
    });
  });
}

/** A member, or what is wrong with it. */
function parseMember(written: string): AliasMember | string {
  const whole = /^"((?:[^"\\]|\\.)*)"$/s.exec(written)?.[1]?.replace(/\\(.)/gs, "$1");
  const text = whole ?? written;
  if (text.startsWith("|")) return `programs are not run, so ${text} is no member: give the mail to an account`;
  if (text.startsWith("/")) return `files are not written, so ${text} is no member: give the mail to an account`;
  const include = /^:include:\s*(.*)$/i.exec(text)?.[1];
  if (include !== undefined) {
    return include === "" ? "expected a path behind :include:" : { kind: "include", path: include };
  }
  if (text.startsWith(":")) return `${text} is nothing that is known here`;
  if (written.startsWith("\\")) {
    const local = nameOf(written.slice(1));
    return local === null ? `expected a local name behind the backslash, found ${written}` : { kind: "account", local };
  }
  // `Taro Yamada <taro@example.net>`, as in a header field.
  const address = /^[^<>]*<([^<>]+)>$/.exec(written)?.[1]?.trim() ?? written;
  const mailbox = parseMailbox(address);
  if (mailbox === null) {
    const hint = written.includes("#") ? " (a comment needs a line of its own)" : "";
    return `expected an address or a local name, found ${written}${hint}`;
  }
  if (mailbox.domain !== null) return { kind: "address", address: formatMailbox(mailbox) };
  return { kind: "name", local: mailbox.local };
}

/** The name in front of the colon; `null` when it has a domain, or is none. */
function nameOf(written: string): string | null {
  const mailbox = parseMailbox(written);
  return mailbox === null || mailbox.domain !== null ? null : canonicalAlias(mailbox.local);
}

/** Splits at a mark that stands neither in quotes nor behind a backslash. */
function splitOutside(text: string, mark: string): readonly string[] {
  const parts: string[] = [];
  let quoted = false;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') quoted = !quoted;
    else if (text[at] === mark && !quoted) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return [...parts, text.slice(from)];
}
