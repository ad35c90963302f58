/**
 * The backend `ldap`: passwords that a directory checks by a bind, and what its entries say of accounts.
 *
 * @module
 */

import { resolve } from "node:path";
import { type BackendModule, BackendProblem, defineBackend } from "../src/backend_module.ts";
import { readAuthorities } from "./lib/authorities.ts";
import { readSecretFile } from "./lib/secret_file.ts";
import { LDAP_OPTIONS } from "./ldap_options.ts";

/** The module of type `ldap`. */
export const LDAP: BackendModule<typeof LDAP_OPTIONS> = defineBackend({
  type: "ldap",
  schema: LDAP_OPTIONS,
  // Time for one server that hangs, and for the next.
  deadlineMs: 10_000,
  open: async (name, options, { dataDir }) => {
    const { caFile, bindPasswordFile } = options;
    const ca = caFile === undefined ? null : await readAuthorities(resolve(dataDir, caFile));
    const bindPassword = bindPasswordFile === undefined
      ? null
      : await readSecretFile(resolve(dataDir, bindPasswordFile));
    // The library is loaded only where a directory is used: commands start faster without it.
    const { createLdapBackend } = await import("./ldap_backend.ts");
    try {
      return createLdapBackend(name, options, { ca, bindPassword });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw new BackendProblem(`Cannot read a filter of backend ${name}: ${error.message}`);
    }
  },
});
