/**
 * `dokodemo check`: every mistake of the configuration in one run.
 *
 * @module
 */

import { resolve } from "node:path";
import { BACKENDS } from "../../backends/registry.ts";
import type { Config } from "../config/config.ts";
import { configJsonSchema } from "../config/json_schema.ts";
import { loadConfig } from "../config/load.ts";
import { storeFile } from "./accounts.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { configFile } from "./config_file.ts";
import { EXIT } from "./exit.ts";
import { openChain } from "./open_chain.ts";
import { offerWarnings } from "./offer_warnings.ts";
import { becomeOwner } from "./owner.ts";
import { print } from "./output.ts";

interface CheckOptions extends ConfigOption {
  readonly json?: boolean;
  readonly schema?: boolean;
}

/** Checks the configuration and the files that it names. */
export const command: CliCommand = {
  build: () =>
    takesConfig(newCommand("check", "Checks the configuration and the files that it names, and lists all mistakes."))
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
  const mistakes = loaded.ok ? [] : loaded.mistakes;
  const warnings = loaded.ok ? [...loaded.warnings, ...await chainWarnings(loaded.config)] : [];
  const exit = loaded.ok ? EXIT.ok : EXIT.config;
  if (options.json === true) {
    const findings = [
      ...mistakes.map((text) => ({ level: "mistake", text })),
      ...warnings.map((text) => ({ level: "warning", text })),
    ];
    print(JSON.stringify(findings, null, 2));
    return exit;
  }
  for (const text of mistakes) print(`mistake: ${text}`);
  for (const text of warnings) print(`warning: ${text}`);
  print(loaded.ok ? `OK: ${file}` : `${mistakes.length} ${mistakes.length === 1 ? "mistake" : "mistakes"} in ${file}`);
  return exit;
}

/** What the backends say of the configuration. Where there is no data yet nothing is made only to be asked. */
async function chainWarnings(config: Config): Promise<readonly string[]> {
  const stores = config.backends.filter(({ type }) => type === "sasldb").map((store) =>
    resolve(config.dataDir, storeFile(store))
  );
  for (const file of [config.dataDir, ...stores]) {
    try {
      await Deno.stat(file);
    } catch (error) {
      const absent = error instanceof Deno.errors.NotFound;
      return absent
        ? []
        : [`data_dir: mechanisms and local recipients were not checked, since ${file} cannot be reached`];
    }
  }
  const owner = await becomeOwner(config.dataDir, config);
  const chain = owner.ok ? await openChain(config, () => {}) : owner;
  if (!chain.ok) return [`data_dir: ${chain.problem.message}`];
  await using open = chain.value;
  return offerWarnings(config, open.backends);
}
