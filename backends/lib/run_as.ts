/**
 * Running a program as another user.
 *
 * @module
 */

import { BackendProblem } from "../../src/backend_module.ts";
import { whyUnreadable } from "../../src/lib/file_error.ts";

/** A user and its own group, as numbers. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Finds the user; `null` where nothing has to change. Throws `BackendProblem` where there is no such user, or where this program may not
 * become it: that takes root.
 */
export async function findRunAs(name: string | undefined): Promise<RunAs | null> {
  if (name === undefined) return null;
  const [uid, gid] = await Promise.all([idOf("-u", name), idOf("-g", name)]);
  if (uid === Deno.uid()) return null;
  if (Deno.uid() !== 0) {
    throw new BackendProblem(
      `Cannot run a program as ${name}: this program is not root, see run_as in docs/backends.md`,
    );
  }
  return { uid, gid };
}

/** By id(1), which asks whatever nsswitch.conf names. */
async function idOf(option: "-u" | "-g", name: string): Promise<number> {
  // A whole path: the compiled program may not read PATH.
  const id = new Deno.Command("/usr/bin/id", { args: [option, "--", name], stdin: "null", stderr: "null" });
  const { success, stdout } = await id.output().catch((error) => {
    throw new BackendProblem(`Cannot run a program as ${name}: /usr/bin/id: ${whyUnreadable(error)}`);
  });
  const number = Number(new TextDecoder().decode(stdout).trim() || NaN);
  if (success && Number.isSafeInteger(number)) return number;
  throw new BackendProblem(`Cannot run a program as ${name}: no such user`);
}
