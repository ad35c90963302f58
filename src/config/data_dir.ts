/**
 * Where configuration and data are when nothing else is said. Apart from the rest of the configuration for commands of people who
 * may not read all of it.
 *
 * @module
 */

import { dirname, resolve } from "node:path";
import { parse } from "smol-toml";

/** Where the configuration is when nothing else is said. */
export const DEFAULT_CONFIG_FILE = "/etc/dokodemo/dokodemo.toml";
/** Where the data is when nothing else is said. */
export const DEFAULT_DATA_DIR = "/var/lib/dokodemo";

/** `data_dir` of a file that need not be right otherwise; `null` where it cannot be read. */
export async function readDataDir(path: string): Promise<string | null> {
  try {
    const { data_dir: dataDir = DEFAULT_DATA_DIR } = parse(await Deno.readTextFile(path));
    return typeof dataDir === "string" ? resolve(dirname(resolve(path)), dataDir) : null;
  } catch {
    return null;
  }
}
