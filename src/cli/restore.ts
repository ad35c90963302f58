/**
 * `dokodemo restore`
 *
 * @module
 */

import { resolve } from "node:path";
import { examineDatabase } from "../spool/copy_database.ts";
import { DATABASE_FILE, SPOOL_VERSION } from "../spool/database.ts";
import { lockDataDir, UNFINISHED_FOLDER, unfinishedRestore } from "../spool/lock.ts";
import {
  DATA_FOLDER,
  digestOf,
  type Manifest,
  MANIFEST_FILE,
  MANIFEST_FORMAT,
  type ManifestFolder,
  manifestSchema,
  piecesOf,
  syncFolderOf,
  writeDurably,
} from "./backup_manifest.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { readConfig } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";
import { makeDataDir } from "./owner.ts";
import { startProgress } from "./progress.ts";
import { countText } from "./size_text.ts";

interface RestoreOptions extends ConfigOption {
  readonly dataDir?: string;
}

/** Why a backup is not restored: a sentence and the exit code. */
class RestoreTrouble extends Error {
  override readonly name = "RestoreTrouble";
  readonly exit: number;

  constructor(message: string, exit: number) {
    super(message);
    this.exit = exit;
  }
}

/**
 * Puts a backup back, after all of it was checked. Exit codes: 0; 65 for a backup that is unfinished or damaged; 78 for one of a newer
 * version; 73 where data_dir is not empty; 77 where only root can give files to their owners.
 */
export const command: CliCommand = {
  build: () =>
    takesConfig(newCommand("restore", "Puts a backup into an empty data_dir, after everything in it was checked."))
      .argument("<DIR>", "the folder of the backup")
      .option("--data-dir <DIR>", "the folder to fill (default: data_dir of the configuration)")
      .action(exits(restore)),
};

async function restore(dir: string, options: RestoreOptions): Promise<number> {
  try {
    const { target, user } = await findTarget(options);
    const source = resolve(dir);
    const manifest = await readManifest(source);
    await refuseUnlessEmpty(target);
    refuseForeign(manifest);
    await check(`${source}/${DATA_FOLDER}`, manifest);
    await fill(`${source}/${DATA_FOLDER}`, manifest, { target, user });
    print(
      `${target} is as ${manifest.hostname} had it at ${manifest.created}: ` +
        `${countText(manifest.mails, "mail")} in the queue, ${countText(manifest.files.length, "file")}`,
    );
    return EXIT.ok;
  } catch (error) {
    const known = error instanceof RestoreTrouble;
    complain(known ? error.message : `Cannot restore: ${error instanceof Error ? error.message : "unknown reason"}`);
    return known ? error.exit : EXIT.cannotCreate;
  }
}

async function findTarget(
  { dataDir, ...options }: RestoreOptions,
): Promise<{ readonly target: string; readonly user: string | null }> {
  if (dataDir !== undefined) return { target: resolve(dataDir), user: null };
  const config = await readConfig(options, { files: false });
  if (config.ok) return { target: config.value.dataDir, user: config.value.user };
  throw new RestoreTrouble("Cannot tell data_dir: name it with --data-dir", config.problem);
}

async function readManifest(source: string): Promise<Manifest> {
  const path = `${source}/${MANIFEST_FILE}`;
  const text = await Deno.readTextFile(path).catch((error: unknown) => {
    const why = error instanceof Deno.errors.NotFound ? `it has no ${MANIFEST_FILE}` : `${path} cannot be read`;
    throw new RestoreTrouble(`${source} is no finished backup: ${why}`, EXIT.data);
  });
  const value = parse(text);
  const format: unknown = Reflect.get(Object(value), "format");
  if (typeof format === "number" && format > MANIFEST_FORMAT) {
    throw new RestoreTrouble(`${path} is of a newer version than this program knows`, EXIT.config);
  }
  const manifest = manifestSchema.safeParse(value);
  if (!manifest.success) throw new RestoreTrouble(`${path} is not what backup writes`, EXIT.data);
  return manifest.data;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function refuseUnlessEmpty(target: string): Promise<void> {
  const unfinished = await unfinishedRestore(target);
  if (unfinished !== null) throw new RestoreTrouble(unfinished, EXIT.cannotCreate);
  try {
    for await (const { name } of Deno.readDir(target)) {
      throw new RestoreTrouble(`Cannot restore into ${target}: it is not empty (${name})`, EXIT.cannotCreate);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The owner of a file in the maildrop is the sender of a mail. */
function refuseForeign({ owner, files }: Manifest): void {
  const foreign = files.find(({ uid }) => uid !== owner.uid);
  if (foreign === undefined || Deno.uid() === 0) return;
  throw new RestoreTrouble(`Only root can give ${foreign.path} to its owner, user ${foreign.uid}`, EXIT.noPermission);
}

/** Every file, to the octet, and what SQLite says of the databases. */
async function check(data: string, { files }: Manifest): Promise<void> {
  using progress = startProgress(files.length, "files checked");
  for (const { path, octets, sha256, version } of files) {
    const file = `${data}/${path}`;
    const found = await digestOfFile(file);
    if (found.octets !== octets || found.sha256 !== sha256) {
      throw new RestoreTrouble(`${file} is not as it was copied`, EXIT.data);
    }
    if (version !== undefined) {
      if (path === DATABASE_FILE && version > SPOOL_VERSION) {
        throw new RestoreTrouble(`${file} is of version ${version}, this program knows ${SPOOL_VERSION}`, EXIT.config);
      }
      const { damage } = examineDatabase(file);
      if (damage.length > 0) throw new RestoreTrouble(`${file} is damaged: ${damage.join("; ")}`, EXIT.data);
    }
    progress.step();
  }
}

async function digestOfFile(path: string): Promise<Awaited<ReturnType<typeof digestOf>>> {
  try {
    using file = await Deno.open(path);
    return await digestOf(piecesOf(file));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new RestoreTrouble(`${path} is missing`, EXIT.data);
    throw error;
  }
}

async function fill(
  data: string,
  manifest: Manifest,
  { target, user }: { readonly target: string; readonly user: string | null },
): Promise<void> {
  const made = await makeDataDir(target, user);
  if (!made.ok) throw new RestoreTrouble(made.problem.message, made.problem.exit);
  // No server begins on half of it.
  const lock = await lockDataDir(target);
  if (!lock.ok) throw new RestoreTrouble(lock.problem.message, EXIT.tempFail);
  await using _lock = lock.value;
  const { uid, gid } = await Deno.stat(target);
  const owner = { uid: uid ?? 0, gid: gid ?? 0 };
  const unfinished = `${target}/${UNFINISHED_FOLDER}`;
  await Deno.mkdir(unfinished, { mode: 0o700 });
  using progress = startProgress(manifest.files.length, "files restored");
  for (const { path } of manifest.folders) await Deno.mkdir(`${unfinished}/${path}`, { mode: 0o700 });
  for (const entry of manifest.files) {
    using file = await Deno.open(`${data}/${entry.path}`);
    const { sha256 } = await writeDurably(`${unfinished}/${entry.path}`, piecesOf(file));
    if (sha256 !== entry.sha256) throw new RestoreTrouble(`${data}/${entry.path} changes meanwhile`, EXIT.data);
    await give(unfinished, entry, { from: manifest.owner, to: owner });
    progress.step();
  }
  // The deepest first: what is in a folder needs its mode no more.
  for (const folder of manifest.folders.toReversed()) {
    await syncFolderOf(`${unfinished}/${folder.path}`);
    await give(unfinished, folder, { from: manifest.owner, to: owner });
  }
  for await (const { name } of Deno.readDir(unfinished)) {
    await Deno.rename(`${unfinished}/${name}`, `${target}/${name}`);
  }
  await Deno.remove(unfinished);
  if (Deno.uid() === 0) await Deno.chown(`${target}/lock`, owner.uid, owner.gid);
  await syncFolderOf(target);
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Owner and mode as they were; what belonged to the owner of the old `data_dir` belongs to that of the new one. */
async function give(
  root: string,
  { path, uid, gid, mode }: ManifestFolder,
  { from, to }: { readonly from: Owner; readonly to: Owner },
): Promise<void> {
  if (Deno.uid() === 0) {
    await Deno.chown(`${root}/${path}`, uid === from.uid ? to.uid : uid, gid === from.gid ? to.gid : gid);
  }
  // After the owner: to change that takes bits away.
  await Deno.chmod(`${root}/${path}`, mode);
}
