/**
 * Golden files: what a function is expected to write, under `tests/golden`.
 *
 * @module
 */

import assert from "node:assert/strict";

/** Compares a text with a golden file; the file has LF where the text has CRLF. With GOLDEN=write in the environment it is written instead, for review. */
export async function compareGolden(path: string, text: string): Promise<void> {
  const url = new URL(`../golden/${path}`, import.meta.url);
  assert.ok(!/(?<!\r)\n|\r(?!\n)/.test(text), "a bare CR or LF");
  const lines = text.replaceAll("\r\n", "\n");
  if (Deno.env.get("GOLDEN") === "write") return await Deno.writeTextFile(url, lines);
  assert.equal(lines, await Deno.readTextFile(url));
}
