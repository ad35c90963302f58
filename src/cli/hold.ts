/**
 * `dokodemo hold`: accounts whose mail is accepted, queued and not sent.
 *
 * @module
 */

import type { Command } from "commander";
import { hasControl } from "../lib/text.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { confirm } from "./confirm.ts";
import { EXIT } from "./exit.ts";
import { withLimits } from "./limits.ts";
import { complain, print } from "./output.ts";
import { countText } from "./size_text.ts";
import { formatTable } from "./table.ts";

interface HoldOptions extends ConfigOption {
  readonly json?: true;
  readonly reason?: string;
  readonly yes?: true;
}

const REASON_LENGTH = 200;

/**
 * Puts accounts on hold and takes them off. Exit codes: 0; 1 where the account is or is not on hold already; 64 for wrong arguments; 65 for
 * an unknown account; 69, 75 or 77 where they cannot be reached.
 */
export const command: CliCommand = { build };

function build(): Command {
  const hold = newCommand(
    "hold",
    "Accounts on hold: their mail is accepted, queued and not sent until it is released.",
  );
  takesConfig(hold.command("list")).description("list the accounts on hold").option("--json", "print JSON")
    .action(exits(list));
  takesConfig(hold.command("add <ACCOUNT>")).description("put an account on hold, with what it has in the queue")
    .option("--reason <TEXT>", "why, for the list and the log").option("--json", "print JSON")
    .action(exits(add));
  takesConfig(hold.command("release <ACCOUNT>"))
    .description("take an account off hold and send what was held by that").option("--json", "print JSON")
    .action(exits((account: string, options: HoldOptions) => end("release", account, options)));
  takesConfig(hold.command("discard <ACCOUNT>"))
    .description("delete what was held by that, without a notice to anybody; the account stays on hold")
    .option("--yes", "do not ask").option("--json", "print JSON")
    .action(
      exits((account: string, options: HoldOptions) =>
        (options.yes
          ? null
          : confirm(`Delete all mail of ${account} that is held? It cannot be taken back.`, "--yes")) ??
          end("discard", account, options)
      ),
    );
  return hold;
}

function list(options: HoldOptions): Promise<number> {
  return withLimits(options, async (access) => {
    const holds = await access.holds();
    if (options.json) print(JSON.stringify(holds, null, 2));
    else if (holds.length === 0) print("No account is on hold");
    else {
      print(formatTable(holds, [
        { head: "ACCOUNT", cell: ({ account }) => account },
        { head: "SINCE", cell: ({ since }) => since },
        { head: "WHY", cell: ({ rule }) => rule },
        { head: "BY", cell: ({ by }) => by },
      ]));
    }
    return EXIT.ok;
  });
}

function add(account: string, options: HoldOptions): Promise<number> | number {
  const reason = options.reason?.trim() ?? "put on hold by an administrator";
  if (reason === "" || reason.length > REASON_LENGTH || hasControl(reason)) {
    complain(`--reason: expected 1 to ${REASON_LENGTH} characters`);
    return EXIT.usage;
  }
  return withLimits(options, async (access) => {
    const mails = await access.hold(account, reason);
    if (mails === null) {
      complain(`${account} is on hold already`);
      return EXIT.no;
    }
    if (options.json) print(JSON.stringify([{ account, mails }], null, 2));
    else print(`${account} is on hold: its mail is accepted and not sent; ${countText(mails, "mail")} of it held now`);
    return EXIT.ok;
  });
}

function end(verb: "release" | "discard", account: string, options: HoldOptions): Promise<number> {
  return withLimits(options, async (access) => {
    const mails = await access[verb](account);
    if (mails === null) {
      complain(`${account} is not on hold`);
      return EXIT.no;
    }
    if (options.json) print(JSON.stringify([{ account, mails }], null, 2));
    else if (verb === "release") print(`${account} is off hold, ${countText(mails, "mail")} released`);
    else print(`${countText(mails, "mail")} of ${account} deleted; it is still on hold`);
    return EXIT.ok;
  });
}
