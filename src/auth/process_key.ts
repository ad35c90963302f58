/**
 * The key of all keyed hashes. It is kept in a file, so that decoys stay what they are after a restart: a salt that changes
 * with every restart would tell that the account does not exist.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { fail, type Result, succeed } from "../lib/result.ts";

const KEY_OCTETS = 32;

/** Reads the key in this file, or makes one (mode 600) where there is none. */
export function loadProcessKey(file: string): Result<Uint8Array<ArrayBuffer>, string> {
  try {
    makeKey(file);
    const key = Deno.readFileSync(file);
    return key.length === KEY_OCTETS ? succeed(key) : fail(`Cannot use key ${file}: expected ${KEY_OCTETS} octets`);
  } catch (error) {
    return fail(`Cannot read key ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Linked into place when it is whole, so that nobody reads half a key. */
function makeKey(file: string): void {
  try {
    if (Deno.statSync(file).isFile) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const draft = `${file}.new-${crypto.randomUUID()}`;
  Deno.writeFileSync(draft, randomBytes(KEY_OCTETS), { createNew: true, mode: 0o600 });
  try {
    Deno.linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    Deno.removeSync(draft);
  }
}
