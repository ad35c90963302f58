/**
 * `dokodemo import`: accounts of other systems, so that nobody has to set a password anew.
 *
 * @module
 */

import type { Command } from "commander";
import { readableByOthers } from "../../backends/lib/account_file.ts";
import { canonicalName } from "../accounts/account_name.ts";
import { whyUnreadable } from "../lib/file_error.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { printable } from "../lib/text.ts";
import { parseUserName } from "../sasl/user_name.ts";
import { type AccountsOption, type OpenAccounts, warnOfRealm, withAccounts } from "./accounts.ts";
import { type CliCommand, exits, newCommand, takesConfig } from "./command.ts";
import { EXIT } from "./exit.ts";
import { importAccounts, type ImportOutcome } from "./import_accounts.ts";
import { exitOf, showImport } from "./import_report.ts";
import { readHtpasswd, readSasldb, readShadow, type ReadSource } from "./import_sources.ts";
import { type AccountAct, noteAccounts } from "./note_accounts.ts";
import { complain } from "./output.ts";
import { startProgress } from "./progress.ts";

interface ImportOption extends AccountsOption {
  readonly realm?: string;
  readonly overwrite?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly allowDes?: boolean;
}

/** Imports accounts. */
export const command: CliCommand = { build };

function build(): Command {
  const command = newCommand(
    "import",
    "Imports accounts of other systems into the account store. Accounts that are there stay as they are.",
  );
  const source = (usage: string, summary: string, realm: string) =>
    takesConfig(command.command(usage).description(summary))
      .option("--realm <REALM>", realm)
      .option("--overwrite", "give accounts that exist the password of the file")
      .option("--dry-run", "only show what would be done")
      .option("--json", "print JSON")
      .option("--backend <NAME>", "the account store, where there are several");
  const forBareNames = "the realm of names without one (default: default_realm)";
  const run = (read: ReadSource) => exits((file: string, options: ImportOption) => importFile(file, options, read));

  source(
    "sasldb <FILE>",
    "import Cyrus SASL's sasldb2, or the sasldb of SASL 1.5, with all mechanisms",
    "put the accounts into this realm instead of their own",
  ).action(run(readSasldb));
  for (const [usage, summary, read] of HASHED) {
    source(usage, summary, forBareNames)
      .option("--allow-des", "import DES hashes too, which see 8 characters of a password")
      .action(run(read));
  }
  return command;
}

const HASHED: readonly (readonly [usage: string, summary: string, read: ReadSource])[] = [
  ["shadow <FILE>", "import a file of the form of shadow(5); other mechanisms come with a login by PLAIN", readShadow],
  ["htpasswd <FILE>", "import a file of Apache's htpasswd; other mechanisms come with a login by PLAIN", readHtpasswd],
];

async function importFile(file: string, options: ImportOption, read: ReadSource): Promise<number> {
  // First of all: what only root may read cannot be read as the owner of data_dir.
  const octets = await readSource(file);
  if (!octets.ok) return octets.problem;
  if (options.realm !== undefined && parseUserName("x", { defaultRealm: options.realm }) === null) {
    complain(`Cannot use the realm "${printable(options.realm, 80)}": expected a domain`);
    return EXIT.usage;
  }
  return await withAccounts(options, (accounts) => importOctets(octets.value, { file, options, read, accounts }));
}

async function readSource(file: string): Promise<Result<Uint8Array<ArrayBuffer>, number>> {
  try {
    const octets = await Deno.readFile(file);
    if (await readableByOthers(file)) complain(`Warning: everybody can read the passwords in ${file}; chmod 600 it`);
    return succeed(octets);
  } catch (error) {
    complain(`Cannot read ${file}: ${whyUnreadable(error)}`);
    return fail(error instanceof Deno.errors.PermissionDenied ? EXIT.noPermission : EXIT.data);
  }
}

async function importOctets(
  octets: Uint8Array<ArrayBuffer>,
  { file, options, read, accounts }: {
    readonly file: string;
    readonly options: ImportOption;
    readonly read: ReadSource;
    readonly accounts: OpenAccounts;
  },
): Promise<number> {
  const { config, store } = accounts;
  const { realm, overwrite = false, dryRun = false, json = false, allowDes = false } = options;
  const { defaultRealm } = config;
  const source = read(octets, { realm, defaultRealm, allowDes, now: Date.now() });
  if (!source.ok) {
    complain(`Cannot read ${file}: ${source.problem}`);
    return EXIT.data;
  }
  const { items, leftOut } = source.value;
  if (!dryRun) {
    await noteAccounts(config, [{ what: "account.import", account: file, detail: `${items.length} accounts in it` }]);
  }
  using progress = startProgress(items.length, "accounts");
  const onDone = () => progress.step();
  const into = { store, defaultRealm: realm ?? defaultRealm, overwrite, dryRun, onDone };
  const outcomes = await importAccounts(items, into);
  progress[Symbol.dispose]();
  if (!dryRun) await noteAccounts(config, outcomes.flatMap((outcome) => actOf(outcome, file)));
  showImport({ outcomes, leftOut }, { json, dryRun, upgrades: config.sasl.upgradeImported });
  const users = outcomes.flatMap((outcome) => "user" in outcome ? [outcome.user] : []);
  for (const user of new Map(users.map((each) => [each.realm, each])).values()) warnOfRealm(user, accounts);
  return exitOf({ outcomes, leftOut });
}

function actOf(outcome: ImportOutcome, file: string): readonly AccountAct[] {
  if (outcome.kind !== "imported" && outcome.kind !== "replaced") return [];
  const what = outcome.kind === "imported" ? "account.add" : "account.password";
  return [{ what, account: canonicalName(outcome.user).name, detail: `imported from ${file}` }];
}
