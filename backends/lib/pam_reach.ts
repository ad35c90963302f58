/**
 * Whose passwords a PAM service can check as the user that this process is.
 *
 * @module
 */

import type { PamService } from "./pam_service.ts";

/** Everybody, some people only, or nobody; the text is for the administrator. */
export type Reach =
  | { readonly kind: "everybody" }
  | { readonly kind: "some" | "nobody"; readonly text: string };

const SHADOW_FILE = "/etc/shadow";
/** They look at no password. */
const NO_JUDGES: ReadonlySet<string> = new Set([
  ...[
    "access",
    "cap",
    "deny",
    "env",
    "faildelay",
    "faillock",
    "nologin",
    "permit",
    "rootok",
    "shells",
    "succeed_if",
    "warn",
  ]
    .map((name) => `pam_${name}.so`),
]);
const ADVICE =
  "put the user of this service into the group of that file (usermod -aG shadow USER) and start it again, " +
  "or use saslauthd -a pam";

/**
 * pam_unix needs shadow entries. Without the right to read them it leaves the check to unix_chkpwd, which checks nobody but the user who
 * calls it: the service itself.
 */
export async function checkReach(service: string, { auth }: PamService): Promise<Reach> {
  const modules = auth.map((module) => module.replace(/^.*\//, ""));
  if (!modules.includes("pam_unix.so") || await canReadShadow()) return { kind: "everybody" };
  const others = modules.filter((module) => module !== "pam_unix.so" && !NO_JUDGES.has(module));
  const text = `/etc/pam.d/${service} uses pam_unix, which cannot check the accounts in ${SHADOW_FILE}: ` +
    `permission denied; ${ADVICE}`;
  return others.length === 0
    ? { kind: "nobody", text: `Cannot check passwords: ${text}` }
    : { kind: "some", text: `${text}. The other modules there (${others.join(", ")}) are asked all the same` };
}

async function canReadShadow(): Promise<boolean> {
  try {
    using _opened = await Deno.open(SHADOW_FILE);
    return true;
  } catch (error) {
    // Where it is not there, shadow entries are elsewhere, or nowhere.
    return error instanceof Deno.errors.NotFound;
  }
}
