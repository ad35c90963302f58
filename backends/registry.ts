/**
 * Every kind of backend, by its type. Adding one is a file here and a line below.
 *
 * @module
 */

import type { BackendModule } from "../src/backend_module.ts";
import { COMMAND } from "./command.ts";
import { CUSTOM } from "./custom.ts";
import { CYRUS_SASLDB } from "./cyrus_sasldb.ts";
import { HTTP } from "./http.ts";
import { KERBEROS } from "./kerberos.ts";
import { LDAP } from "./ldap.ts";
import { PAM } from "./pam.ts";
import { PASSWD } from "./passwd.ts";
import { PWCHECK } from "./pwcheck.ts";
import { RADIUS } from "./radius.ts";
import { SASLAUTHD } from "./saslauthd.ts";
import { SASLDB } from "./sasldb.ts";
import { SHADOW } from "./shadow.ts";

const MODULES: readonly BackendModule[] = [
  SASLDB,
  CYRUS_SASLDB,
  LDAP,
  PASSWD,
  SHADOW,
  PAM,
  KERBEROS,
  SASLAUTHD,
  PWCHECK,
  RADIUS,
  COMMAND,
  HTTP,
  CUSTOM,
];

/** The kinds of backend that a configuration can name, older names among them. */
export const BACKENDS: ReadonlyMap<string, BackendModule> = new Map(
  MODULES.flatMap((module) => [module.type, ...module.aliases ?? []].map((name) => [name, module] as const)),
);
