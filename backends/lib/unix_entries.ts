/**
 * Entries of passwd(5) and shadow(5), what their password field means, and whether an account may log in today. Pure.
 *
 * @module
 */

import type { RejectedBecause } from "../../src/backend.ts";

/** What is used of a line of passwd(5). */
export interface PasswdEntry {
  readonly name: string;
  readonly password: string;
  readonly uid: number;
}

/** What is used of a line of shadow(5). Days since the epoch and numbers of days; -1: not set. */
export interface ShadowEntry extends Aging {
  readonly name: string;
  readonly password: string;
}

/** How long account and password last. */
export interface Aging {
  /** The day of the last change of the password; 0: it must be changed. */
  readonly lastChange: number;
  /** Days after which the password must be changed. */
  readonly max: number;
  /** Days after that in which it still can be. */
  readonly inactive: number;
  /** The day from which the account is closed. */
  readonly expires: number;
}

/** What a password field is. */
export type PasswordField =
  /** To be compared. */
  | { readonly kind: "hash"; readonly hash: string }
  /** A hash with `!` before it: `passwd -l` and `usermod -L` close an account so. */
  | { readonly kind: "locked"; readonly hash: string }
  /** The hash is in shadow. */
  | { readonly kind: "in-shadow" }
  /** No password was ever set (`*`, `!`, `!!`), or it is empty, which lets nobody in here. */
  | { readonly kind: "none" };

const DAY_MS = 86_400_000;

/** Reads a password field. Anything longer than a mark may be a hash; whether it is one that can be checked is for others to say. */
export function readPasswordField(text: string): PasswordField {
  if (text === "x") return { kind: "in-shadow" };
  const bare = text.replace(/^!+/, "");
  // "*LK*" and "*NP*" of Solaris are marks, too.
  if (bare === "" || bare.startsWith("*") || bare === "x") return { kind: "none" };
  return bare === text ? { kind: "hash", hash: text } : { kind: "locked", hash: bare };
}

/** Why the account, its password being right, may not log in at this time (milliseconds since the epoch); `null`: it may. The rules of pam_unix. */
export function judgeAging({ lastChange, max, inactive, expires }: Aging, now: number): RejectedBecause | null {
  const today = Math.floor(now / DAY_MS);
  if (expires !== -1 && today >= expires) return "expired";
  if (lastChange === 0) return "must-change";
  if (lastChange === -1 || max === -1) return null;
  const age = today - lastChange;
  if (age <= max) return null;
  return inactive !== -1 && age > max + inactive ? "expired" : "must-change";
}

/** Reads a file of the form of passwd(5). A line of another form is skipped, as the system does; of two with one name the first counts. */
export function parsePasswd(text: string): ReadonlyMap<string, PasswdEntry> {
  return parseLines(text, ([name = "", password = "", uid = ""]) => {
    return /^\d{1,10}$/.test(uid) ? { name, password, uid: Number(uid) } : null;
  });
}

/** Reads a file of the form of shadow(5); fields at the end may be left out. */
export function parseShadow(text: string): ReadonlyMap<string, ShadowEntry> {
  return parseLines(text, ([name = "", password, ...numbers]) => {
    const [lastChange = NaN, , max = NaN, , inactive = NaN, expires = NaN] = Array.from(
      { length: 6 },
      (_, at) => days(numbers[at] ?? ""),
    );
    if (password === undefined || [lastChange, max, inactive, expires].some(Number.isNaN)) return null;
    return { name, password, lastChange, max, inactive, expires };
  });
}

function parseLines<Entry extends { readonly name: string }>(
  text: string,
  read: (fields: readonly string[]) => Entry | null,
): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const line of text.split(/\r?\n/)) {
    // "+" and "-" stand for NIS in the old form of these files.
    const entry = /^(?:[#+-]|\s*$)/.test(line) ? null : read(line.split(":"));
    if (entry !== null && entry.name !== "" && !entries.has(entry.name)) entries.set(entry.name, entry);
  }
  return entries;
}

/** -1 for an empty field. */
function days(field: string): number {
  if (field === "") return -1;
  return /^-?\d{1,9}$/.test(field) ? Number(field) : NaN;
}
