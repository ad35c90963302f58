/**
 * `dokodemo check`: every mistake of the configuration in one run.
 *
 * @module
 */

import { resolve } from "node:path";
import { BACKENDS } from "../../backends/registry.ts";
import type { BackendConfig, Config } from "../config/config.ts";
import { configJsonSchema } from "../config/json_schema.ts";
import { loadConfig } from "../config/load.ts";
import { accountWarnings, realmWarnings } from "./account_warnings.ts";
import { storeFile } from "./accounts.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { configFile } from "./config_file.ts";
import { probeBackend } from "./connect.ts";
import { EXIT } from "./exit.ts";
import { limitHints } from "./limit_hints.ts";
import { offerWarnings } from "./offer_warnings.ts";
import { openBackends } from "./open_chain.ts";
import { becomeOwner } from "./owner.ts";
import { print } from "./output.ts";

interface CheckOptions extends ConfigOption {
  readonly connect?: boolean;
  readonly json?: boolean;
  readonly schema?: boolean;
}

/** One thing found: a line, and an object with `--json`. */
interface Finding {
  readonly level: "mistake" | "warning" | "hint" | "reached" | "unreachable";
  readonly text: string;
}

/** Checks the configuration and the files that it names. */
export const command: CliCommand = {
  build: () =>
    takesConfig(newCommand("check", "Checks the configuration and the files that it names, and lists all mistakes."))
      .option("--connect", "also ask each backend whether it can be reached")
      .option("--json", "print one array of objects with level and text")
      .option("--schema", "print a JSON Schema of the configuration, for editors")
      .action(exits(check)),
};

async function check(options: CheckOptions): Promise<number> {
  if (options.schema === true) {
    print(JSON.stringify(configJsonSchema(BACKENDS), null, 2));
    return EXIT.ok;
  }
  const file = configFile(options);
  const loaded = await loadConfig(file, BACKENDS);
  const findings = loaded.ok
    ? [...loaded.warnings.map(warning), ...await backendFindings(loaded.config, options)]
    : loaded.mistakes.map(mistake);
  const count = (level: Finding["level"]) => findings.filter((each) => each.level === level).length;
  const [mistakes, unreachable] = [count("mistake"), count("unreachable")];
  if (options.json === true) print(JSON.stringify(findings, null, 2));
  else {
    for (const { level, text } of findings) print(`${level}: ${text}`);
    if (mistakes > 0) print(`${mistakes} ${mistakes === 1 ? "mistake" : "mistakes"} in ${file}`);
    else print(unreachable === 0 ? `OK: ${file}` : `${file} is right, but not every backend can be reached`);
  }
  if (mistakes > 0) return EXIT.config;
  return unreachable > 0 ? EXIT.unavailable : EXIT.ok;
}

/** What the backends say of the configuration, and of themselves. Where there is no data yet nothing is made only to be asked. */
async function backendFindings(config: Config, { connect = false }: CheckOptions): Promise<readonly Finding[]> {
  const absent = new Map<BackendConfig, string>();
  for (const section of config.backends.filter(({ type }) => type === "sasldb")) {
    for (const file of [config.dataDir, resolve(config.dataDir, storeFile(section))]) {
      const state = await stateOf(file);
      if (state === "hidden") {
        return [warning(`data_dir: mechanisms and local recipients were not checked, since ${file} cannot be reached`)];
      }
      if (state === "absent") absent.set(section, file);
    }
  }
  const owner = await stateOf(config.dataDir) === "there" ? await becomeOwner(config.dataDir, config) : null;
  if (owner?.ok === false) return [warning(`data_dir: ${owner.problem.message}`)];
  await using open = await openBackends(config, config.backends.filter((section) => !absent.has(section)));
  const findings = open.problems.map(({ message, exit }) =>
    exit === EXIT.config ? mistake(message) : warning(`data_dir: ${message}`)
  );
  if (open.backends.length === config.backends.length) {
    findings.push(...offerWarnings(config, open.backends).map(warning));
    findings.push(...realmWarnings(config, open.backends).map(warning));
  }
  const stores = config.backends.filter((section) => section.type === "sasldb" && !absent.has(section));
  findings.push(...(await accountWarnings(config, stores)).map(warning));
  const hints = owner === null ? [] : await limitHints(config);
  findings.push(...hints.map((text): Finding => ({ level: "hint", text })));
  if (!connect) return findings;
  const deadlines = new Map(config.backends.map(({ name, deadlineMs }) => [name, deadlineMs]));
  const probed = await Promise.all(open.backends.map((each) => probeBackend(each, deadlines.get(each.name) ?? 0)));
  findings.push(...probed.map(({ backend, ms, problem }): Finding => {
    return problem === null
      ? { level: "reached", text: `backend ${backend} in ${ms} ms` }
      : { level: "unreachable", text: `backend ${backend} after ${ms} ms: ${problem}` };
  }));
  for (const [{ name }, file] of absent) {
    findings.push({ level: "unreachable", text: `backend ${name}: there is no ${file} yet` });
  }
  return findings;
}

async function stateOf(file: string): Promise<"there" | "absent" | "hidden"> {
  try {
    await Deno.stat(file);
    return "there";
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? "absent" : "hidden";
  }
}

function mistake(text: string): Finding {
  return { level: "mistake", text };
}

function warning(text: string): Finding {
  return { level: "warning", text };
}
