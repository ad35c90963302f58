/**
 * Who is an account of this machine: what PAM has no question for.
 *
 * @module
 */

import { fail, type Result, succeed } from "../../src/lib/result.ts";
import { openSystemAccounts } from "./nss.ts";

/** Whether there is an account of this name for a person; the problem is a sentence for the log. An aborted signal rejects with its reason. */
export type PamLookup = (name: string, signal: AbortSignal) => Promise<Result<boolean, string>>;

/** The number from which accounts are those of people (UID_MIN of login.defs). */
const MIN_UID = 1000;

/** Gets hold of the system's look-ups. Accounts with a number below `minUid` (default 1000) count as unknown. */
export function openPamLookup(minUid = MIN_UID): Result<PamLookup, string> {
  const accounts = openSystemAccounts();
  if (!accounts.ok) return accounts;
  return succeed(async (name, signal) => {
    const found = await accounts.value.passwd(name, signal);
    if (!found.ok) return fail(found.problem);
    return succeed(found.value !== null && found.value.uid >= minUid);
  });
}
