/**
 * The configuration, for commands.
 *
 * @module
 */

import { BACKENDS } from "../../backends/registry.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import type { ConfigOption } from "./command.ts";
import { configFile } from "./config_file.ts";
import { EXIT } from "./exit.ts";
import { complain } from "./output.ts";
import { becomeOwner } from "./owner.ts";

/**
 * Reads the configuration. The problem is the exit code; all mistakes have been told. With `files: false` the files that it names are
 * not looked at.
 */
export async function readConfig(
  options: ConfigOption,
  { files = true }: { readonly files?: boolean } = {},
): Promise<Result<Config, number>> {
  const file = configFile(options);
  const loaded = await loadConfig(file, BACKENDS, { files });
  if (loaded.ok) return succeed(loaded.config);
  complain(`Cannot use the configuration ${file}:`);
  for (const mistake of loaded.mistakes) complain(mistake);
  return fail(EXIT.config);
}

/** Reads the configuration and becomes the owner of `data_dir`. For commands that touch files there, and no others. */
export async function readConfigAsOwner(options: ConfigOption): Promise<Result<Config, number>> {
  const config = await readConfig(options, { files: false });
  if (!config.ok) return config;
  const owner = await becomeOwner(config.value.dataDir, config.value);
  if (owner.ok) return config;
  complain(owner.problem.message);
  return fail(owner.problem.exit);
}
