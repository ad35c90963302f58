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
import {
  type OpenRecords,
  pagesOf,
  parseCount,
  parseSince,
  printJsonItems,
  staleClientJson,
  timeJson,
  timeText,
  withRecords,
} from "./records.ts";
import { formatTable } from "./table.ts";

interface ListOptions extends ConfigOption, Pick<AuthenticationFilter, "remote" | "result" | "mechanism" | "since"> {
  readonly account?: string;
  readonly json?: boolean;
  readonly count?: number;
}

const DEFAULT_COUNT = 100;

/** Shows the authentication log. */
export const command: CliCommand = { build };

function build(): Command {
  const logins = newCommand("logins", "Shows the authentication log: logins that succeeded and that failed, and why.");
  takesConfig(logins.command("list").description("list the last logins, the newest first"))
    .option("--account <USER@REALM>", "only those of this account, and failures with its name")
    .option("--remote <ADDRESS>", "only those from this address")
    .addOption(new Option("--result <RESULT>", "only those that ended so").choices(RESULTS))
    .option("--mechanism <NAME>", "only those by this mechanism")
    .option("--since <TIME>", 'only those after it, such as "12h" or "7d" ago, or 2027-01-31T09:00:00Z', parseSince)
    .option("--count <N>", "how many (default: 100, with --json all)", parseCount)
    .option("--json", "print JSON, with the answer of each backend")
    .action(exits(list));
  takesConfig(
    logins.command("stale <USER@REALM>").description("list clients that still have the password of before"),
  ).option("--json", "print JSON").action(exits(stale));
  return logins;
}

function stale(name: string, { json, ...options }: ConfigOption & { readonly json?: boolean }): Promise<number> {
  return withRecords(options, ({ config, records }) => {
    const user = readUserName(name, config);
    if (!user.ok) return user.problem;
    const clients = records.authentications.staleClients(canonicalName(user.value).name);
    if (json === true) {
      printJsonItems(clients.map(staleClientJson));
      return EXIT.ok;
    }
    print(formatTable(clients, [
      { head: "FROM", cell: ({ remote }) => remote },
      { head: "MECHANISM", cell: ({ mechanism }) => mechanism },
      { head: "LISTENER", cell: ({ listener }) => listener },
      { head: "TIMES", cell: ({ times }) => String(times) },
      { head: "FIRST", cell: ({ first }) => timeText(first) },
      { head: "LAST", cell: ({ last }) => timeText(last) },
    ]));
    return EXIT.ok;
  });
}

function list(options: ListOptions): Promise<number> {
  return withRecords(options, ({ config, records }) => {
    const filter = filterOf(options, config);
    if (!filter.ok) return filter.problem;
    if (options.json === true) {
      const all = pagesOf((page) => records.authentications.list(filter.value, page), options.count);
      printJsonItems(all.map((login) => ({ ...login, at: timeJson(login.at) })));
      return EXIT.ok;
    }
    const page = { before: null, count: options.count ?? DEFAULT_COUNT };
    const logins = records.authentications.list(filter.value, page);
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
  { account, remote, result, mechanism, since }: ListOptions,
  config: OpenRecords["config"],
): Result<AuthenticationFilter, number> {
  const rest = {
    ...remote !== undefined && { remote },
    ...result !== undefined && { result },
    ...mechanism !== undefined && { mechanism: mechanism.toUpperCase() },
    ...since !== undefined && { since },
  };
  if (account === undefined) return succeed(rest);
  const user = readUserName(account, config);
  return user.ok ? succeed({ ...rest, account: canonicalName(user.value).name }) : fail(user.problem);
}
