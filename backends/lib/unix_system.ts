/**
 * The system's own accounts as sources of the backends `passwd` and `shadow`.
 *
 * @module
 */

import { BackendProblem } from "../../src/backend_module.ts";
import { fail, type Result, succeed } from "../../src/lib/result.ts";
import { cryptLibrary } from "./crypt_library.ts";
import { openSystemAccounts, type SystemAccounts } from "./nss.ts";
import type { UnixAccount, UnixSource } from "./unix_backend.ts";
import { type PasswdEntry, readPasswordField } from "./unix_entries.ts";

/** The mark of an account without a password. */
const NO_PASSWORD = "*";
const SHADOW_FILE = "/etc/shadow";
const ADVICE =
  "put the user of this service into the group of that file (usermod -aG shadow USER) and start it again, " +
  "or use saslauthd";

/**
 * The system's accounts. With `passwords` "shadow" each password is that of its shadow entry; with "passwd" only where passwd has `x`.
 * Throws `BackendProblem` where the system has no such look-ups or shadow entries may not be read.
 */
export async function openSystemSource(passwords: "passwd" | "shadow"): Promise<UnixSource> {
  const accounts = openSystemAccounts();
  if (!accounts.ok) throw new BackendProblem(accounts.problem);
  // Loaded while the program may load libraries.
  cryptLibrary();
  const readable = await checkShadow();
  if (!readable.ok) throw new BackendProblem(readable.problem);
  return {
    find: async (name, signal) => {
      const found = await accounts.value.passwd(name, signal);
      if (!found.ok || found.value === null) return found.ok ? succeed(null) : found;
      const inShadow = passwords === "shadow" || readPasswordField(found.value.password).kind === "in-shadow";
      return inShadow
        ? await withShadow(found.value, { accounts: accounts.value, signal })
        : succeed({ ...found.value, aging: null });
    },
    check: () => checkShadow(),
  };
}

async function withShadow(
  { name, uid }: PasswdEntry,
  { accounts, signal }: { readonly accounts: SystemAccounts; readonly signal: AbortSignal },
): Promise<Result<UnixAccount, string>> {
  const found = await accounts.shadow(name, signal);
  if (found.ok && found.value !== null) {
    return succeed({ name, uid, password: found.value.password, aging: found.value });
  }
  const readable = await checkShadow();
  if (!readable.ok) return readable;
  return found.ok ? succeed({ name, uid, password: NO_PASSWORD, aging: null }) : found;
}

/**
 * Tries to open the file, since the look-up itself does not tell: behind `files` the next service of nsswitch.conf says that it knows no
 * such name. A system without the file has its shadow entries elsewhere, or none.
 */
async function checkShadow(): Promise<Result<void, string>> {
  try {
    using _opened = await Deno.open(SHADOW_FILE);
    return succeed(undefined);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return succeed(undefined);
    const why = error instanceof Deno.errors.PermissionDenied ? "permission denied" : "it cannot be opened";
    return fail(`Cannot read ${SHADOW_FILE}: ${why}; ${ADVICE}`);
  }
}
