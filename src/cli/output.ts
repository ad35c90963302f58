/**
 * What commands write: results to standard output, all else to standard error.
 *
 * @module
 */

import { EXIT } from "./exit.ts";

// Not `utf8` of octets.ts: that loads node:crypto, and with it Node's layer, four times the start of `dokodemo version`.
const ENCODER = new TextEncoder();

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
  const octets = ENCODER.encode(text);
  try {
    for (let at = 0; at < octets.length;) at += to.writeSync(octets.subarray(at));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(EXIT.pipeClosed);
    // A full disk, most likely; where not even this can be told the exit code has to do.
    if (to === Deno.stderr) Deno.exit(EXIT.cannotCreate);
    writeErr(`dokodemo: Cannot write the output: ${error instanceof Error ? error.message : "unknown reason"}\n`);
    Deno.exit(EXIT.cannotCreate);
  }
}
