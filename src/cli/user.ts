/**
 * `dokodemo user`: the accounts of the account store.
 *
 * @module
 */

import type { Command } from "commander";
import { canonicalName } from "../accounts/account_name.ts";
import type { AccountAdmin, AccountProblem, AccountRecord, AddressProblem } from "../accounts/account_store.ts";
import { MOST_ADDRESSES } from "../accounts/sqlite_account_store.ts";
import { hasExpired } from "../auth/scope.ts";
import type { UserName } from "../backend.ts";
import { fail, type Result } from "../lib/result.ts";
import type { Config } from "../config/config.ts";
import { printable } from "../lib/text.ts";
import { sendsAs } from "../policy/sender.ts";
import type { StaleClient } from "../records/records.ts";
import {
  type AccountsOption,
  explain,
  type OpenAccounts,
  readUserName,
  warnOfRealm,
  withAccounts,
} from "./accounts.ts";
import { addAppPasswordCommands } from "./app_password.ts";
import { type CliCommand, exits, newCommand, takesConfig } from "./command.ts";
import { EXIT } from "./exit.ts";
import { type AccountAct, noteAccounts } from "./note_accounts.ts";
import { complain, print } from "./output.ts";
import { obtainNewPassword } from "./prompt.ts";
import { openRecordsOf, staleClientJson, timeText } from "./records.ts";
import { forgetLimits, removeByServer } from "./removal.ts";
import { countText } from "./size_text.ts";
import { formatTable } from "./table.ts";

interface PasswordOption extends AccountsOption {
  readonly forgetOld?: boolean;
  readonly passwordStdin?: boolean;
}

interface JsonOption extends AccountsOption {
  readonly json?: boolean;
}

/** What is told of an account beside its record. */
interface Known {
  readonly sendsAs: readonly string[];
  readonly staleClients: readonly StaleClient[];
}

/** Adds, lists, changes and deletes accounts. */
export const command: CliCommand = { build };

function build(): Command {
  const user = newCommand("user", "Adds, lists, changes and deletes accounts. A bare USER gets the default realm.");
  const add = (usage: string, summary: string) =>
    takesConfig(user.command(usage).description(summary)).option(
      "--backend <NAME>",
      "the account store, where there are several",
    );
  const password = (usage: string, summary: string) =>
    add(usage, summary).option("--password-stdin", "read the password from standard input, up to the first line end");

  password("add <USER@REALM>", "add an account").action(
    exits((name: string, options: PasswordOption) => withPassword(name, options, { verb: "add", done: "added" })),
  );
  password("passwd <USER@REALM>", "set the password of an account")
    .option("--forget-old", "do not recognise the old password any more: for one that somebody has stolen").action(
      exits((name: string, options: PasswordOption) =>
        withPassword(name, options, { verb: "setPassword", done: "has a new password" })
      ),
    );
  add("list", "list the accounts").option("--realm <REALM>", "only those of one realm").option("--json", "print JSON")
    .action(exits(list));
  add("show <USER@REALM>", "show what is known of an account").option("--json", "print JSON").action(exits(show));
  add("disable <USER@REALM>", "refuse every login to an account, and keep it").action(
    exits((name: string, options: AccountsOption) =>
      change(name, options, {
        ...{ make: (store, user) => store.setDisabled(user, true), done: "is disabled", act: "account.disable" },
      })
    ),
  );
  add("enable <USER@REALM>", "let a disabled account log in again").action(
    exits((name: string, options: AccountsOption) =>
      change(name, options, {
        ...{ make: (store, user) => store.setDisabled(user, false), done: "is enabled", act: "account.enable" },
      })
    ),
  );
  add("addresses <USER@REALM> [ADDRESS...]", "set what an account may send as beside its name: addresses, @domain or *")
    .option("--none", "nothing but its name")
    .action(exits(setAddresses));
  add("delete <USER@REALM>", "delete an account").action(exits(remove));
  addAppPasswordCommands(user);
  return user;
}

function withPassword(
  name: string,
  options: PasswordOption,
  { verb, done }: { readonly verb: "add" | "setPassword"; readonly done: string },
): Promise<number> {
  return change(name, options, {
    done,
    act: verb === "add" ? "account.add" : "account.password",
    warns: true,
    make: async (store, user) => {
      // Before the two prompts, so that nobody types a password for nothing.
      const known = await store.show(user) !== null;
      if (verb === "add" && known) return { ok: false, problem: "exists" };
      if (verb === "setPassword" && !known) return { ok: false, problem: "unknown-account" };
      const password = obtainNewPassword(options);
      if (!password.ok) return password;
      const { forgetOld = false } = options;
      return verb === "add"
        ? await store.add(user, password.value)
        : await store.setPassword(user, password.value, { forgetOld });
    },
  });
}

/** A problem that is a number has been told: it is the exit code. */
function change(
  text: string,
  options: AccountsOption,
  { make, done, act, detail = "", warns = false }: {
    readonly make: (store: AccountAdmin, user: UserName) => Promise<Result<unknown, AccountProblem | number>>;
    readonly done: string;
    /** What it is in the audit log. */
    readonly act: AccountAct["what"];
    readonly detail?: string;
    /** Whether to warn of a realm in which nobody can log in. */
    readonly warns?: boolean;
  },
): Promise<number> {
  return withAccounts(options, async (accounts) => {
    const { config, store } = accounts;
    const user = readUserName(text, config);
    if (!user.ok) return user.problem;
    const { name } = await store.show(user.value) ?? canonicalName(user.value);
    const made = await make(store, user.value);
    if (!made.ok) return typeof made.problem === "number" ? made.problem : explain(made.problem, user.value);
    print(`${printable(`${user.value.local}@${user.value.realm}`, 300)} ${done}`);
    if (warns) warnOfRealm(user.value, accounts);
    await noteAccounts(config, [{ what: act, account: name, detail }]);
    return EXIT.ok;
  });
}

function setAddresses(
  text: string,
  addresses: readonly string[],
  options: AccountsOption & { readonly none?: boolean },
): Promise<number> | number {
  if ((addresses.length === 0) !== (options.none === true)) {
    complain("Expected the addresses that it is to have from now on, or --none");
    return EXIT.usage;
  }
  return change(text, options, {
    ...{ done: "has new addresses", act: "account.addresses", detail: addresses.join(" ") },
    make: async (store, user) => {
      const set = await store.setAddresses(user, addresses);
      return set.ok ? set : fail(explainAddresses(set.problem, user));
    },
  });
}

/** Tells what is wrong with addresses; the result is the exit code. */
function explainAddresses(problem: AddressProblem, user: UserName): number {
  switch (problem.kind) {
    case "unknown-account":
      return explain(problem.kind, user);
    case "too-many":
      complain(`An account has ${MOST_ADDRESSES} addresses at most`);
      return EXIT.usage;
    case "bad-address":
      complain(
        `"${printable(problem.address, 320)}" is no address: expected one such as info@example.jp, @example.jp or *`,
      );
      return EXIT.usage;
    case "taken":
      complain(`"${printable(problem.address, 320)}" is the name or an address of another account`);
      return EXIT.cannotCreate;
  }
}

function remove(text: string, options: AccountsOption): Promise<number> {
  return withAccounts(options, async ({ config, store, section }) => {
    const user = readUserName(text, config);
    if (!user.ok) return user.problem;
    const shown = await store.show(user.value);
    if (shown === null) return explain("unknown-account", user.value);
    const { name } = shown;
    const served = await removeByServer(config, { of: "accounts", name, backend: section.name });
    // The server may have been started with another store.
    if (!served || await store.show(user.value) !== null) {
      const removed = await store.remove(user.value);
      if (!removed.ok) return explain(removed.problem, user.value);
      await forgetLimits(config, name);
      await noteAccounts(config, [{ what: "account.delete", account: name }]);
    }
    print(`${printable(`${user.value.local}@${user.value.realm}`, 300)} is deleted`);
    return EXIT.ok;
  });
}

function list(options: JsonOption & { readonly realm?: string }): Promise<number> {
  return withAccounts(options, async ({ store }) => {
    const records = await store.list(options.realm === undefined ? {} : { realm: options.realm });
    if (options.json === true) {
      print(JSON.stringify(records.map((record) => asJson(record)), null, 2));
      return EXIT.ok;
    }
    print(formatTable(records, [
      { head: "ACCOUNT", cell: ({ name }) => name },
      { head: "STATE", cell: ({ disabled }) => disabled ? "disabled" : "active" },
      { head: "CHANGED", cell: ({ changed }) => changed.slice(0, 10) },
      { head: "LAST LOGIN", cell: (record) => lastUse(record)?.slice(0, 10) ?? "never" },
    ]));
    return EXIT.ok;
  });
}

function show(text: string, options: JsonOption): Promise<number> {
  return withAccounts(options, async (accounts: OpenAccounts) => {
    const { config, store } = accounts;
    const user = readUserName(text, config);
    if (!user.ok) return user.problem;
    const record = await store.show(user.value);
    if (record === null) return explain("unknown-account", user.value);
    const known: Known = { sendsAs: sendersOf(record, accounts), staleClients: await staleClientsOf(record, config) };
    const told = options.json === true ? JSON.stringify([asJson(record, known)], null, 2) : describe(record, known);
    print(told);
    warnOfRealm(user.value, accounts);
    return EXIT.ok;
  });
}

/** Without the aliases file, which only the server has at hand. */
function sendersOf(
  { name, addresses, groups }: AccountRecord,
  { config, section }: { readonly config: Config; readonly section: { readonly name: string } },
): readonly string[] {
  const { recipientDelimiter } = config.sender;
  const account = { name, addresses, groups, backend: section.name, attributes: {} };
  return sendsAs(account, { ...config, recipientDelimiter, aliases: null });
}

/** Clients that still log in with a password of before; of records that cannot be read, none. */
async function staleClientsOf(
  { name }: Pick<AccountRecord, "name">,
  config: Pick<Config, "dataDir">,
): Promise<readonly StaleClient[]> {
  const opened = openRecordsOf(config);
  if (!opened.ok) return [];
  await using records = opened.value;
  return records.authentications.staleClients(name);
}

function describe(record: AccountRecord, { sendsAs: senders, staleClients }: Known): string {
  const { name, disabled, created, changed, addresses, groups, schemes, legacyVerifiers, imported, missingRealms } =
    record;
  const mechanisms = ["PLAIN", "LOGIN", ...schemes.map((scheme) => scheme.toUpperCase())];
  const lines: (readonly [string, string])[] = [
    ["account", name],
    ["state", disabled ? "disabled" : "active"],
    ["addresses", addresses.join(", ")],
    ["sends as", senders.join(", ")],
    ["groups", groups.join(", ")],
    ["created", created],
    ["changed", changed],
    ["last login", lastUse(record) ?? "never"],
    ["mechanisms", mechanisms.join(", ")],
    ["weak verifiers", legacyVerifiers ? "stored: CRAM-MD5 and DIGEST-MD5 need them (legacy_verifiers)" : "none"],
  ];
  if (imported) {
    lines.push([
      "imported",
      "the hash of another system: other mechanisms come with a login by PLAIN or a new password",
    ]);
  }
  if (missingRealms.length > 0) {
    lines.push(["set anew", `DIGEST-MD5 with realm ${missingRealms.join(", ")} works once the password is set again`]);
  }
  const now = Date.now();
  for (const { kind, label, networks, mechanisms, expires, lastUsed } of record.credentials) {
    if (kind !== "app-password") continue;
    const scope = [...networks, ...mechanisms ?? []].join(", ");
    const ends = expires === null ? "" : `, ${hasExpired({ expires }, now) ? "expired" : "expires"} ${expires}`;
    const used = `last used ${lastUsed ?? "never"}`;
    lines.push(["app password", `"${label}"${scope === "" ? "" : ` for ${scope}`}${ends}, ${used}`]);
  }
  for (const { remote, mechanism, times, last } of staleClients) {
    lines.push([
      "old password",
      `still at ${remote} (${mechanism}), ${countText(times, "login")}, last ${timeText(last)}`,
    ]);
  }
  return lines.filter(([, value]) => value !== "").map(([head, value]) =>
    `${`${head}:`.padEnd(16)}${printable(value, 1000)}`
  )
    .join("\n");
}

function lastUse({ credentials }: AccountRecord): string | null {
  return credentials.reduce<string | null>((latest, { lastUsed }) => {
    return lastUsed !== null && (latest === null || lastUsed > latest) ? lastUsed : latest;
  }, null);
}

/** Names fixed here, so that scripts can rely on them. */
function asJson(record: AccountRecord, known?: Known): Readonly<Record<string, unknown>> {
  const { name, disabled, created, changed, addresses, groups, schemes, legacyVerifiers, imported, missingRealms } =
    record;
  const credentials = record.credentials.map(
    ({ id, kind, label, networks, mechanisms, expires, created, lastUsed }) => {
      return { id, kind, label, networks, mechanisms, expires, created, lastUsed };
    },
  );
  return {
    account: name,
    disabled,
    created,
    changed,
    lastUsed: lastUse(record),
    addresses,
    groups,
    schemes,
    legacyVerifiers,
    imported,
    missingRealms,
    credentials,
    ...known !== undefined && { sendsAs: known.sendsAs, staleClients: known.staleClients.map(staleClientJson) },
  };
}
