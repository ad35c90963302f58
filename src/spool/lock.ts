/**
 * The lock on `data_dir`: one process serves it, no other.
 *
 * @module
 */

import { fail, type Result, succeed } from "../lib/result.ts";

/** Why the lock was not taken: another process has it, or the system refuses. */
export interface LockProblem {
  readonly kind: "held" | "io";
  readonly message: string;
}

/** Where `restore` puts files before they are all there. */
export const UNFINISHED_FOLDER = ".restore";

/** Says that a `restore` into this folder has not come to its end, and what to do; `null`: there is none. A server would begin an empty queue. */
export async function unfinishedRestore(dir: string): Promise<string | null> {
  try {
    await Deno.lstat(`${dir}/${UNFINISHED_FOLDER}`);
  } catch {
    return null;
  }
  return `A restore into ${dir} has not ended: wait for it, or, if it was cut off, empty that folder ` +
    `(${UNFINISHED_FOLDER} too) and run dokodemo restore again`;
}

/**
 * Takes the lock `data_dir/lock` without waiting and holds it until it is disposed. The kernel gives it back when the process ends,
 * however that happens: a lock file that is there means nothing by itself. What a `restore` has left half done counts as held.
 */
export async function lockDataDir(dir: string): Promise<Result<AsyncDisposable, LockProblem>> {
  const path = `${dir}/lock`;
  const unfinished = await unfinishedRestore(dir);
  if (unfinished !== null) return fail({ kind: "held", message: unfinished });
  let file: Deno.FsFile | null = null;
  try {
    file = await Deno.open(path, { create: true, read: true, write: true, mode: 0o600 });
    if (!await file.tryLock(true)) {
      file.close();
      return fail({ kind: "held", message: await heldMessage(path) });
    }
    await file.truncate();
    await file.write(new TextEncoder().encode(`${Deno.pid}\n`));
  } catch (error) {
    file?.close();
    const detail = error instanceof Error ? error.message : String(error);
    return fail({ kind: "io", message: `Cannot lock ${path}: ${detail}` });
  }
  const held = file;
  return succeed({
    async [Symbol.asyncDispose](): Promise<void> {
      // The file stays: to remove it would let two processes lock two files of this name.
      await held.unlock();
      held.close();
    },
  });
}

/** Says who holds the lock; `null`: nobody, as far as can be told. It makes no file, so root may ask before it becomes the owner. */
export async function whoLocks(dir: string): Promise<string | null> {
  const path = `${dir}/lock`;
  try {
    using file = await Deno.open(path);
    // Closing the file gives back what was taken here.
    return await file.tryLock(true) ? null : await heldMessage(path);
  } catch {
    return null;
  }
}

async function heldMessage(path: string): Promise<string> {
  const pid = /^\d+/.exec(await Deno.readTextFile(path))?.[0];
  return `Cannot lock ${path}: ${pid === undefined ? "another process" : `process ${pid}`} holds it`;
}
