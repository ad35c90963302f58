/**
 * Accounts that would get each other's mail, since the Maildir template does not tell them apart.
 *
 * @module
 */

import type { BackendConfig, Config } from "../config/config.ts";
import { maildirOf } from "../delivery/maildir.ts";
import { openStore } from "./accounts.ts";

const NAMED = 3;

/** A warning for each folder that several of these accounts (`user@realm`) have in common. */
export function sharedMaildirs(template: string, accounts: readonly string[]): readonly string[] {
  const owners = Map.groupBy(accounts, (account) => maildirOf(template, account));
  return [...owners].filter(([folder, names]) => folder !== null && names.length > 1).map(([folder, names]) => {
    const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
    const who = names.slice(0, NAMED).join(", ") + more;
    return `delivery.local.maildir: ${who} share ${folder}; put {realm} or {account} into it`;
  });
}

/** The warnings for the accounts in the stores of these sections, as far as they can be read. */
export async function maildirWarnings(
  config: Config,
  stores: readonly BackendConfig[],
): Promise<readonly string[]> {
  const { local } = config.delivery;
  if (local === null) return [];
  const accounts: string[] = [];
  for (const section of stores) {
    const store = openStore(config, section);
    if (!store.ok) continue;
    await using open = store.value;
    accounts.push(...(await open.list({})).map(({ name }) => name));
  }
  return sharedMaildirs(local.maildir, accounts);
}
