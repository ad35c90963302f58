/**
 * What `check` suggests where nothing limits what is sent.
 *
 * @module
 */

import { join } from "node:path";
import type { Config } from "../config/config.ts";
import { limitKey } from "../http/limit_operations.ts";
import { Use } from "../policy/limit_usage.ts";
import { hasLimits, LIMITS, suggestValues } from "../policy/limits.ts";
import { LIMITS_FILE, openLimitRecords } from "../records/limit_records.ts";

const ACCOUNTS = 1000;

/** Values that would fit what accounts have sent; none where limits are set, or nobody has sent anything yet. */
export async function limitHints({ dataDir, sending }: Config): Promise<readonly string[]> {
  const file = join(dataDir, LIMITS_FILE);
  if (hasLimits(sending.account) || !await Deno.stat(file).then(({ isFile }) => isFile, () => false)) return [];
  const opened = openLimitRecords(file);
  if (!opened.ok) return [];
  using records = opened.value;
  const uses = records.accounts(ACCOUNTS).map((account) => records.readUse("account", account))
    .filter((saved) => saved !== null);
  if (uses.length === 0) return [];
  const all = uses.map((saved) => suggestValues(new Use(JSON.parse(saved)).peaks(Date.now())));
  const values = LIMITS.filter(({ kind }) => kind !== "octets").map(({ name }) =>
    `${limitKey(name)} = ${Math.max(...all.map((each) => each[name]))}`
  );
  return [`limits.account: nothing limits what an account sends; what was sent until now fits ${values.join(", ")}`];
}
