/**
 * What a killed server left in its queue, read from a copy so that the restart finds it untouched.
 *
 * @module
 */

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makeFolder } from "../servers/lib.ts";

/** The queue at the moment of the kill. */
export interface QueueSnapshot {
  /** Ids of mails with recipients that are not finished. */
  readonly unfinished: readonly string[];
  /** `QUEUE-ID RECIPIENT` of those that were being attempted: they may get the mail twice. */
  readonly attempting: ReadonlySet<string>;
  /** Ids of notices that were being attempted. */
  readonly attemptingNotices: ReadonlySet<string>;
  /** Ids of mails whose content has to be in a file that is not there, or not whole. */
  readonly broken: readonly string[];
  /** Content files that no mail names. */
  readonly orphans: number;
}

/** Reads the queue of a `data_dir` that no server uses. */
export async function snapshotQueue(dataDir: string): Promise<QueueSnapshot> {
  await using copy = await makeFolder();
  for (const name of ["spool.sqlite", "spool.sqlite-wal"]) {
    await Deno.copyFile(join(dataDir, name), join(copy.path, name));
  }
  using db = new DatabaseSync(join(copy.path, "spool.sqlite"));
  const recipients = db.prepare(
    "SELECT mail.id, notice, forward_path, state FROM recipient JOIN mail ON mail.seq = recipient.mail",
  ).all();
  const open = recipients.filter(({ state }) => state === "waiting" || state === "attempting");
  const attempting = recipients.filter(({ state }) => state === "attempting");
  const filed = new Map(
    db.prepare("SELECT id, size FROM mail WHERE in_file = 1").all().map(({ id, size }) => [String(id), size]),
  );
  const sizes = new Map<string, number>();
  for await (const { name } of Deno.readDir(join(dataDir, "content"))) {
    sizes.set(name, (await Deno.stat(join(dataDir, "content", name))).size);
  }
  return {
    unfinished: [...new Set(open.map(({ id }) => String(id)))],
    attempting: new Set(attempting.map(({ id, forward_path }) => `${id} ${forward_path}`)),
    attemptingNotices: new Set(attempting.filter(({ notice }) => notice === 1).map(({ id }) => String(id))),
    broken: [...filed].filter(([id, size]) => sizes.get(id) !== size).map(([id]) => id),
    orphans: [...sizes.keys()].filter((id) => !filed.has(id)).length,
  };
}
