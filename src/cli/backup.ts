/**
 * `dokodemo backup`
 *
 * @module
 */

import { resolve } from "node:path";
import { HELD_FOLDER } from "../spool/copy_spool.ts";
import { VERSION } from "../version.ts";
import { type CopiedDataDir, copyDataDir, DamagedDatabase } from "./backup_copy.ts";
import {
  DATA_FOLDER,
  type Manifest,
  MANIFEST_FILE,
  MANIFEST_FORMAT,
  syncFolderOf,
  writeDurably,
} from "./backup_manifest.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { findDataDir } from "./control_client.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";
import { becomeOwner } from "./owner.ts";
import { startProgress } from "./progress.ts";
import { countText, sizeText } from "./size_text.ts";

interface BackupOptions extends ConfigOption {
  readonly json?: true;
}

/**
 * Copies `data_dir`, with a server at work or without one. Exit codes: 0; 65 for a database that is damaged; 69 where there is no
 * data_dir; 73 where the folder is not empty or cannot be written; 75 while another backup runs.
 */
export const command: CliCommand = {
  build: () =>
    takesConfig(newCommand("backup", "Copies everything in data_dir that matters; the server may run meanwhile."))
      .argument("<DIR>", "a folder that is empty, or is made")
      .option("--json", "as a JSON array of one object")
      .action(exits(backup)),
};

async function backup(dir: string, options: BackupOptions): Promise<number> {
  const dataDir = await findDataDir(options.config);
  if (!dataDir.ok) return refuse(EXIT.config, dataDir.problem);
  const target = resolve(dir);
  const from = resolve(dataDir.value);
  const owner = await Deno.stat(from).catch(() => null);
  if (owner?.isDirectory !== true) return refuse(EXIT.unavailable, `There is no data_dir ${from}`);
  if (`${target}/`.startsWith(`${from}/`)) return refuse(EXIT.usage, `Cannot make a backup in data_dir itself`);
  try {
    const problem = await prepare(target, owner);
    if (problem !== null) return refuse(EXIT.cannotCreate, problem);
    const became = await becomeOwner(from, { user: null });
    if (!became.ok) return refuse(became.problem.exit, became.problem.message);
    return await underLock(from, () => make({ from, target, owner, json: options.json === true }));
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown reason";
    const exit = error instanceof DamagedDatabase ? EXIT.data : EXIT.cannotCreate;
    return refuse(exit, `Cannot make the backup: ${reason}; what is in ${target} is not one`);
  }
}

/** Makes the folder, or takes an empty one; started as root, for the owner of `data_dir`. */
async function prepare(target: string, { uid, gid }: Deno.FileInfo): Promise<string | null> {
  await Deno.mkdir(target, { recursive: true, mode: 0o700 });
  for await (const _entry of Deno.readDir(target)) return `Cannot make a backup in ${target}: it is not empty`;
  if (Deno.uid() === 0 && uid !== null && gid !== null) await Deno.chown(target, uid, gid);
  await Deno.chmod(target, 0o700);
  return null;
}

/** Two backups would remove each other's names of content files. */
async function underLock(dataDir: string, work: () => Promise<number>): Promise<number> {
  using lock = await Deno.open(`${dataDir}/${HELD_FOLDER}.lock`, { create: true, write: true, mode: 0o600 });
  if (!await lock.tryLock(true)) return refuse(EXIT.tempFail, `Another backup of ${dataDir} is under way`);
  return await work();
}

async function make(
  { from, target, owner, json }: {
    readonly from: string;
    readonly target: string;
    readonly owner: Deno.FileInfo;
    readonly json: boolean;
  },
): Promise<number> {
  using progress = startProgress(null, "files copied");
  const data = `${target}/${DATA_FOLDER}`;
  await Deno.mkdir(data, { mode: 0o700 });
  const copied = await copyDataDir(from, data, () => progress.step());
  for (const { path } of copied.folders) await syncFolderOf(`${data}/${path}`);
  await syncFolderOf(data);
  await writeManifest(target, manifestOf(copied, owner));
  for (const remark of copied.remarks) complain(remark);
  const { mails, files } = copied;
  const octets = files.reduce((sum, file) => sum + file.octets, 0);
  print(
    json
      ? JSON.stringify([{ backup: target, dataDir: from, mails, files: files.length, octets }], null, 2)
      : `${target} has the backup of ${from}: ${countText(mails, "mail")} in the queue, ${
        countText(files.length, "file")
      }, ${sizeText(octets)}`,
  );
  return EXIT.ok;
}

function manifestOf({ mails, folders, files }: CopiedDataDir, { uid, gid }: Deno.FileInfo): Manifest {
  return {
    format: MANIFEST_FORMAT,
    program: VERSION,
    created: new Date().toISOString(),
    hostname: Deno.hostname(),
    owner: { uid: uid ?? 0, gid: gid ?? 0 },
    mails,
    folders: [...folders],
    files: [...files],
  };
}

/** Under another name first: where the manifest is, everything is. */
async function writeManifest(target: string, manifest: Manifest): Promise<void> {
  const path = `${target}/${MANIFEST_FILE}`;
  const text = `${JSON.stringify(manifest, null, 1)}\n`;
  await writeDurably(`${path}.new`, ReadableStream.from([new TextEncoder().encode(text)]));
  await Deno.rename(`${path}.new`, path);
  await syncFolderOf(target);
}

function refuse(exit: number, message: string): number {
  complain(message);
  return exit;
}
