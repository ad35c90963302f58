/**
 * What a change of accounts leaves in the records: a line of the audit log, and the end of what hung on the account.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import type { Records } from "../records/records.ts";
import { complain } from "./output.ts";
import { commandActor, openRecordsOf } from "./records.ts";

/** What was done to an account, given as canonical `user@realm`. */
export interface AccountAct {
  readonly what:
    | "account.add"
    | "account.password"
    | "account.addresses"
    | "account.disable"
    | "account.enable"
    | "account.delete"
    | "account.import";
  /** For `account.import` also a file. */
  readonly account: string;
  readonly detail?: string;
}

/** Notes what was done. That it cannot be noted is a warning: the act is done. */
export async function noteAccounts(config: Pick<Config, "dataDir">, acts: readonly AccountAct[]): Promise<void> {
  if (acts.length === 0) return;
  const opened = openRecordsOf(config);
  if (!opened.ok) return warn(opened.problem.message);
  await using records = opened.value;
  try {
    for (const act of acts) endWhatHangs(act, records);
    const actor = commandActor();
    const lines = acts.map(({ what, account, detail = "" }) => ({ ...actor, what, target: account, detail }));
    records.audit.addAll(lines, Date.now());
  } catch (error) {
    warn(error instanceof Error ? error.message : "unknown reason");
  }
}

function endWhatHangs({ what, account }: AccountAct, records: Records): void {
  if (what === "account.delete") records.forgetAccount(account);
  // A disabled account keeps its history and whether it administers: it may be enabled again.
  else if (what === "account.disable" || what === "account.password") records.sessions.endOthers(account, null);
}

function warn(why: string): void {
  complain(`Warning: this is not in the audit log: ${why}`);
}
