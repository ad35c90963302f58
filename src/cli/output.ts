/**
 * What commands write: results to standard output, all else to standard error.
 *
 * @module
 */

import { utf8 } from "../lib/octets.ts";
import { EXIT } from "./exit.ts";

/** Writes text and a line end to standard output. When its reader has gone (`| head`) the program ends without a word. */
export function print(text: string): void {
  writeOut(`${text}\n`);
}

/** Writes text as it is to standard output, for parts of lines. */
export function writeOut(text: string): void {
  write(Deno.stdout, text);
}

/** Writes `dokodemo: TEXT` to standard error. */
export function complain(text: string): void {
  writeErr(`dokodemo: ${text}\n`);
}

/** Writes text as it is to standard error. */
export function writeErr(text: string): void {
  write(Deno.stderr, text);
}

function write(to: { writeSync(octets: Uint8Array): number }, text: string): void {
  const octets = utf8(text);
  try {
    for (let at = 0; at < octets.length;) at += to.writeSync(octets.subarray(at));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(EXIT.pipeClosed);
    throw error;
  }
}
