/**
 * Rules of rewriting for tests.
 *
 * @module
 */

import { NO_GENERICS } from "../../src/policy/generics.ts";
import type { MasqueradeRules } from "../../src/policy/masquerade.ts";

/** Those of mail.foobar.co.jp, which has two local domains and rewrites nothing else. */
export function rulesOf(some: Partial<MasqueradeRules>): MasqueradeRules {
  return {
    ...{ addDomain: null, as: null, domains: new Set(), entireDomain: false, limited: false },
    ...{ envelope: false, all: false, exposedUsers: new Set(["root"]), exceptions: new Set() },
    ...{ generics: NO_GENERICS, genericsFile: "", genericsDomains: new Set(), genericsEntireDomain: false },
    hostname: "mail.foobar.co.jp",
    ownNames: new Set(["mail.foobar.co.jp", "mail", "localhost", "foobar.co.jp", "local.example"]),
    ...some,
  };
}
