/**
 * The account store, for commands. They open the file themselves: SQLite takes care of several processes, and a running server sees
 * each change at the next login.
 *
 * @module
 */

import { resolve } from "node:path";
import { z } from "zod";
import type { AccountAdmin, AccountProblem } from "../accounts/account_store.ts";
import type { DatabaseProblem } from "../accounts/database.ts";
import { openAccountStore, type SqliteAccountStore } from "../accounts/sqlite_account_store.ts";
import { canonicalRealm, realmSet, servedRealms } from "../auth/members.ts";
import type { UserName } from "../backend.ts";
import type { BackendConfig, Config } from "../config/config.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { printable } from "../lib/text.ts";
import { parseUserName } from "../sasl/user_name.ts";
import type { ConfigOption } from "./command.ts";
import { readConfigAsOwner } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { createForeignVerifier } from "./foreign_hash.ts";
import { complain } from "./output.ts";

/** Options of each command that changes or lists accounts. */
export interface AccountsOption extends ConfigOption {
  /** The section, where `pwcheck_method` names more than one of type sasldb. */
  readonly backend?: string;
}

/** What such a command works with. */
export interface OpenAccounts {
  readonly config: Config;
  /** The section of the store. */
  readonly section: BackendConfig;
  readonly store: AccountAdmin;
}

const SASLDB_OPTIONS = z.object({ file: z.string() });

/** Why the store cannot be used: the sentence and the exit code. */
export interface StoreProblem {
  readonly message: string;
  readonly exit: number;
}

/** Opens the accounts for the time of `work`, whose result is the exit code. A problem is told. */
export async function withAccounts(
  options: AccountsOption,
  work: (accounts: OpenAccounts) => Promise<number>,
): Promise<number> {
  const config = await readConfigAsOwner(options);
  return config.ok ? await withStore(config.value, options, work) : config.problem;
}

/** The same where the configuration has been read and this process is the owner of `data_dir`. */
export async function withStore(
  config: Config,
  { backend }: Pick<AccountsOption, "backend">,
  work: (accounts: OpenAccounts) => Promise<number>,
): Promise<number> {
  const chosen = chooseStore(config, backend);
  if (!chosen.ok) return told(chosen.problem);
  const opened = openStore(config, chosen.value);
  if (!opened.ok) return told(opened.problem);
  await using store = opened.value;
  return await work({ config, section: chosen.value, store });
}

/** Warns of a realm in which nobody can log in to this store. */
export function warnOfRealm({ realm }: UserName, { config, section }: Pick<OpenAccounts, "config" | "section">): void {
  const name = printable(realm, 255);
  if (servedRealms(config)?.has(canonicalRealm(realm)) === false) {
    complain(`Warning: nobody in the realm ${name} can log in, since sasl.realms does not name it`);
  } else if (realmSet(section.realms)?.has(canonicalRealm(realm)) === false) {
    complain(`Warning: nobody in the realm ${name} can log in, since backend.${section.name}.realms does not name it`);
  }
}

/** Opens the account store of a backend of type sasldb, or makes an empty one where there is none. */
export function openStore(config: Config, backend: BackendConfig): Result<SqliteAccountStore, StoreProblem> {
  const { rememberPreviousDays } = config.guessing;
  const { defaultRealm, dataDir, sasl: { realms, legacyVerifiers, userCaseSensitive, upgradeImported } } = config;
  const settings = { defaultRealm, realms, legacyVerifiers, userCaseSensitive, upgradeImported, rememberPreviousDays };
  const options = { ...settings, now: Date.now, verifyForeign: createForeignVerifier() };
  const opened = openAccountStore(resolve(dataDir, storeFile(backend)), options);
  if (opened.ok) return opened;
  const { kind, message } = opened.problem;
  return fail({ message, exit: EXIT_OF_DATABASE[kind] });
}

/** The file of a backend of type sasldb, as its section has it. */
export function storeFile({ options }: BackendConfig): string {
  return SASLDB_OPTIONS.parse(options).file;
}

/** Reads a name as a client would give it. */
export function readUserName(text: string, { defaultRealm }: Config): Result<UserName, number> {
  const name = parseUserName(text, { defaultRealm });
  if (name !== null) return succeed(name);
  complain(`Cannot use the name "${printable(text, 80)}": expected USER@REALM`);
  return fail(EXIT.usage);
}

/** Tells why a change could not be made, and gives the exit code. */
export function explain(problem: AccountProblem, name: UserName): number {
  const account = printable(`${name.local}@${name.realm}`, 300);
  switch (problem) {
    case "exists":
      complain(`Cannot add ${account}: the account exists (user passwd changes its password)`);
      return EXIT.cannotCreate;
    case "unknown-account":
      complain(`There is no account ${account}`);
      return EXIT.data;
    case "bad-name":
      complain(`Cannot add ${account}: a name has 1 to 64 octets, no space, no "/" or "@" and no leading dot`);
      return EXIT.data;
    case "bad-password":
      complain("Cannot take the password: it is empty or has characters that SASLprep (RFC 4013) forbids");
      return EXIT.data;
  }
}

/** The exit code for a file that cannot be used. */
export const EXIT_OF_DATABASE: Readonly<Record<DatabaseProblem["kind"], number>> = {
  damaged: EXIT.data,
  newer: EXIT.config,
  io: EXIT.unavailable,
};

function told({ message, exit }: StoreProblem): number {
  complain(message);
  return exit;
}

function chooseStore({ backends }: Config, wanted: string | undefined): Result<BackendConfig, StoreProblem> {
  const stores = backends.filter(({ type, name }) => type === "sasldb" && (wanted === undefined || name === wanted));
  const [store] = stores;
  if (store === undefined) {
    const which = wanted === undefined ? "a backend" : `the backend "${printable(wanted, 40)}"`;
    const message = `sasl.pwcheck_method does not name ${which} of type sasldb, so there are no accounts to manage`;
    return fail({ message, exit: EXIT.config });
  }
  if (stores.length === 1) return succeed(store);
  const names = stores.map(({ name }) => name).join(", ");
  return fail({ message: `There are several account stores: choose one with --backend (${names})`, exit: EXIT.usage });
}
