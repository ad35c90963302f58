/**
 * The deletion of an account or device: by the running server, which has in memory what hangs on it, else in the files.
 *
 * @module
 */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../config/config.ts";
import { LIMITS_FILE, openLimitRecords } from "../records/limit_records.ts";
import { requestOverSocket } from "./control_client.ts";
import { complain } from "./output.ts";

/** What is deleted; `name` is canonical. */
export interface Removal {
  readonly of: "accounts" | "devices";
  readonly name: string;
  readonly backend: string;
}

/** Whether a server runs and has deleted it, with its limits and its hold, and noted that. */
export async function removeByServer(
  { dataDir }: Pick<Config, "dataDir">,
  { of, name, backend }: Removal,
): Promise<boolean> {
  const path = `/api/v1/${of}/${encodeURIComponent(name)}?backend=${encodeURIComponent(backend)}`;
  const answer = await requestOverSocket(join(dataDir, "control.sock"), { method: "DELETE", path });
  return answer.ok && answer.value.status === 204;
}

/** Removes what the file of limits has of an account, its hold too. That it cannot be done is a warning: the account is gone. */
export async function forgetLimits({ dataDir }: Pick<Config, "dataDir">, account: string): Promise<void> {
  const file = join(dataDir, LIMITS_FILE);
  if (await stat(file).catch(() => null) === null) return;
  const opened = openLimitRecords(file);
  if (!opened.ok) return complain(`Warning: its limits are still there: ${opened.problem.message}`);
  using records = opened.value;
  try {
    records.forgetAccount(account);
  } catch (error) {
    complain(`Warning: its limits are still there: ${error instanceof Error ? error.message : "unknown reason"}`);
  }
}
