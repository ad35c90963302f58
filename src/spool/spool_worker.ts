/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
/**
 * The Worker that owns the database of the spool: it may touch `data_dir` and nothing else.
 *
 * @module
 */

import { fail, type Result, succeed } from "../lib/result.ts";
import { compareContent, removeContent, Reserve } from "./content_folder.ts";
import { DATABASE_FILE, isFull, openDatabase, openProblem } from "./database.ts";
import { type Ground, GroupCommit } from "./group_commit.ts";
import type { Findings, FromWorker, OpenProblem, ToWorker } from "./protocol.ts";
import { Store } from "./store.ts";

const IDLE_MS = 2000;
/** Free pages above this go back to the file system, as many as this at a time. */
const VACUUM_PAGES = 4096;
const SOURCE_MS = 30 * 24 * 60 * 60 * 1000;

let ground: Ground | null = null;
let group: GroupCommit | null = null;
let idle: ReturnType<typeof setTimeout> | undefined;

self.onmessage = (event: MessageEvent<ToWorker>) => {
  const message = event.data;
  clearTimeout(idle);
  if (message.kind === "open") {
    answer({ kind: "opened", result: open(message) });
  } else if (message.kind === "batch") {
    if (group === null) throw new TypeError("Cannot run batch: spool is not open");
    answer({ kind: "done", reply: group.run(message.requests) });
    idle = setTimeout(tidy, IDLE_MS);
  } else {
    ground?.db.close();
    answer({ kind: "closed" });
  }
};

function open({ dir, now, first }: Extract<ToWorker, { kind: "open" }>): Result<Findings, OpenProblem> {
  const reserve = new Reserve(dir);
  let opened = openDatabase(dir);
  // On a full disk not even the files beside the database can be made, and a queue that cannot be opened cannot be emptied.
  if (!opened.ok && opened.problem.kind === "io" && reserve.release()) opened = openDatabase(dir);
  if (!opened.ok) return opened;
  const db = opened.value;
  try {
    const store = new Store(db);
    ground = { dir, db, store, reserve };
    group = new GroupCommit(ground);
    return succeed(first ? recover(ground, now) : { interrupted: [], missing: [], orphans: 0 });
  } catch (error) {
    db.close();
    return fail(openProblem(`${dir}/${DATABASE_FILE}`, error));
  }
}

function recover({ dir, store }: Ground, now: number): Findings {
  const interrupted = store.interrupted();
  try {
    store.recover({ now, sourcesSince: now - SOURCE_MS });
  } catch (error) {
    // A full disk is no reason not to start: `claim` takes what was interrupted as waiting all the same.
    if (!isFull(error)) throw error;
  }
  const { orphans, missing } = compareContent(dir, store.filed());
  removeContent(dir, orphans);
  return { interrupted, missing, orphans: orphans.length };
}

/** What can wait for a quiet moment: the log is emptied into the database, and free pages go back. */
function tidy(): void {
  if (ground === null) return;
  try {
    ground.db.exec("PRAGMA wal_checkpoint(PASSIVE)");
    const free = Number(ground.db.prepare("PRAGMA freelist_count").get()?.["freelist_count"]);
    if (free > VACUUM_PAGES) {
      // Read to its end: each step frees one page, and exec takes one step.
      ground.db.prepare(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`).all();
      idle = setTimeout(tidy, IDLE_MS);
    }
  } catch {
    // A full disk or a busy reader: the log stays as long as it is, and the next batch meets the same error where it can be told.
  }
}

function answer(message: FromWorker): void {
  self.postMessage(message);
}
