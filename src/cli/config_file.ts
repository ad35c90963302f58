/**
 * Which configuration file is meant.
 *
 * @module
 */

import { DEFAULT_CONFIG_FILE } from "../config/data_dir.ts";
import type { ConfigOption } from "./command.ts";

/** The file that the command line, the environment or the default names. */
export function configFile({ config }: ConfigOption): string {
  return config ?? Deno.env.get("DOKODEMO_CONFIG") ?? DEFAULT_CONFIG_FILE;
}
