/**
 * `dokodemo access test`: which line of the access rules decides, and what the client would be told.
 *
 * @module
 */

import type { Command } from "commander";
import { readAccess } from "../config/access_files.ts";
import type { Config } from "../config/config.ts";
import { networkSet } from "../lib/network.ts";
import type { AccessRules } from "../policy/access.ts";
import { NO_ACCESS } from "../policy/access_map.ts";
import { type AccessStep, accessSubject, judgeAccess } from "../policy/access_report.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { readConfig } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";
import { formatTable } from "./table.ts";

interface TestOptions extends ConfigOption {
  readonly from?: string;
  readonly to?: string;
  readonly login?: boolean;
  readonly json?: boolean;
}

/** Questions about the access rules. */
export const command: CliCommand = { build };

function build(): Command {
  const access = newCommand("access", "Asks the access rules about clients, senders and recipients.");
  takesConfig(access.command("test <ADDRESS|IP>"))
    .description(
      "say which line decides about a client (IP), or about a sender and a recipient, and what the client would be told; " +
        "exit code 0: accepted, 1: refused or discarded. Whether a local recipient exists is not looked at",
    )
    .option("--from <ADDRESS>", "the sender; ADDRESS is the recipient then")
    .option("--to <ADDRESS>", "the recipient; ADDRESS is the sender then")
    .option("--login", "the client has logged in, so it may relay")
    .option("--json", "print JSON")
    .action(exits(test));
  return access;
}

async function test(given: string, options: TestOptions): Promise<number> {
  const subject = accessSubject({ ...options, about: given });
  if (typeof subject === "string") {
    complain(subject);
    return EXIT.usage;
  }
  const config = await readConfig(options);
  if (!config.ok) return config.problem;
  const steps = judgeAccess(await rulesOf(config.value), subject, config.value);
  if (options.json === true) print(JSON.stringify(steps, null, 2));
  else report(steps);
  return steps.every(({ result }) => result === "accepted") ? EXIT.ok : EXIT.no;
}

async function rulesOf({ access }: Config): Promise<AccessRules> {
  const map = access.file === null ? NO_ACCESS : (await readAccess(access.file)).map;
  return {
    map,
    blacklistRecipients: access.blacklistRecipients,
    relayHostsOnly: access.relayHostsOnly,
    relayDomains: new Set(access.relayDomains),
    relayNetworks: networkSet(access.relayNetworks),
  };
}

function report(steps: readonly AccessStep[]): void {
  print(formatTable(steps, [
    { head: "STEP", cell: ({ step }) => step },
    { head: "OF", cell: ({ subject }) => subject === "" ? "<>" : subject },
    { head: "RESULT", cell: ({ result }) => result },
    { head: "DECIDED BY", cell: ({ decides }) => decides ?? "no rule" },
    { head: "THE CLIENT IS TOLD", cell: ({ reply }) => reply },
  ]));
}
