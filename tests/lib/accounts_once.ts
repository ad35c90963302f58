/**
 * Accounts of test sites: most sites have the same, and to add one costs a process and a scrypt. Each set is made once in a run of the
 * tests, whichever file needs it first, and copied from then on.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PREFIX = "dokodemo_accounts_";

/** Fills `dataDir` with what `make` leaves there; `facts`: all on which that depends. */
export async function accountsOnce(
  dataDir: string,
  { facts, make }: { readonly facts: readonly unknown[]; readonly make: () => Promise<void> },
): Promise<void> {
  const kept = join(await folderOfRun(), createHash("sha256").update(JSON.stringify(facts)).digest("hex"));
  if (await copyFiles(kept, dataDir)) return;
  await make();
  const draft = `${kept}.${crypto.randomUUID()}`;
  await Deno.mkdir(draft);
  await copyFiles(dataDir, draft);
  // Another file may have been quicker: its copy is as good.
  await Deno.rename(draft, kept).catch(() => Deno.remove(draft, { recursive: true }));
}

/** Test files that run side by side share the process. What runs before this one have left is removed. */
async function folderOfRun(): Promise<string> {
  const own = join(tmpdir(), `${PREFIX}${Deno.pid}`);
  try {
    await Deno.mkdir(own, { mode: 0o700 });
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists) return own;
    throw cause;
  }
  for await (const { name } of Deno.readDir(tmpdir())) {
    if (name.startsWith(PREFIX) && !await isAlive(name.slice(PREFIX.length))) {
      await Deno.remove(join(tmpdir(), name), { recursive: true }).catch(() => {});
    }
  }
  return own;
}

async function isAlive(pid: string): Promise<boolean> {
  return await Deno.stat(`/proc/${pid}`).then(() => true, () => false);
}

/** Copies the files of a folder; false where there is none. */
async function copyFiles(from: string, to: string): Promise<boolean> {
  const names: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(from)) if (isFile) names.push(name);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw cause;
  }
  await Deno.mkdir(to, { recursive: true, mode: 0o711 });
  for (const name of names) await Deno.copyFile(join(from, name), join(to, name));
  return true;
}
