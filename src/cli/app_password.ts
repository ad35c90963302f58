/**
 * `dokodemo user app-password`: app passwords of accounts of all backends. It asks the chain itself: no server has to run, and one that runs
 * takes each change into account at the next login.
 *
 * @module
 */

import type { Command } from "commander";
import type { Credential } from "../accounts/account_store.ts";
import { type AppPasswordRefusal, explainRefusal } from "../auth/app_password_admin.ts";
import type { UserName } from "../backend.ts";
import type { Config } from "../config/config.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { printable } from "../lib/text.ts";
import { formatUserName } from "../sasl/user_name.ts";
import { readUserName } from "./accounts.ts";
import { type ConfigOption, exits, takesConfig } from "./command.ts";
import { readConfigAsOwner } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { type OpenChain, openChain } from "./open_chain.ts";
import { complain, print } from "./output.ts";
import { commandActor, openRecordsOf } from "./records.ts";
import { formatTable } from "./table.ts";

interface AddOptions extends ConfigOption {
  readonly label: string;
  readonly network?: readonly string[];
  readonly mech?: readonly string[];
  readonly expires?: string;
}

interface ListOptions extends ConfigOption {
  readonly json?: boolean;
}

const UNITS_MS: ReadonlyMap<string, number> = new Map([["min", 60_000], ["h", 3_600_000], ["d", 86_400_000]]);

/** Adds the subcommands to `dokodemo user`. */
export function addAppPasswordCommands(user: Command): void {
  const group = user.command("app-password").description("passwords for single devices and programs").helpCommand(
    false,
  );
  const several = (value: string, before: readonly string[] = []) => [...before, value];
  takesConfig(group.command("add <USER@REALM>").description("make an app password and print it once"))
    .requiredOption("--label <TEXT>", "what it is for: 1 to 64 characters")
    .option("--network <NETWORK>", "accept it from this network alone, such as 192.0.2.0/24; may be repeated", several)
    .option("--mech <MECHANISM>", "accept it with this mechanism alone, such as PLAIN; may be repeated", several)
    .option("--expires <TIME>", "how long it is valid, such as 90d, or until when, such as 2027-01-31T00:00:00Z")
    .action(exits(add));
  takesConfig(group.command("list <USER@REALM>").description("list the app passwords of an account"))
    .option("--json", "print JSON")
    .action(exits(list));
  takesConfig(group.command("revoke <USER@REALM> <ID-or-LABEL>").description("refuse an app password from now on"))
    .action(exits(revoke));
}

function add(text: string, options: AddOptions): Promise<number> {
  return withChain(text, options, async ({ user, config, chain }) => {
    const expires = readExpiry(options.expires, Date.now());
    if (!expires.ok) return refused({ kind: "bad-expires" }, user);
    const { label, network: networks = [], mech: mechanisms = null } = options;
    const made = await chain.appPasswords.add(user, { label, networks, mechanisms, expires: expires.value });
    if (!made.ok) return refused(made.problem, user);
    const { account, credential, password } = made.value;
    await record(config, { what: "app-password.add", target: account.name, detail: describe(credential) });
    print(password);
    complain(
      `This is the app password "${printable(credential.label)}" of ${
        printable(account.name, 300)
      }: it is not shown again`,
    );
    return EXIT.ok;
  });
}

function list(text: string, options: ListOptions): Promise<number> {
  return withChain(text, options, async ({ user, chain }) => {
    const listed = await chain.appPasswords.list(user);
    if (!listed.ok) return refused(listed.problem, user);
    if (options.json === true) {
      print(JSON.stringify(listed.value.map(asJson), null, 2));
      return EXIT.ok;
    }
    print(formatTable(listed.value, [
      { head: "ID", cell: ({ id }) => id },
      { head: "LABEL", cell: ({ label }) => label },
      { head: "NETWORKS", cell: ({ networks }) => networks.length === 0 ? "all" : networks.join(", ") },
      { head: "MECHANISMS", cell: ({ mechanisms }) => mechanisms?.join(", ") ?? "all" },
      { head: "EXPIRES", cell: ({ expires }) => expires?.slice(0, 10) ?? "never" },
      { head: "LAST USED", cell: ({ lastUsed }) => lastUsed?.slice(0, 10) ?? "never" },
    ]));
    return EXIT.ok;
  });
}

function revoke(text: string, wanted: string, options: ConfigOption): Promise<number> {
  return withChain(text, options, async ({ user, config, chain }) => {
    const listed = await chain.appPasswords.list(user);
    if (!listed.ok) return refused(listed.problem, user);
    // Ids first: somebody could choose the id of another one as a label.
    const found = listed.value.find(({ id }) => id === wanted) ?? listed.value.find(({ label }) => label === wanted);
    const name = printable(formatUserName(user), 300);
    if (found === undefined) {
      complain(`${name} has no app password "${printable(wanted, 80)}" (user app-password list shows them)`);
      return EXIT.data;
    }
    const revoked = await chain.appPasswords.revoke(user, found.id);
    if (!revoked.ok) {
      complain(`Cannot revoke the app password "${printable(found.label)}" of ${name}: ${revoked.problem}`);
      return revoked.problem === "unavailable" ? EXIT.unavailable : EXIT.data;
    }
    await record(config, { what: "app-password.revoke", target: formatUserName(user), detail: describe(found) });
    print(`The app password "${printable(found.label)}" of ${name} is revoked`);
    return EXIT.ok;
  });
}

interface Opened {
  readonly user: UserName;
  readonly config: Config;
  readonly chain: OpenChain;
}

async function withChain(
  text: string,
  options: ConfigOption,
  work: (opened: Opened) => Promise<number>,
): Promise<number> {
  const config = await readConfigAsOwner(options);
  if (!config.ok) return config.problem;
  const user = readUserName(text, config.value);
  if (!user.ok) return user.problem;
  const opened = await openChain(config.value, (event) => {
    if (event.kind === "bug") complain(`${event.where}: ${event.text}`);
  });
  if (!opened.ok) {
    complain(opened.problem.message);
    return opened.problem.exit;
  }
  await using chain = opened.value;
  return await work({ user: user.value, config: config.value, chain });
}

function refused(refusal: AppPasswordRefusal, user: UserName): number {
  complain(`${printable(formatUserName(user), 300)}: ${explainRefusal(refusal)}`);
  switch (refusal.kind) {
    case "bad-label":
    case "bad-networks":
    case "bad-mechanisms":
    case "bad-expires":
      return EXIT.usage;
    case "label-taken":
    case "too-many":
      return EXIT.cannotCreate;
    case "unavailable":
      return EXIT.unavailable;
    case "no-lookup":
    case "required":
      return EXIT.config;
    case "unknown-account":
    case "not-allowed":
    case "bad-name":
      return EXIT.data;
  }
}

/** A time as it is, or a duration from now. */
function readExpiry(text: string | undefined, now: number): Result<string | null, void> {
  if (text === undefined) return succeed(null);
  const [, count, unit = ""] = /^(\d{1,6})\s*([a-z]+)$/.exec(text) ?? [];
  if (count === undefined) return succeed(text);
  const unitMs = UNITS_MS.get(unit);
  return unitMs === undefined ? fail(undefined) : succeed(new Date(now + Number(count) * unitMs).toISOString());
}

/** That it cannot be noted is a warning: the act is done. */
async function record(
  config: Config,
  act: { readonly what: string; readonly target: string; readonly detail: string },
): Promise<void> {
  const opened = openRecordsOf(config);
  if (!opened.ok) {
    complain(`Warning: this is not in the audit log: ${opened.problem.message}`);
    return;
  }
  await using records = opened.value;
  records.audit.add({ ...commandActor(), ...act }, Date.now());
}

function describe({ id, label }: Credential): string {
  return `${label} (${id})`;
}

/** Names fixed here, so that scripts can rely on them. */
function asJson(
  { id, label, networks, mechanisms, expires, created, lastUsed }: Credential,
): Readonly<Record<string, unknown>> {
  return { id, label, networks, mechanisms, expires, created, lastUsed };
}
