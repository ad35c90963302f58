/**
 * `dokodemo admin`: who may administer by the pages and the API.
 *
 * @module
 */

import type { Command } from "commander";
import { addressKey, canonicalName, isAccountName, parseAddress } from "../accounts/account_name.ts";
import type { UserName } from "../backend.ts";
import type { Config } from "../config/config.ts";
import { printable } from "../lib/text.ts";
import type { Administrator } from "../records/records.ts";
import { factorUrl } from "../records/second_factor.ts";
import { type AccountsOption, explain, readUserName, warnOfRealm, withStore } from "./accounts.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { EXIT } from "./exit.ts";
import { findAccount } from "./find_account.ts";
import { complain, print } from "./output.ts";
import { obtainNewPassword } from "./prompt.ts";
import { commandActor, type OpenRecords, timeJson, timeText, withRecords } from "./records.ts";
import { formatTable } from "./table.ts";

interface NewOptions extends AccountsOption {
  readonly passwordStdin?: boolean;
}

/**
 * Makes, lists and removes administrators. Exit codes: 0; 65 for an account that nobody knows, or that is no administrator; 75 where a
 * backend that may know it is down.
 */
export const command: CliCommand = { build };

function build(): Command {
  const admin = newCommand("admin", "Makes, lists and removes administrators. A bare USER gets the default realm.");
  takesConfig(admin.command("new <USER@REALM>"))
    .description(
      "let an account administer, and print the secret of its second factor, which is shown this once. An account that no " +
        "backend knows is added to the account store. One that is an administrator already gets a new secret",
    )
    .option("--password-stdin", "read the password of an account that is added from standard input")
    .option("--backend <NAME>", "the account store to which it is added, where there are several")
    .action(exits(make));
  takesConfig(admin.command("list").description("list the administrators")).option("--json", "print JSON")
    .action(exits(list));
  takesConfig(admin.command("remove <USER@REALM>").description("take administration from an account, and keep it"))
    .action(exits(remove));
  return admin;
}

function make(text: string, options: NewOptions): Promise<number> {
  return withRecords(options, async (open) => {
    const { config } = open;
    const user = readUserName(text, config);
    if (!user.ok) return user.problem;
    const name = printable(canonicalName(user.value).name, 300);
    const found = await findAccount(config, user.value);
    switch (found.kind) {
      case "found":
        return enrol(found.account, open);
      case "unseen":
        complain(`Note: nobody can say whether ${name} exists: ${found.backends.join(", ")} cannot be asked for names`);
        return enrol(found.account, open);
      case "unavailable":
        complain(`Cannot find out whether ${name} exists: ${printable(found.cause, 500)}`);
        return EXIT.tempFail;
      case "unknown":
        return await addAndEnrol(user.value, { open, options });
    }
  });
}

async function addAndEnrol(
  user: UserName,
  { open, options }: { readonly open: OpenRecords; readonly options: NewOptions },
): Promise<number> {
  const { config, records } = open;
  const name = printable(canonicalName(user).name, 300);
  if (!config.backends.some(({ type }) => type === "sasldb")) {
    complain(`There is no account ${name}, and no account store to add it to`);
    return EXIT.data;
  }
  return await withStore(config, options, async (accounts) => {
    // Before the two prompts, so that nobody types a password for nothing.
    if (!isAccountName(user)) return explain("bad-name", user);
    complain(`No backend knows ${name}: it is added to ${accounts.section.name}`);
    const password = obtainNewPassword(options);
    if (!password.ok) return password.problem;
    const added = await accounts.store.add(user, password.value);
    if (!added.ok) return explain(added.problem, user);
    records.audit.add({ ...commandActor(), what: "account.add", target: added.value.name }, Date.now());
    print(`${name} added`);
    warnOfRealm(user, accounts);
    return enrol(added.value.name, open);
  });
}

function enrol(account: string, { config, records }: OpenRecords): number {
  const [again, now] = [records.administrators.has(account), Date.now()];
  const { secret } = records.administrators.enrol(account, now);
  const what = again ? "administrator.secret" : "administrator.add";
  records.audit.add({ ...commandActor(), what, target: account }, now);
  const name = printable(account, 300);
  print(again ? `${name} has a new secret; the old one is worth nothing now` : `${name} is an administrator`);
  print(`secret: ${secret}`);
  print(`url:    ${factorUrl({ secret, account, issuer: `dokodemo ${config.hostname}` })}`);
  print(
    "Put either into an authenticator app now, they are shown this once: after the password the pages ask for its code.",
  );
  return EXIT.ok;
}

function list(options: ConfigOption & { readonly json?: boolean }): Promise<number> {
  return withRecords(options, ({ records }) => {
    const administrators = records.administrators.list();
    if (options.json === true) {
      const rows = administrators.map(({ account, created }) => ({ account, created: timeJson(created) }));
      print(JSON.stringify(rows, null, 2));
    } else {
      print(formatTable(administrators, [
        { head: "ACCOUNT", cell: ({ account }) => account },
        { head: "SINCE", cell: ({ created }) => timeText(created).slice(0, 10) },
      ]));
    }
    return EXIT.ok;
  });
}

function remove(text: string, options: ConfigOption): Promise<number> {
  return withRecords(options, ({ config, records }) => {
    const user = readUserName(text, config);
    if (!user.ok) return user.problem;
    const account = named(user.value, records.administrators.list(), config);
    if (account === null || !records.administrators.remove(account)) {
      complain(`${printable(canonicalName(user.value).name, 300)} is no administrator (admin list shows who is one)`);
      return EXIT.data;
    }
    records.audit.add({ ...commandActor(), what: "administrator.remove", target: account }, Date.now());
    print(`${printable(account, 300)} is no administrator any more; the account is kept`);
    return EXIT.ok;
  });
}

/** The administrator of this name; where names are compared without case also one in other letters. */
function named(
  user: UserName,
  administrators: readonly Administrator[],
  { sasl: { userCaseSensitive } }: Pick<Config, "sasl">,
): string | null {
  const { name } = canonicalName(user);
  const alike = administrators.map(({ account }) => account).filter((account) => keyOf(account) === addressKey(user));
  if (alike.includes(name)) return name;
  return userCaseSensitive ? null : alike[0] ?? null;
}

function keyOf(account: string): string {
  const address = parseAddress(account);
  return address === null ? account : addressKey(address);
}
