/**
 * Files with secrets, which nobody but their owner may read or write.
 *
 * @module
 */

import { whyUnreadable } from "../lib/file_error.ts";
import { decodeUtf8 } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { hasControl } from "../lib/text.ts";

/** Read or write for the group or for others. */
const SHARED_MODE = 0o066;

/** Reads a file that is closed to others; the problem is a sentence for the administrator. */
export async function readPrivateFile(file: string): Promise<Result<Uint8Array, string>> {
  try {
    // One open file for both questions: what is read is what was looked at.
    using opened = await Deno.open(file);
    const { mode, isFile } = await opened.stat();
    if (!isFile) return fail(`Cannot use ${file}: it is not a file`);
    if (mode !== null && (mode & SHARED_MODE) !== 0 && !isCredential(file)) {
      const octal = (mode & 0o777).toString(8).padStart(3, "0");
      return fail(`Cannot use ${file}: mode ${octal} lets others read or write it; chmod 600 ${file}`);
    }
    return succeed(new Uint8Array(await new Response(opened.readable).arrayBuffer()));
  } catch (error) {
    return fail(`Cannot read ${file}: ${whyUnreadable(error)}`);
  }
}

/** Reads a file that holds one secret, on one line. */
export async function readSecretLine(file: string): Promise<Result<string, string>> {
  const octets = await readPrivateFile(file);
  if (!octets.ok) return octets;
  const secret = decodeUtf8(octets.value)?.trim();
  if (secret === undefined || hasControl(secret)) return fail(`Cannot use ${file}: expected one line of UTF-8`);
  return secret === "" ? fail(`Cannot use ${file}: it is empty`) : succeed(secret);
}

/** systemd's LoadCredential= guards its folder and gives files there modes of its own. */
function isCredential(file: string): boolean {
  const folder = Deno.env.get("CREDENTIALS_DIRECTORY");
  return folder !== undefined && folder !== "" && file.startsWith(`${folder}/`);
}
