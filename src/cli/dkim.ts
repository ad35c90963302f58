/**
 * `dokodemo dkim`: keys that sign outgoing mail.
 *
 * @module
 */

import type { Command } from "commander";
import type { DkimConfig } from "../config/config.ts";
import { isSelector, listDomain, listDomains } from "../config/dkim_keys.ts";
import { nameServer } from "../config/mx.ts";
import { createResolver, type Resolver } from "../delivery/mx/resolver.ts";
import { toAscii } from "../lib/domain.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { printable } from "../lib/text.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { readConfigAsOwner } from "./configuration.ts";
import { makeKeys, setActive } from "./dkim_files.ts";
import { checkLines, checkRecords, exitOfCheck, type KeyRecord, recordsOf } from "./dkim_records.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";
import { reloadServer } from "./reload_server.ts";
import { formatTable } from "./table.ts";

interface DkimOptions extends ConfigOption {
  readonly selector?: string;
  readonly resolver?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

/**
 * Exit codes: 0; 64 for what is no domain or selector; 65 for keys that are not there or cannot be used, and for records that are wrong;
 * 73 and 77 where a file cannot be written; 75 where name servers do not answer; 78, also where the server refuses the configuration.
 */
export const command: CliCommand = { build };

function build(): Command {
  const dkim = newCommand("dkim", "Makes, shows, checks and changes the keys that sign outgoing mail (DKIM).");
  takesConfig(dkim.command("new <DOMAIN>"))
    .description(
      "make an RSA and an Ed25519 key, and print the DNS records to publish. Nothing is signed with them yet",
    )
    .option("--selector <SELECTOR>", "their name; default: year and month")
    .option("--json", "print JSON")
    .action(exits(make));
  takesConfig(dkim.command("show <DOMAIN>"))
    .description("print the DNS records of the keys of a domain")
    .option("--selector <SELECTOR>", "only these keys")
    .option("--json", "print JSON")
    .action(exits(show));
  takesResolver(takesConfig(dkim.command("check <DOMAIN>")))
    .description(
      "look the published records up and compare them with the keys; of the keys in use, where there are any",
    )
    .option("--selector <SELECTOR>", "of these keys")
    .option("--json", "print JSON")
    .action(exits(check));
  takesResolver(takesConfig(dkim.command("use <DOMAIN> <SELECTOR>")))
    .description("sign with these keys from now on, once their records are right")
    .option("--force", "without a look at the records")
    .action(exits(use));
  takesConfig(dkim.command("stop <DOMAIN>").description("sign no more for a domain; its keys stay")).action(
    exits(stop),
  );
  takesConfig(dkim.command("list").description("list the domains that have keys")).option("--json", "print JSON")
    .action(exits(list));
  return dkim;
}

function takesResolver(command: Command): Command {
  return command.option("--resolver <ADDRESS:PORT>", "the name server to ask; default: those of the system");
}

async function make(text: string, options: DkimOptions): Promise<number> {
  const selector = options.selector ?? new Date().toISOString().slice(0, 7);
  const opened = await open(text, { ...options, selector });
  if (!opened.ok) return opened.problem;
  const { domain, dkim: { folder } } = opened.value;
  const made = await makeKeys(folder, domain, selector);
  if (!made.ok) return refuse(made.problem);
  const records = await recordsOf(folder, domain, selector);
  if (!records.ok) return refuse(records.problem);
  if (options.json === true) return printJson(records.value);
  print(`Keys of ${domain} with the selector ${selector} are in ${folder}/${domain}. Publish both records:\n`);
  printRecords(records.value);
  print(
    `Then dokodemo dkim check ${domain} --selector ${selector} says whether they are there,\n` +
      `and dokodemo dkim use ${domain} ${selector} begins to sign.`,
  );
  return EXIT.ok;
}

async function show(text: string, options: DkimOptions): Promise<number> {
  const opened = await open(text, options);
  if (!opened.ok) return opened.problem;
  const { domain, dkim: { folder } } = opened.value;
  const records = await recordsOf(folder, domain, options.selector ?? null);
  if (!records.ok) return refuse(records.problem);
  if (options.json === true) return printJson(records.value);
  for (const [selector, ones] of Map.groupBy(records.value, (record) => record.selector)) {
    print(`Selector ${selector}${ones.some(({ inUse }) => inUse) ? ", in use" : ", not in use"}:\n`);
    printRecords(ones);
  }
  return EXIT.ok;
}

async function check(text: string, options: DkimOptions): Promise<number> {
  const opened = await open(text, options);
  if (!opened.ok) return opened.problem;
  const { domain, dkim: { folder }, resolver } = opened.value;
  const found = await listDomain(folder, domain);
  if (!found.ok) return refuse({ message: found.problem, exit: EXIT.data });
  const records = await recordsOf(folder, domain, options.selector ?? found.value.active);
  if (!records.ok) return refuse(records.problem);
  const checked = await checkRecords(records.value, resolver);
  if (options.json === true) {
    const rows = checked.map(({ record: { selector, kind, name }, outcome, faults }) => ({
      ...{ domain, selector, kind, name, outcome, faults },
    }));
    print(JSON.stringify(rows, null, 2));
  } else {
    for (const line of checkLines(checked)) print(line);
  }
  return exitOfCheck(checked);
}

async function use(text: string, selector: string, options: DkimOptions): Promise<number> {
  const opened = await open(text, { ...options, selector });
  if (!opened.ok) return opened.problem;
  const { domain, dkim, resolver, dataDir } = opened.value;
  const records = await recordsOf(dkim.folder, domain, selector);
  if (!records.ok) return refuse(records.problem);
  if (options.force !== true) {
    const checked = await checkRecords(records.value, resolver);
    for (const line of checkLines(checked)) print(line);
    const exit = exitOfCheck(checked);
    if (exit !== EXIT.ok) {
      return refuse({ message: "Nothing was changed: receivers could not verify the signatures (--force)", exit });
    }
  }
  const set = await setActive(dkim.folder, domain, selector);
  if (!set.ok) return refuse(set.problem);
  if (dkim.domains?.includes(domain) === false) {
    complain(`Note: ${domain} is not in [dkim] domains, so nothing is signed`);
  }
  return await reloadServer(dataDir, `Mail of ${domain} is signed with ${selector}`);
}

async function stop(text: string, options: DkimOptions): Promise<number> {
  const opened = await open(text, options);
  if (!opened.ok) return opened.problem;
  const { domain, dkim: { folder }, dataDir } = opened.value;
  const found = await listDomain(folder, domain);
  if (found.ok && found.value.active === null) {
    return refuse({ message: `Nothing is signed for ${domain}`, exit: EXIT.data });
  }
  const set = await setActive(folder, domain, null);
  if (!set.ok) return refuse(set.problem);
  return await reloadServer(dataDir, `Mail of ${domain} is not signed`);
}

async function list(options: DkimOptions): Promise<number> {
  const config = await readConfigAsOwner(options);
  if (!config.ok) return config.problem;
  const found = await listDomains(config.value.dkim.folder);
  if (!found.ok) return refuse({ message: found.problem, exit: EXIT.data });
  const rows = found.value.map(({ domain, active, selectors }) => ({ domain, in_use: active, selectors }));
  if (options.json === true) print(JSON.stringify(rows, null, 2));
  else if (rows.length === 0) print("There are no keys: dokodemo dkim new DOMAIN makes them");
  else {
    print(formatTable(rows, [
      { head: "DOMAIN", cell: ({ domain }) => domain },
      { head: "IN USE", cell: ({ in_use }) => in_use ?? "-" },
      { head: "SELECTORS", cell: ({ selectors }) => selectors.join(" ") },
    ]));
  }
  return EXIT.ok;
}

interface Opened {
  readonly domain: string;
  readonly dataDir: string;
  readonly dkim: DkimConfig;
  readonly resolver: Resolver;
}

/** What the words of the command line mean; the problem is the exit code. */
async function open(text: string, options: DkimOptions): Promise<Result<Opened, number>> {
  const domain = toAscii(text);
  if (domain === null || !domain.includes(".")) {
    return fail(refuse({ message: `"${printable(text, 80)}" is no domain of mail addresses`, exit: EXIT.usage }));
  }
  if (options.selector !== undefined && !isSelector(options.selector)) {
    const message = `"${
      printable(options.selector, 80)
    }" is no selector: expected letters in lower case, digits and "-"`;
    return fail(refuse({ message, exit: EXIT.usage }));
  }
  const server = options.resolver === undefined ? null : nameServer.safeParse(options.resolver);
  if (server?.success === false) {
    const message = `--resolver: ${server.error.issues[0]?.message ?? "expected an address"}`;
    return fail(refuse({ message, exit: EXIT.usage }));
  }
  const config = await readConfigAsOwner(options);
  if (!config.ok) return config;
  const { dkim, dataDir } = config.value;
  return succeed({ domain, dataDir, dkim, resolver: createResolver(server === null ? [] : [server.data]) });
}

function printJson(records: readonly KeyRecord[]): number {
  const rows = records.map(({ selector, inUse, kind, name, value, zone }) => ({
    ...{ selector, in_use: inUse, kind, name, value, zone },
  }));
  print(JSON.stringify(rows, null, 2));
  return EXIT.ok;
}

/** For a zone file, and for a form that asks for name and value. */
function printRecords(records: readonly KeyRecord[]): void {
  for (const { zone } of records) print(`${zone}\n`);
  print("The same where a form asks for name and value, as TXT:\n");
  for (const { name, value } of records) print(`${name}\n${value}\n`);
}

function refuse({ message, exit }: { readonly message: string; readonly exit: number }): number {
  complain(message);
  return exit;
}
