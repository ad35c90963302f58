/**
 * Reads the configuration: every mistake in one run, or the whole with its defaults.
 *
 * @module
 */

import { dirname, resolve } from "node:path";
import { decodeUtf8 } from "../lib/octets.ts";
import { NO_ACCESS_CONTENTS } from "./access_files.ts";
import { NO_MASQUERADE_CONTENTS } from "./masquerade_files.ts";
import { completeConfig } from "./complete.ts";
import type { Config } from "./config.ts";
import { type FileContents, type Findings, readableByOthers, readFiles } from "./files.ts";
import { isTable, showPath } from "./keys.ts";
import { secretsIn, showMistake } from "./mistakes.ts";
import {
  type BackendModules,
  type BackendSections,
  type ChainLink,
  expandChain,
  parseToml,
  readBackends,
  readChain,
  readSections,
  type Sections,
} from "./sections.ts";
import { whyUnreadable } from "../lib/file_error.ts";

export { DEFAULT_CONFIG_FILE, DEFAULT_DATA_DIR, readDataDir } from "./data_dir.ts";

/** The configuration, or all that is wrong with it; each mistake begins with its key as in the file. */
export type LoadedConfig =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly mistakes: readonly string[] };

/**
 * Reads and checks a configuration file and, unless `files` is false, the files that it names: without them an account can be disabled
 * while a certificate is missing, and nothing is known of the domains and the login that stand in files.
 */
export async function loadConfig(
  path: string,
  modules: BackendModules,
  { files = true }: { readonly files?: boolean } = {},
): Promise<LoadedConfig> {
  const file = resolve(path);
  let text: string | null;
  try {
    text = decodeUtf8(await Deno.readFile(file));
  } catch (error) {
    return { ok: false, mistakes: [`Cannot read ${file}: ${whyUnreadable(error)}`] };
  }
  // Else a name in another encoding would become another name.
  if (text === null) return { ok: false, mistakes: [`Cannot read ${file}: it is not UTF-8`] };
  const folder = dirname(file);
  const found: Findings = { mistakes: [], warnings: [] };
  const parts = readParts(text, modules, found);
  const contents = !files ? NO_CONTENTS : await readFiles(parts.tree, {
    at: (named) => resolve(folder, named),
    hostname: parts.sections.hostname,
    now: Date.now(),
  }, found);
  const secrets = secretsIn(parts.tree);
  if (secrets.length > 0 && await readableByOthers(file)) {
    found.warnings.push(
      ...secrets.map((secret) => `${showPath(secret)}: everybody can read this file, and a secret is in it`),
    );
  }
  return conclude({ ...parts, contents, folder }, found);
}

/** Checks the text of a configuration, without a look at any file. `folder` is where the text would be. */
export function checkConfig(
  text: string,
  options: { readonly folder: string; readonly modules: BackendModules; readonly contents?: FileContents },
): LoadedConfig {
  const found: Findings = { mistakes: [], warnings: [] };
  const parts = readParts(text, options.modules, found);
  const contents = options.contents ?? NO_CONTENTS;
  return conclude({ ...parts, contents, folder: options.folder }, found);
}

/** What is known of files that were not read. */
export const NO_CONTENTS: FileContents = {
  localDomains: [],
  smarthostAuth: null,
  routeAuths: [],
  aliases: { has: () => true },
  webhookSecrets: [],
  dkimKeys: null,
  access: NO_ACCESS_CONTENTS,
  masquerade: NO_MASQUERADE_CONTENTS,
};

interface Parts {
  readonly tree: unknown;
  readonly syntax: boolean;
  readonly sections: Sections;
  readonly hasLocalDelivery: boolean;
  readonly chain: readonly ChainLink[];
  readonly backends: BackendSections;
}

function readParts(text: string, modules: BackendModules, findings: Findings): Parts {
  const { mistakes } = findings;
  const { tree, mistake } = parseToml(text);
  const top = isTable(tree) ? tree : {};
  const sections = readSections(top, mistakes);
  const chain = expandChain(readChain(top), top["backend"], findings);
  const backends = readBackends(top["backend"], modules, { used: chain, findings });
  // Of a text that is no TOML nothing else can be said.
  if (mistake !== null) mistakes.splice(0, mistakes.length, mistake);
  const hasLocalDelivery = isTable(top["delivery"]) && top["delivery"]["local"] !== undefined;
  return { tree: top, syntax: mistake === null, sections, hasLocalDelivery, chain, backends };
}

function conclude(
  parts: Parts & { readonly contents: FileContents; readonly folder: string },
  found: Findings,
): LoadedConfig {
  const config = parts.syntax ? completeConfig(parts, found) : null;
  if (config === null || found.mistakes.length > 0) {
    return { ok: false, mistakes: [...new Set(found.mistakes.map(showMistake))] };
  }
  return { ok: true, config, warnings: found.warnings };
}
