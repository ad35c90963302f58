/**
 * Asking whether something is really meant.
 *
 * @module
 */

import { decodeUtf8 } from "../lib/octets.ts";
import { EXIT } from "./exit.ts";
import { complain, writeErr } from "./output.ts";

const LINE_OCTETS = 1024;

/** Asks on the terminal; `null`: it is meant. Else the exit code, its reason has been told. `option` says yes without asking. */
export function confirm(question: string, option: string): number | null {
  if (!Deno.stdin.isTerminal()) {
    complain(`Cannot ask whether this is meant: standard input is no terminal (${option} says yes)`);
    return EXIT.usage;
  }
  writeErr(`${question} [y/N] `);
  const line = new Uint8Array(LINE_OCTETS);
  const count = Deno.stdin.readSync(line) ?? 0;
  const answer = (decodeUtf8(line.subarray(0, count)) ?? "").trim().toLowerCase();
  if (answer === "y" || answer === "yes") return null;
  complain("Nothing was changed");
  return EXIT.no;
}
