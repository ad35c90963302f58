/**
 * Copies a `data_dir` that a server may be working with into the folder of a backup.
 *
 * @module
 */

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { isUnfinishedName, MAILDROP_FOLDER } from "../server/maildrop/format.ts";
import { DatabaseMoment, examineDatabase, isDatabase } from "../spool/copy_database.ts";
import { HELD_FOLDER, holdSpool } from "../spool/copy_spool.ts";
import { CONTENT_FOLDER, DATABASE_FILE } from "../spool/database.ts";
import { digestOf, type ManifestFile, type ManifestFolder, piecesOf, writeDurably } from "./backup_manifest.ts";

/** Of a process, or to be made again, or copied by other means. */
const LEFT_OUT = new Set(["lock", "reserve", CONTENT_FOLDER, DATABASE_FILE, HELD_FOLDER, `${HELD_FOLDER}.lock`]);
/** Beside a database: what of it is in there is in the copy of the database. */
const SIDE_REGEXP = /-(?:wal|shm|journal)$/;
const HEAD_OCTETS = 16;

/** What was copied. */
export interface CopiedDataDir {
  readonly mails: number;
  readonly folders: readonly ManifestFolder[];
  readonly files: readonly ManifestFile[];
  /** What is not in the backup, or not whole in the original: a sentence each. */
  readonly remarks: readonly string[];
}

/** A database of the original is damaged: there is no good copy of it. */
export class DamagedDatabase extends Error {
  override readonly name = "DamagedDatabase";
}

/** Copies everything; `to` is an empty folder. `step` is called after each file. Throws `DamagedDatabase` and what the system throws. */
export async function copyDataDir(dataDir: string, to: string, step: () => void): Promise<CopiedDataDir> {
  const copy = new Copy(dataDir, to, step);
  // Before the queue: what leaves the maildrop meanwhile is in both, and its name keeps it from being taken twice.
  await copy.folder(MAILDROP_FOLDER);
  const mails = await copy.spool();
  for await (const { name } of Deno.readDir(dataDir)) if (name !== MAILDROP_FOLDER) await copy.entry(name);
  return { mails, folders: copy.folders, files: copy.files, remarks: copy.remarks };
}

class Copy {
  readonly folders: ManifestFolder[] = [];
  readonly files: ManifestFile[] = [];
  readonly remarks: string[] = [];
  readonly #from: string;
  readonly #to: string;
  readonly #step: () => void;

  constructor(from: string, to: string, step: () => void) {
    this.#from = from;
    this.#to = to;
    this.#step = step;
  }

  /** The queue at one moment; the result is how many mails it has. */
  async spool(): Promise<number> {
    if (await lstatOrNull(`${this.#from}/${DATABASE_FILE}`) === null) return 0;
    await using moment = await holdSpool(this.#from);
    for (const id of moment.broken) this.remarks.push(`Mail ${id} is not whole in the queue itself`);
    await moment.writeDatabase(`${this.#to}/${DATABASE_FILE}`);
    await this.#noteDatabase(DATABASE_FILE);
    await this.#makeFolder(CONTENT_FOLDER);
    for (const id of moment.filed.keys()) {
      if (!moment.broken.has(id)) await this.#file(`${CONTENT_FOLDER}/${id}`, moment.contentFile(id));
    }
    return moment.mails;
  }

  async folder(path: string): Promise<void> {
    if (await lstatOrNull(`${this.#from}/${path}`) === null) return;
    await this.#makeFolder(path);
    for await (const { name } of Deno.readDir(`${this.#from}/${path}`)) await this.entry(`${path}/${name}`);
  }

  async entry(path: string): Promise<void> {
    const isUnfinished = path.startsWith(`${MAILDROP_FOLDER}/`) &&
      isUnfinishedName(path.slice(MAILDROP_FOLDER.length + 1));
    if (LEFT_OUT.has(path) || isUnfinished) return;
    const info = await lstatOrNull(`${this.#from}/${path}`);
    if (info === null || info.isSocket) return;
    if (SIDE_REGEXP.test(path) && await this.#isDatabaseFile(path.replace(SIDE_REGEXP, ""))) return;
    if (info.isDirectory) await this.folder(path);
    else if (!info.isFile) this.remarks.push(`${this.#from}/${path} is no regular file and is not in the backup`);
    else if (await this.#isDatabaseFile(path)) await this.#database(path);
    else await this.#file(path, `${this.#from}/${path}`);
  }

  async #isDatabaseFile(path: string): Promise<boolean> {
    await using file = await openPlain(`${this.#from}/${path}`);
    if (file === null) return false;
    const head = new Uint8Array(HEAD_OCTETS);
    const { bytesRead } = await file.handle.read(head, 0, HEAD_OCTETS, 0);
    return isDatabase(head.subarray(0, bytesRead));
  }

  async #database(path: string): Promise<void> {
    {
      using moment = new DatabaseMoment(`${this.#from}/${path}`);
      await moment.writeTo(`${this.#to}/${path}`);
    }
    await this.#noteDatabase(path);
  }

  async #noteDatabase(path: string): Promise<void> {
    const copied = `${this.#to}/${path}`;
    const { version, damage } = examineDatabase(copied);
    if (damage.length > 0) throw new DamagedDatabase(`${this.#from}/${path} is damaged: ${damage.join("; ")}`);
    using file = await Deno.open(copied);
    const info = await Deno.stat(`${this.#from}/${path}`);
    this.files.push({ ...ownedBy(path, info), ...await digestOf(piecesOf(file)), version });
    this.#step();
  }

  async #file(path: string, from: string): Promise<void> {
    await using file = await openPlain(from);
    if (file === null) return;
    const { handle, uid, gid, mode } = file;
    const digest = await writeDurably(`${this.#to}/${path}`, handle.createReadStream({ autoClose: false }));
    this.files.push({ ...ownedBy(path, { uid, gid, mode }), ...digest });
    this.#step();
  }

  async #makeFolder(path: string): Promise<void> {
    this.folders.push(ownedBy(path, await Deno.lstat(`${this.#from}/${path}`)));
    await Deno.mkdir(`${this.#to}/${path}`, { mode: 0o700 });
  }
}

function ownedBy(
  path: string,
  { mode, uid, gid }: { readonly mode: number | null; readonly uid: number | null; readonly gid: number | null },
): ManifestFolder {
  return { path, mode: (mode ?? 0o600) & 0o7777, uid: uid ?? 0, gid: gid ?? 0 };
}

/** Opens a regular file, and nothing that a name was changed to: anybody may write to the maildrop. `null`: it is none, or gone. */
async function openPlain(path: string): Promise<
  | AsyncDisposable & {
    readonly handle: Awaited<ReturnType<typeof open>>;
    readonly uid: number;
    readonly gid: number;
    readonly mode: number;
  }
  | null
> {
  try {
    await using stack = new AsyncDisposableStack();
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    stack.defer(() => handle.close());
    const info = await handle.stat();
    if (!info.isFile()) return null;
    const held = stack.move();
    return { handle, uid: info.uid, gid: info.gid, mode: info.mode, [Symbol.asyncDispose]: () => held.disposeAsync() };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "ENOENT" || code === "ELOOP") return null;
    throw error;
  }
}

async function lstatOrNull(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
