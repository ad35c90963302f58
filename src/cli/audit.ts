/**
 * `dokodemo audit`: what administrators, tokens and commands did.
 *
 * @module
 */

import type { Command } from "commander";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { EXIT } from "./exit.ts";
import { print } from "./output.ts";
import { pagesOf, parseCount, printJsonItems, timeJson, timeText, withRecords } from "./records.ts";
import { formatTable } from "./table.ts";

interface ListOptions extends ConfigOption {
  readonly json?: boolean;
  readonly count?: number;
}

const DEFAULT_COUNT = 100;

/** Shows the audit log. */
export const command: CliCommand = { build };

function build(): Command {
  const audit = newCommand("audit", "Shows the audit log: who did what, when and from where.");
  takesConfig(audit.command("list").description("list the last acts, the newest first"))
    .option("--count <N>", "how many (default: 100, with --json all)", parseCount)
    .option("--json", "print JSON")
    .action(exits(list));
  return audit;
}

function list({ count, json, ...options }: ListOptions): Promise<number> {
  return withRecords(options, ({ records }) => {
    if (json === true) {
      const all = pagesOf((page) => records.audit.list(page), count);
      printJsonItems(all.map((act) => ({ ...act, at: timeJson(act.at) })));
      return EXIT.ok;
    }
    const acts = records.audit.list({ before: null, count: count ?? DEFAULT_COUNT });
    print(formatTable(acts, [
      { head: "TIME", cell: ({ at }) => timeText(at) },
      { head: "WHO", cell: ({ who }) => who },
      { head: "FROM", cell: ({ from }) => from },
      { head: "WHAT", cell: ({ what }) => what },
      { head: "TARGET", cell: ({ target }) => target },
      { head: "DETAIL", cell: ({ detail }) => detail },
    ]));
    return EXIT.ok;
  });
}
