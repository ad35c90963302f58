/**
 * A secret in a file of its own: shared secrets, passwords of service accounts.
 *
 * @module
 */

import { BackendProblem } from "../../src/backend_module.ts";
import { whyUnreadable } from "../../src/lib/file_error.ts";
import { decodeUtf8 } from "../../src/lib/octets.ts";
import { hasControl } from "../../src/lib/text.ts";

/** Read or write for the group or for others. */
const SHARED_MODE = 0o066;
const LIMIT_OCTETS = 4096;

/**
 * The one line of this file, without its line end. Throws `BackendProblem`, which names the file and never its content: it cannot be
 * read, the group or others may read or write it, it is not one line of 1 to 4096 octets of UTF-8 without control characters.
 */
export async function readSecretFile(file: string): Promise<string> {
  const octets = await readOctets(file);
  const text = decodeUtf8(octets)?.replace(/\r?\n$/, "") ?? null;
  if (text === null) throw new BackendProblem(`Cannot use ${file}: it is not UTF-8`);
  if (text === "") throw new BackendProblem(`Cannot use ${file}: it is empty`);
  if (octets.length > LIMIT_OCTETS || hasControl(text)) {
    throw new BackendProblem(`Cannot use ${file}: expected one line of at most ${LIMIT_OCTETS} octets`);
  }
  return text;
}

/** Whether a secret that others read for us, such as a keytab, is a file that the group and others may not read or write; throws `BackendProblem`. */
export async function checkSecretFile(file: string): Promise<void> {
  await readOctets(file);
}

async function readOctets(file: string): Promise<Uint8Array> {
  try {
    // One open file for both questions: what is read is what was looked at.
    using opened = await Deno.open(file);
    const { mode, isFile } = await opened.stat();
    if (!isFile) throw new BackendProblem(`Cannot use ${file}: it is not a file`);
    if (mode !== null && (mode & SHARED_MODE) !== 0 && !isCredential(file)) {
      const octal = (mode & 0o777).toString(8).padStart(3, "0");
      throw new BackendProblem(`Cannot use ${file}: mode ${octal} lets others read or write it; chmod 600 ${file}`);
    }
    return new Uint8Array(await new Response(opened.readable).arrayBuffer());
  } catch (error) {
    if (error instanceof BackendProblem) throw error;
    throw new BackendProblem(`Cannot read ${file}: ${whyUnreadable(error)}`);
  }
}

/** systemd's LoadCredential= guards its folder and gives files there modes of its own. */
function isCredential(file: string): boolean {
  const folder = Deno.env.get("CREDENTIALS_DIRECTORY");
  return folder !== undefined && folder !== "" && file.startsWith(`${folder}/`);
}
