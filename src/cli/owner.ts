/**
 * Becoming the owner of `data_dir`: a file that root makes there is one that the service cannot open.
 *
 * @module
 */

import { findUser } from "../config/system_user.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { becomeUser } from "../server/privileges.ts";
import { unfinishedRestore } from "../spool/lock.ts";
import { EXIT } from "./exit.ts";

/** Why not: the sentence and the exit code. */
export interface OwnerProblem {
  readonly message: string;
  readonly exit: number;
}

/**
 * Makes `data_dir` where it is missing, then, started as root, becomes its owner for the rest of this process. A folder made by root
 * is given to `user` (of the configuration) where that is set. Read what only root may read before.
 */
export async function becomeOwner(
  dataDir: string,
  options: { readonly user: string | null },
): Promise<Result<void, OwnerProblem>> {
  const made = await makeDataDir(dataDir, options.user);
  if (!made.ok) return made;
  const unfinished = await unfinishedRestore(dataDir);
  if (unfinished !== null) return fail({ message: unfinished, exit: EXIT.tempFail });
  if (Deno.uid() !== 0) return succeed(undefined);
  const { uid, gid } = await Deno.stat(dataDir);
  if (uid === null || gid === null || uid === 0) return succeed(undefined);
  // What the service reads by a group, such as shadow, this process has to read too.
  const known = options.user === null ? null : await findUser(options.user);
  const groups = known?.ok === true && known.value.uid === uid ? known.value.groups : [];
  const became = becomeUser({ uid, gid, groups });
  return became.ok ? became : fail({ message: became.problem, exit: EXIT.noPermission });
}

/** Makes `data_dir` where it is missing, mode 0711; root gives it to `user` where that is set. */
export async function makeDataDir(dataDir: string, user: string | null): Promise<Result<void, OwnerProblem>> {
  try {
    const { isDirectory } = await Deno.stat(dataDir);
    if (isDirectory) return succeed(undefined);
    return fail({ message: `Cannot use data_dir ${dataDir}: it is no folder`, exit: EXIT.config });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return fail(problem("use", dataDir, error));
  }
  const owner = user === null || Deno.uid() !== 0 ? null : await findUser(user);
  if (owner?.ok === false) return fail({ message: owner.problem, exit: EXIT.config });
  try {
    // 0711: others may reach the public socket in it, and nothing else.
    await Deno.mkdir(dataDir, { recursive: true });
    await Deno.chmod(dataDir, 0o711);
    if (owner !== null) await Deno.chown(dataDir, owner.value.uid, owner.value.gid);
    return succeed(undefined);
  } catch (error) {
    return fail(problem("make", dataDir, error));
  }
}

function problem(what: string, dataDir: string, error: unknown): OwnerProblem {
  const denied = error instanceof Deno.errors.PermissionDenied;
  const reason = denied ? "permission denied" : error instanceof Error ? error.message : "unknown reason";
  return {
    message: `Cannot ${what} data_dir ${dataDir}: ${reason}`,
    exit: denied ? EXIT.noPermission : EXIT.cannotCreate,
  };
}
