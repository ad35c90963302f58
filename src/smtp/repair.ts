/**
 * What some devices do wrong in SMTP and cannot be taught: repaired for those alone for which an administrator has said so, and counted.
 * For everybody else nothing here is asked.
 *
 * @module
 */

import { latin1 } from "../lib/octets.ts";

/** What was repaired. */
export type Repair =
  /** A line, of commands or of content, that ends in LF alone. */
  | "bare-lf"
  /** `MAIL FROM: <x>`: white space before the path. */
  | "path-space"
  /** `MAIL FROM:x`: a path without its angle brackets. */
  | "path-brackets"
  /** EHLO or HELO with no name, or with one that is not UTF-8. */
  | "hello-name";

/** How often each was repaired. */
export type Repairs = ReadonlyMap<Repair, number>;

/** A path as RFC 5321 writes it, and what was repaired for that. */
export interface RepairedPath {
  readonly text: string;
  readonly repairs: readonly Repair[];
}

/** The name of a client that gives none. */
export const NO_NAME = "unknown";

/** Makes a path of what follows the colon. What needs no repair comes back as it is; what is no path after this is none. */
export function repairPath(text: string): RepairedPath {
  const start = text.trimStart();
  const spaced: readonly Repair[] = start === text ? [] : ["path-space"];
  if (start === "" || start.startsWith("<")) return { text: start, repairs: spaced };
  const space = start.indexOf(" ");
  const [path, rest] = space < 0 ? [start, ""] : [start.slice(0, space), start.slice(space)];
  // What has brackets somewhere else is no address without them.
  if (/[<>]/.test(path)) return { text: start, repairs: spaced };
  return { text: `<${path}>${rest}`, repairs: [...spaced, "path-brackets"] };
}

/** A greeting line that is not UTF-8, each octet as one character, or `null` when it is no greeting. */
export function repairHello(octets: Uint8Array): string | null {
  const line = latin1(octets);
  return /^(?:ehlo|helo)(?: |$)/i.test(line) ? line : null;
}

/** The counts with one more of each. */
export function countRepairs(counts: Repairs, repairs: readonly Repair[]): Repairs {
  if (repairs.length === 0) return counts;
  const next = new Map(counts);
  for (const repair of repairs) next.set(repair, (next.get(repair) ?? 0) + 1);
  return next;
}
