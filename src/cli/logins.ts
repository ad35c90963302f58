/**
 * `dokodemo logins`: the authentication log.
 *
 * @module
 */

import { type Command, Option } from "commander";
import { canonicalName } from "../accounts/account_name.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { type AuthenticationFilter, RESULTS } from "../records/records.ts";
import { readUserName } from "./accounts.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { EXIT } from "./exit.ts";
import { print } from "./output.ts";
import { type OpenRecords, parseCount, timeJson, timeText, withRecords } from "./records.ts";
import { formatTable } from "./table.ts";

interface ListOptions extends ConfigOption, Pick<AuthenticationFilter, "remote" | "result"> {
  readonly account?: string;
  readonly json?: boolean;
  readonly count: number;
}

/** Shows the authentication log. */
export const command: CliCommand = { build };

function build(): Command {
  const logins = newCommand("logins", "Shows the authentication log: logins that succeeded and that failed, and why.");
  takesConfig(logins.command("list").description("list the last logins, the newest first"))
    .option("--account <USER@REALM>", "only those of this account, and failures with its name")
    .option("--remote <ADDRESS>", "only those from this address")
    .addOption(new Option("--result <RESULT>", "only those that ended so").choices(RESULTS))
    .option("--count <N>", "how many", parseCount, 100)
    .option("--json", "print JSON, with the answer of each backend")
    .action(exits(list));
  return logins;
}

function list(options: ListOptions): Promise<number> {
  return withRecords(options, ({ config, records }) => {
    const filter = filterOf(options, config);
    if (!filter.ok) return filter.problem;
    const logins = records.authentications.list(filter.value, { before: null, count: options.count });
    if (options.json === true) {
      print(JSON.stringify(logins.map((login) => ({ ...login, at: timeJson(login.at) })), null, 2));
      return EXIT.ok;
    }
    print(formatTable(logins, [
      { head: "TIME", cell: ({ at }) => timeText(at) },
      { head: "NAME", cell: ({ account, authcid }) => account ?? authcid ?? "-" },
      { head: "RESULT", cell: ({ result }) => result },
      { head: "MECHANISM", cell: ({ mechanism }) => mechanism },
      { head: "TLS", cell: ({ tls }) => tls ?? "none" },
      { head: "FROM", cell: ({ remote }) => remote },
      { head: "REASON", cell: ({ reason }) => reason },
    ]));
    return EXIT.ok;
  });
}

function filterOf(
  { account, remote, result }: ListOptions,
  config: OpenRecords["config"],
): Result<AuthenticationFilter, number> {
  const rest = { ...remote !== undefined && { remote }, ...result !== undefined && { result } };
  if (account === undefined) return succeed(rest);
  const user = readUserName(account, config);
  return user.ok ? succeed({ ...rest, account: canonicalName(user.value).name }) : fail(user.problem);
}
