/**
 * [dkim]: its keys, and what becomes of them.
 *
 * @module
 */

import { join, resolve } from "node:path";
import type { z } from "zod";
import type { DkimConfig, DkimDomain } from "./config.ts";
import type { Findings } from "./files.ts";
import { DKIM_FOLDER } from "./dkim_keys.ts";
import { domain, list, path, table } from "./quantities.ts";

/** [dkim] */
export const dkimSchema = table({
  folder: path.optional().meta({ description: "where the keys are; default: dkim in data_dir" }),
  domains: list(domain).optional().meta({
    description:
      "sign for these domains only, and refuse to start where one has no key in use; default: each that has one",
  }),
});

/** Completes [dkim]. `keys` are those in use, of every domain; `null` where nobody has looked. */
export function completeDkim(
  { folder: named, domains }: z.output<typeof dkimSchema>,
  { folder, dataDir, keys }: {
    readonly folder: string;
    /** Absolute. */
    readonly dataDir: string;
    readonly keys: ReadonlyMap<string, DkimDomain> | null;
  },
  { mistakes }: Findings,
): DkimConfig {
  for (const [at, name] of (domains ?? []).entries()) {
    if (keys === null || keys.has(name)) continue;
    const text = `${name} has no key in use: dokodemo dkim new ${name} makes one, dokodemo dkim use puts it in use`;
    mistakes.push({ path: ["dkim", "domains", at], text });
  }
  return {
    folder: named === undefined ? join(dataDir, DKIM_FOLDER) : resolve(folder, named),
    domains: domains ?? null,
    keys: new Map([...keys ?? []].filter(([name]) => domains?.includes(name) !== false)),
  };
}
