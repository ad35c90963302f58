/**
 * The how-to's `default-auth-info`: four lines with which this server authenticates at the next hop.
 *
 * @module
 */

import type { SmarthostAuth } from "./config.ts";
import { decodeUtf8 } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { hasControl } from "../lib/text.ts";
import { whyUnreadable } from "../lib/file_error.ts";

const LINES = ["authorization id", "authentication id", "password", "realm"] as const;
/** Read or write for the group or for others. */
const SHARED_MODE = 0o066;

/** Reads the file; the problem is a sentence for the administrator that names the file and never a line's content. */
export async function readAuthInfo(file: string): Promise<Result<SmarthostAuth, string>> {
  let octets: Uint8Array;
  try {
    // One open file for both questions: what is read is what was looked at.
    using opened = await Deno.open(file);
    const { mode, isFile } = await opened.stat();
    if (!isFile) return fail(`Cannot use ${file}: it is not a file`);
    if (mode !== null && (mode & SHARED_MODE) !== 0 && !isCredential(file)) {
      const octal = (mode & 0o777).toString(8).padStart(3, "0");
      return fail(`Cannot use ${file}: mode ${octal} lets others read or write it; chmod 600 ${file}`);
    }
    octets = new Uint8Array(await new Response(opened.readable).arrayBuffer());
  } catch (error) {
    return fail(`Cannot read ${file}: ${whyUnreadable(error)}`);
  }
  const problem = parseAuthInfo(octets);
  return problem.ok ? problem : fail(`Cannot use ${file}: ${problem.problem}`);
}

/** systemd's LoadCredential= guards its folder and gives files there modes of its own. */
function isCredential(file: string): boolean {
  const folder = Deno.env.get("CREDENTIALS_DIRECTORY");
  return folder !== undefined && folder !== "" && file.startsWith(`${folder}/`);
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
