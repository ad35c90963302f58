/**
 * `dokodemo route test`: which way the mail for an address takes.
 *
 * @module
 */

import { openAliasFile } from "../auth/alias_file.ts";
import { createLocalRecipients } from "../auth/local_recipients.ts";
import type { Config } from "../config/config.ts";
import { type Asked, findWays, type Way } from "../delivery/ways.ts";
import { parseMailbox } from "../smtp/path.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { readConfig } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { openChain } from "./open_chain.ts";
import { becomeOwner } from "./owner.ts";
import { complain, print } from "./output.ts";
import { formatTable } from "./table.ts";

interface TestOptions extends ConfigOption {
  readonly from?: string;
  readonly account?: string;
  readonly json?: boolean;
}

const LOOK_MS = 30_000;

/** Exit codes: 0 when there is a way; 65 when the address goes nowhere; 75 when it cannot be told now; 64, 78. */
export const command: CliCommand = {
  build: () => {
    const route = newCommand("route", "Tells which way mail takes.");
    takesConfig(route.command("test <RECIPIENT>"))
      .description(
        "look for the way of an address, by [[route]], [delivery.local], the aliases and [delivery]; nothing is sent",
      )
      .option("--from <ADDRESS>", "the reverse-path (default: the null reverse-path)")
      .option("--account <ACCOUNT>", "who sends it (default: nobody who logged in)")
      .option("--json", "print JSON")
      .action(exits(test));
    return route;
  },
};

async function test(recipient: string, { from, account, ...options }: TestOptions): Promise<number> {
  for (const address of [recipient, from ?? recipient]) {
    if (parseMailbox(address) !== null) continue;
    complain(`${address} is no address: expected one such as shin@foobar.co.jp`);
    return EXIT.usage;
  }
  const config = await readConfig(options);
  if (!config.ok) return config.problem;
  const owner = await becomeOwner(config.value.dataDir, config.value);
  if (!owner.ok) {
    complain(owner.problem.message);
    return owner.problem.exit;
  }
  const { defaultRealm } = config.value;
  const sender = account === undefined ? null : account.includes("@") ? account : `${account}@${defaultRealm}`;
  const ways = await waysOf({ recipient, reversePath: from ?? null, account: sender }, config.value);
  if (typeof ways === "number") return ways;
  if (options.json === true) print(JSON.stringify(ways, null, 2));
  else {
    print(formatTable(ways, [
      { head: "RECIPIENT", cell: (way) => way.recipient },
      { head: "ROUTE", cell: (way) => way.route },
      { head: "HOP", cell: ({ host, port }) => host === "" ? "-" : port === 0 ? host : `${host}:${port}` },
      { head: "ACCOUNT", cell: (way) => way.account ?? "-" },
      { head: "DETAIL", cell: ({ detail }) => detail },
    ]));
  }
  const codes = ways.filter(({ route }) => route === "none").map(({ detail }) => detail.startsWith("4"));
  return codes.length === 0 ? EXIT.ok : codes.includes(false) ? EXIT.data : EXIT.tempFail;
}

/** The way of an address, and those of its members where it is an alias; or an exit code. */
async function waysOf(asked: Asked, config: Config): Promise<readonly Way[] | number> {
  const log = () => {};
  const chain = await openChain(config, log);
  if (!chain.ok) {
    complain(chain.problem.message);
    return chain.problem.exit;
  }
  await using open = chain.value;
  const file = config.delivery.local?.aliasesFile ?? null;
  const recipients = createLocalRecipients({
    ...{ domains: config, authenticator: open.authenticator, stores: [...open.stores.values()] },
    ...file !== null && {
      aliases: openAliasFile({ file, localDomains: config.localDomains, log, now: Date.now }),
    },
  });
  return await findWays(asked, { config, recipients, signal: AbortSignal.timeout(LOOK_MS) });
}
