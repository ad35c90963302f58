/**
 * `dokodemo queue retry|hold|release|delete|flush`: what is done to mails, by their ids or to all that fit.
 *
 * @module
 */

import type { QueueChange, QueueChanges, QueueSelection, QueueVerb } from "../http/queue_operations.ts";
import { printable } from "../lib/text.ts";
import type { ConfigOption } from "./command.ts";
import { confirm } from "./confirm.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";
import { startProgress } from "./progress.ts";
import type { QueueAccess } from "./queue_access.ts";

/** What tells the mails. */
export interface ChangeOptions extends ConfigOption {
  readonly account?: string;
  readonly domain?: string;
  readonly route?: string;
  readonly all?: true;
  readonly yes?: true;
  readonly json?: true;
}

/** A change as it was asked for. */
export interface AskedChange {
  readonly verb: QueueVerb;
  readonly ids: readonly string[];
  readonly options: ChangeOptions;
}

/** Mails that the server goes through for one request, and progress is told after. */
const PIECE_MAILS = 1000;
/** The form of our ids; what has another form cannot be one, and must not become part of a path. */
const ID_REGEXP = /^[A-Za-z0-9_-]{1,64}$/;

const DONE: Readonly<Record<QueueVerb, string>> = {
  retry: "is tried now",
  hold: "is held",
  release: "is released",
  delete: "is deleted, without a notice to its sender",
};

const DONE_TO_MANY: Readonly<Record<QueueVerb, string>> = {
  retry: "are tried now",
  hold: "are held",
  release: "are released",
  delete: "are deleted, without a notice to their senders",
};

const UNCHANGED: Readonly<Record<QueueVerb, string>> = {
  retry: "nothing of it waits (what is held has to be released first)",
  hold: "it is held already",
  release: "it is not held",
  delete: "it is not in a state for that",
};

/** What is wrong with the arguments, or `null`; asks before many mails are deleted. The result is an exit code, its reason has been told. */
export function mayChange({ verb, ids, options }: AskedChange): number | null {
  const { account, domain, route, all } = options;
  const selects = (account ?? domain ?? route) !== undefined;
  if (ids.length > 0 && (selects || all)) {
    complain("Cannot take ids together with --account, --domain, --route or --all");
    return EXIT.usage;
  }
  if (all && selects) {
    complain("Cannot take --all together with --account, --domain or --route");
    return EXIT.usage;
  }
  if (ids.length > 0) return null;
  if (!selects && !all && verb !== "retry") {
    complain("Say which mails: by id, --account, --domain, --route or --all");
    return EXIT.usage;
  }
  if (verb !== "delete" || options.yes) return null;
  const which = selects ? "all mails that fit" : "all mails of the queue";
  return confirm(`Delete ${which}? Nobody is told, and it cannot be taken back.`, "--yes");
}

/** Makes the change and tells it. The result is the worst exit code. */
export async function changeQueue(access: QueueAccess, { verb, ids, options }: AskedChange): Promise<number> {
  if (ids.length > 0) return await changeEach(access, { verb, ids, options });
  const { account, domain, route } = options;
  const selection = {
    ...account !== undefined && { account },
    ...domain !== undefined && { domain },
    ...route !== undefined && { route },
  };
  const mails = await changeSelected(access, verb, selection);
  if (options.json) print(JSON.stringify(mails.map((id) => ({ id, result: "changed" })), null, 2));
  else print(mails.length === 1 ? `1 mail ${DONE[verb]}` : `${mails.length} mails ${DONE_TO_MANY[verb]}`);
  return EXIT.ok;
}

/** A mail that there is not. The result is the exit code. */
export function unknownMail(id: string): number {
  complain(`There is no mail ${printable(id, 64)} in the queue`);
  return EXIT.data;
}

/** Whether a text can be the id of a mail. */
export function isMailId(text: string): boolean {
  return ID_REGEXP.test(text);
}

async function changeSelected(
  access: QueueAccess,
  verb: QueueVerb,
  selection: QueueSelection,
): Promise<readonly string[]> {
  using progress = startProgress(null, "mails looked at");
  const mails: string[] = [];
  for (let after: string | null = null;;) {
    const changes: QueueChanges = await access.changeMany(verb, selection, { after, count: PIECE_MAILS });
    mails.push(...changes.mails);
    if (changes.next === null) return mails;
    after = changes.next;
    progress.step(PIECE_MAILS);
  }
}

async function changeEach(access: QueueAccess, { verb, ids, options: { json } }: AskedChange): Promise<number> {
  using progress = startProgress(ids.length, "mails");
  const results: { readonly id: string; readonly result: QueueChange }[] = [];
  let exit: number = EXIT.ok;
  for (const id of ids) {
    const result = isMailId(id) ? await access.change(verb, id) : "unknown";
    results.push({ id, result });
    progress.step();
    if (result === "changed" && !json) print(`${id} ${DONE[verb]}`);
    if (result !== "changed") exit = Math.max(exit, result === "unknown" ? unknownMail(id) : unchanged(verb, id));
  }
  if (json) print(JSON.stringify(results, null, 2));
  return exit;
}

function unchanged(verb: QueueVerb, id: string): number {
  complain(`Cannot ${verb} ${id}: ${UNCHANGED[verb]}`);
  return EXIT.no;
}
