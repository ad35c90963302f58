/**
 * Files that are run: programs and plugins.
 *
 * @module
 */

import { resolve } from "node:path";
import { BackendProblem } from "../../src/backend_module.ts";
import { whyUnreadable } from "../../src/lib/file_error.ts";

const WRITABLE_BY_ALL = 0o002;
const EXECUTABLE = 0o111;

/**
 * The whole path of a file. Throws `BackendProblem` where it is not there, where everybody may change it, and for a program where nobody may
 * run it.
 */
export async function findProgramFile(
  file: string,
  { folder, executable }: { readonly folder: string; readonly executable: boolean },
): Promise<string> {
  const path = resolve(folder, file);
  const info = await Deno.stat(path).catch((error) => {
    throw new BackendProblem(`Cannot use ${path}: ${whyUnreadable(error)}`);
  });
  if (!info.isFile) throw new BackendProblem(`Cannot use ${path}: it is not a file`);
  const mode = info.mode ?? 0;
  if ((mode & WRITABLE_BY_ALL) !== 0) {
    throw new BackendProblem(`Cannot use ${path}: everybody may change it; chmod o-w`);
  }
  if (executable && (mode & EXECUTABLE) === 0) {
    throw new BackendProblem(`Cannot use ${path}: it is not executable; chmod +x`);
  }
  return path;
}
