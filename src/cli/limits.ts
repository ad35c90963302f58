/**
 * `dokodemo limits`: what accounts have sent, what they may send, and values of their own.
 *
 * @module
 */

import type { Command } from "commander";
import { size } from "../config/quantities.ts";
import {
  type AccountLimits,
  limitKey,
  limitNameOf,
  type StandingView,
  type ValueChanges,
} from "../http/limit_operations.ts";
import { type LimitName, LIMITS } from "../policy/limits.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { EXIT } from "./exit.ts";
import { type LimitsAccess, reachLimits } from "./limits_access.ts";
import { complain, print } from "./output.ts";
import { QueueTrouble } from "./queue_access.ts";
import { countText } from "./size_text.ts";
import { formatTable } from "./table.ts";

interface JsonOptions extends ConfigOption {
  readonly json?: true;
}

/** Shows and changes limits. Exit codes: 0; 64 for wrong arguments; 65 for an unknown account; 69, 75 or 77 where they cannot be reached. */
export const command: CliCommand = { build };

function build(): Command {
  const limits = newCommand(
    "limits",
    "Shows what accounts have sent and may send, and gives them values of their own.",
  );
  takesConfig(limits.command("show <ACCOUNT>"))
    .description("show each limit of an account: what is used, what is allowed, when it opens again")
    .option("--json", "print JSON")
    .action(
      exits((account: string, options: JsonOptions) =>
        withLimits(options, async (access) => report(await access.show(account), options))
      ),
    );
  takesConfig(limits.command("set <ACCOUNT> <VALUE...>"))
    .description("give an account values of its own: mails_per_day=500, mails_per_day=none, mails_per_day=default")
    .option("--json", "print JSON")
    .action(exits(set));
  takesConfig(limits.command("reset <ACCOUNT>"))
    .description("let what an account has used begin at 0 again")
    .option("--json", "print JSON")
    .action(
      exits((account: string, options: JsonOptions) =>
        withLimits(options, async (access) => report(await access.reset(account), options))
      ),
    );
  takesConfig(limits.command("suggest"))
    .description("print values for the configuration that would fit what accounts have sent within the last seven days")
    .option("--json", "print JSON")
    .action(exits((options: JsonOptions) => withLimits(options, (access) => suggest(access, options))));
  return limits;
}

/** Reaches the limits for the time of `work`, and tells why where that fails. */
export async function withLimits(
  options: ConfigOption,
  work: (access: LimitsAccess) => Promise<number>,
): Promise<number> {
  try {
    await using access = await reachLimits(options);
    return await work(access);
  } catch (error) {
    if (!(error instanceof QueueTrouble)) throw error;
    complain(error.message);
    return error.exit;
  }
}

async function set(account: string, given: readonly string[], options: JsonOptions): Promise<number> {
  const values = new Map<LimitName, number | null | undefined>();
  for (const text of given) {
    const change = readValue(text);
    if (typeof change === "string") {
      complain(change);
      return EXIT.usage;
    }
    values.set(change.name, change.most);
  }
  const changes: ValueChanges = values;
  return await withLimits(options, async (access) => report(await access.setValues(account, changes), options));
}

/** As the API has it. */
const MOST = 1e12;

/** `mails_per_day=500`, `octets_per_day=1GiB`; the text says what is wrong with it. */
function readValue(text: string): { readonly name: LimitName; readonly most: number | null | undefined } | string {
  const [key = "", value = "", ...rest] = text.split("=");
  const name = limitNameOf(key);
  if (name === null) {
    return `There is no limit ${key}; there are ${LIMITS.map((limit) => limitKey(limit.name)).join(", ")}`;
  }
  if (value === "none" && rest.length === 0) return { name, most: null };
  if (value === "default" && rest.length === 0) return { name, most: undefined };
  const isOctets = name.startsWith("octets");
  const most = /^\d{1,12}$/.test(value) ? Number(value) : isOctets ? size.safeParse(value).data ?? null : null;
  if (most === null || most > MOST || rest.length > 0) {
    const number = isOctets ? "a size such as 1GiB" : "a number";
    return `${text}: expected ${number}, none (no limit) or default (that of the configuration)`;
  }
  return { name, most };
}

function report(limits: AccountLimits, { json }: JsonOptions): number {
  if (json) {
    print(JSON.stringify([limits], null, 2));
    return EXIT.ok;
  }
  const { account, exempt, reportOnly, networks, hold } = limits;
  if (hold !== null) print(`${account} is on hold since ${hold.since}: ${hold.rule} (${hold.by})`);
  if (exempt) print(`${account} is in limits.exempt_accounts: nothing limits it`);
  if (reportOnly) print("limits.report_only: what is over a limit is accepted and logged");
  print(formatTable(limits.limits, [
    { head: "LIMIT", cell: ({ name }: StandingView) => name },
    { head: "USED", cell: ({ used }) => String(used) },
    { head: "ALLOWED", cell: ({ most, own }) => `${most ?? "-"}${own ? " (its own)" : ""}` },
    { head: "OPENS AGAIN", cell: ({ opens }) => opens ?? "" },
  ]));
  print(`networks within an hour: ${networks.length === 0 ? "none" : networks.join(", ")}`);
  return EXIT.ok;
}

async function suggest(access: LimitsAccess, { json }: JsonOptions): Promise<number> {
  let accounts = 0;
  const values = new Map<string, number>();
  for (const account of await access.accounts()) {
    const shown = await showKnown(access, account);
    if (shown === null) continue;
    accounts++;
    for (const { name, suggested } of shown.limits) values.set(name, Math.max(values.get(name) ?? 0, suggested));
  }
  if (json) print(JSON.stringify([Object.fromEntries(values)], null, 2));
  else if (values.size === 0) print("Nobody has sent anything yet: there is nothing to go by");
  else {
    print(`# Twice what the busiest of ${countText(accounts, "account")} has used within seven days`);
    print("[limits.account]");
    for (const [name, most] of values) print(`${name} = ${most}`);
  }
  return EXIT.ok;
}

/** `null`: it has sent something, and is in no backend any more. */
async function showKnown(access: LimitsAccess, account: string): Promise<AccountLimits | null> {
  try {
    return await access.show(account);
  } catch (error) {
    if (error instanceof QueueTrouble && error.exit === EXIT.data) return null;
    throw error;
  }
}
