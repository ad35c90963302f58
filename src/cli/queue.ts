/**
 * `dokodemo queue`
 *
 * @module
 */

import type { Command } from "commander";
import type { QueueItem } from "../http/queue_item.ts";
import type { QueueVerb } from "../http/queue_operations.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { findDataDir } from "./control_client.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";
import { type QueueAccess, QueueTrouble, reachQueue } from "./queue_access.ts";
import { type ChangeOptions, changeQueue, isMailId, mayChange, unknownMail } from "./queue_change.ts";
import { queueItemText, queueTable } from "./queue_text.ts";

const PAGE = 1000;

/**
 * Shows and changes the queue of the running server, or of its files when none runs. Exit codes: 0; 65 for an id that is not in the
 * queue; 1 where a mail's state does not allow the change; 69, 75 or 77 when the queue cannot be reached.
 */
export const command: CliCommand = {
  build: () => {
    const queue = newCommand(
      "queue",
      "Shows and changes the queue, of the running server or, when none runs, of its files.",
    );
    queue.addCommand(
      takesConfig(subcommand("list", "List the mails in order of arrival."))
        .option("--account <NAME>", "only those of this account")
        .option("--domain <DOMAIN>", "only those with a recipient in this domain")
        .option("--json", "as one JSON array")
        .action(exits((options: ListOptions) => withQueue(options, (access) => list(access, options)))),
    );
    queue.addCommand(
      takesConfig(subcommand("show", "Show one mail and the history of each of its recipients."))
        .argument("<ID>", "the mail")
        .option("--json", "as a JSON array of one object")
        .action(
          exits((id: string, options: JsonOptions) =>
            withQueue(options, (access) => show(access, { id, json: options.json === true }))
          ),
        ),
    );
    for (const [verb, summary] of CHANGES) queue.addCommand(changing(verb, summary));
    queue.addCommand(
      takesConfig(selecting(subcommand("flush", "Try all mails that wait, or those that fit, now.")))
        .action(exits((options: ChangeOptions) => change("retry", [], options))),
    );
    queue.addCommand(
      takesConfig(subcommand("verify", "Look through the queue's files for damage; nothing is changed."))
        .option("--salvage <NEWFILE>", "save what can be read of the database into this new file; no server may run")
        .option("--json", "as a JSON array of one object")
        .action(exits((options: VerifyOptions) => onDataDir(options, (dataDir) => verify(dataDir, options)))),
    );
    return queue;
  },
};

const CHANGES: readonly (readonly [QueueVerb, string])[] = [
  ["retry", "Try mails now instead of at their next time; without an ID or an option all that wait."],
  ["hold", "Keep mails in the queue without trying them, until they are released."],
  ["release", "Let held mails go on."],
  ["delete", "Remove mails from the queue; nobody is told."],
];

interface JsonOptions extends ConfigOption {
  readonly json?: true;
}

interface ListOptions extends JsonOptions {
  readonly account?: string;
  readonly domain?: string;
}

interface VerifyOptions extends JsonOptions {
  readonly salvage?: string;
}

function subcommand(name: string, summary: string): Command {
  return newCommand(`queue ${name}`, summary).name(name);
}

function changing(verb: QueueVerb, summary: string): Command {
  const command = takesConfig(selecting(subcommand(verb, summary)));
  if (verb === "delete") command.option("--yes", "do not ask before many are deleted");
  return command
    .argument("[ID...]", "the mails")
    .action(exits((ids: readonly string[], options: ChangeOptions) => change(verb, ids, options)));
}

function selecting(command: Command): Command {
  return command
    .option("--account <NAME>", "those of this account")
    .option("--domain <DOMAIN>", "what of them is for recipients in this domain")
    .option("--route <NAME>", "what of them takes this route")
    .option("--all", "every mail")
    .option("--json", "one JSON array of what was changed");
}

async function change(verb: QueueVerb, ids: readonly string[], options: ChangeOptions): Promise<number> {
  return mayChange({ verb, ids, options }) ??
    await withQueue(options, (access) => changeQueue(access, { verb, ids, options }));
}

async function onDataDir(options: ConfigOption, run: (dataDir: string) => Promise<number>): Promise<number> {
  const dataDir = await findDataDir(options.config);
  if (!dataDir.ok) {
    complain(dataDir.problem);
    return EXIT.config;
  }
  try {
    return await run(dataDir.value);
  } catch (error) {
    if (!(error instanceof QueueTrouble)) throw error;
    complain(error.message);
    return error.exit;
  }
}

function withQueue(options: ConfigOption, run: (access: QueueAccess) => Promise<number>): Promise<number> {
  return onDataDir(options, async (dataDir) => {
    await using access = await reachQueue(dataDir, options);
    return await run(access);
  });
}

async function verify(dataDir: string, { salvage, json }: VerifyOptions): Promise<number> {
  const { salvageQueue, verifyQueue } = await import("./queue_verify.ts");
  return salvage === undefined
    ? await verifyQueue(dataDir, { json: json === true })
    : await salvageQueue(dataDir, salvage);
}

async function list(access: QueueAccess, { account, domain, json }: ListOptions): Promise<number> {
  const filter = { ...account !== undefined && { account }, ...domain !== undefined && { domain } };
  const items: QueueItem[] = [];
  for (let after: string | null = null;;) {
    const page = await access.list(filter, { after, count: PAGE });
    items.push(...page.items);
    if (page.next === null) break;
    after = page.next;
  }
  print(json ? JSON.stringify(items, null, 2) : queueTable(items, Date.now()));
  return EXIT.ok;
}

async function show(
  access: QueueAccess,
  { id, json }: { readonly id: string; readonly json: boolean },
): Promise<number> {
  const item = isMailId(id) ? await access.show(id) : null;
  if (item === null) return unknownMail(id);
  print(json ? JSON.stringify([item], null, 2) : queueItemText(item, Date.now()));
  return EXIT.ok;
}
