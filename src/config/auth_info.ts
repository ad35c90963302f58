/**
 * The how-to's `default-auth-info`: four lines with which this server authenticates at the next hop.
 *
 * @module
 */

import type { SmarthostAuth } from "./config.ts";
import { decodeUtf8 } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { hasControl } from "../lib/text.ts";
import { readPrivateFile } from "./private_file.ts";

const LINES = ["authorization id", "authentication id", "password", "realm"] as const;
/** Reads the file; the problem is a sentence for the administrator that names the file and never a line's content. */
export async function readAuthInfo(file: string): Promise<Result<SmarthostAuth, string>> {
  const octets = await readPrivateFile(file);
  if (!octets.ok) return octets;
  const problem = parseAuthInfo(octets.value);
  return problem.ok ? problem : fail(`Cannot use ${file}: ${problem.problem}`);
}

/** Reads the four lines: authorization id (may be empty), authentication id, password, realm (may be empty). */
export function parseAuthInfo(octets: Uint8Array): Result<SmarthostAuth, string> {
  const text = decodeUtf8(octets);
  if (text === null) return fail("it is not UTF-8");
  const lines = text.replace(/(?:\r?\n)$/, "").split(/\r?\n/);
  if (lines.length !== LINES.length) {
    return fail(`it has ${lines.length} ${lines.length === 1 ? "line" : "lines"}, expected 4 (${LINES.join(", ")})`);
  }
  const bad = lines.findIndex(hasControl);
  if (bad !== -1) return fail(`line ${bad + 1} (${LINES[bad]}) has a control character`);
  const [authzid = "", authcid = "", password = "", realm = ""] = lines;
  if (authcid === "") return fail("line 2 (authentication id) is empty");
  if (password === "") return fail("line 3 (password) is empty");
  return succeed({ authzid, authcid, password, realm });
}
