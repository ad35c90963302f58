/**
 * The modules of the backends `passwd` and `shadow`, which differ in where a password stands.
 *
 * @module
 */

import { resolve } from "node:path";
import { z } from "zod";
import { type BackendModule, BackendProblem, defineBackend } from "../../src/backend_module.ts";
import { asciiLower } from "../../src/lib/text.ts";
import { createUnixBackend } from "./unix_backend.ts";
import { openUnixFile } from "./unix_file.ts";
import { openSystemSource } from "./unix_system.ts";

const OPTIONS = z.strictObject({
  /** A file of that form instead of the system's look-ups; a relative path is under `data_dir`. */
  file: z.string().min(1).optional(),
  /** The realm in which the accounts are. Default: `default_realm`. */
  realm: z.string().min(1).transform(asciiLower).optional(),
  /** Accounts with a lower number may not log in. */
  minUid: z.int().min(0).optional(),
  /** Whether DES hashes count. */
  allowDes: z.boolean().default(false),
});

/** The number from which accounts are those of people (UID_MIN of login.defs) and not those of the system. */
const MIN_UID = 1000;

/** The keys that both have. */
export type UnixSchema = typeof OPTIONS;

/** Makes the module of a type. */
export function defineUnixBackend(type: "passwd" | "shadow"): BackendModule<UnixSchema> {
  return defineBackend({
    type,
    schema: OPTIONS,
    // Nothing remote is waited for as a rule, but the line for the processor: some hundred logins at once make it long with yescrypt.
    deadlineMs: 60_000,
    needs: ["ffi"],
    open: async (name, { file, realm, minUid, allowDes }, { dataDir, defaultRealm, realms = [] }) => {
      if (type === "shadow" && file !== undefined && minUid !== undefined) {
        throw new BackendProblem(`Cannot use min_uid with ${file}: a file of that form holds no numbers of accounts`);
      }
      const { source, likely } = file === undefined
        ? { source: await openSystemSource(type), likely: null }
        : await openUnixFile(resolve(dataDir, file), { form: type, allowDes });
      const [only = defaultRealm, ...others] = realms;
      const limits = {
        realm: realm ?? (others.length === 0 ? only : defaultRealm),
        minUid: minUid ?? MIN_UID,
        allowDes,
      };
      return createUnixBackend(name, { source, likely, ...limits });
    },
  });
}
