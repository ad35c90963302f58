/**
 * The folder that everybody on this machine may leave mails in.
 *
 * @module
 */

import { fail, type Result, succeed } from "../../lib/result.ts";
import { MAILDROP_FOLDER, MAILDROP_MODE } from "./format.ts";

/** A maildrop that is ready. */
export interface MaildropFolder {
  readonly path: string;
  /** Of every file that is made in it. */
  readonly gid: number | null;
}

const MODE_BITS = 0o7777;

/** Makes the folder where it is missing, and gives it its mode. The problem says what the administrator can do; the server runs without it. */
export async function makeMaildrop(dataDir: string): Promise<Result<MaildropFolder, string>> {
  const path = `${dataDir}/${MAILDROP_FOLDER}`;
  try {
    await Deno.mkdir(path).catch((error: unknown) => {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    });
    const found = await Deno.lstat(path);
    if (!found.isDirectory) return fail(`Cannot use ${path}: it is no folder`);
    if (found.uid !== Deno.uid()) return fail(`Cannot use ${path}: it belongs to user ${found.uid}`);
    if (!hasMode(found)) await Deno.chmod(path, MAILDROP_MODE);
    const made = await Deno.lstat(path);
    // The system leaves the bit for the group out, without an error, where the service is not in that group.
    return hasMode(made) ? succeed({ path, gid: made.gid }) : fail(`Cannot give ${path} its mode: ${remedy(path)}`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown reason";
    // systemd's RestrictSUIDSGID= forbids the bit for the group to the service.
    return fail(`Cannot make ${path}, so that nobody can use the sendmail command: ${reason}; ${remedy(path)}`);
  }
}

function hasMode({ mode }: Deno.FileInfo): boolean {
  return mode !== null && (mode & MODE_BITS) === MAILDROP_MODE;
}

function remedy(path: string): string {
  return `as root, run install -d -m ${
    MAILDROP_MODE.toString(8)
  } -o USER -g GROUP ${path} with the service's user and group`;
}
