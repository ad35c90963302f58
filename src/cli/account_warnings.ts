/**
 * What `check` finds by looking at the accounts in the stores.
 *
 * @module
 */

import { servedRealms } from "../auth/members.ts";
import type { Backend } from "../backend.ts";
import type { BackendConfig, Config } from "../config/config.ts";
import { maildirOf } from "../delivery/maildir.ts";
import { openStore } from "./accounts.ts";

const NAMED = 3;

/** The warnings for the stores of these sections, as far as they can be read. */
export async function accountWarnings(config: Config, sections: readonly BackendConfig[]): Promise<readonly string[]> {
  const { delivery: { local }, postmaster, backends } = config;
  const accounts: string[] = [];
  let postmasterIsThere = false;
  let unread = 0;
  for (const section of sections) {
    const store = openStore(config, section);
    if (!store.ok) {
      unread++;
      continue;
    }
    await using open = store.value;
    accounts.push(...(await open.list({})).map(({ name }) => name));
    if (postmaster !== null) postmasterIsThere ||= await open.find({ address: postmaster }) !== null;
  }
  const warnings = local?.to.kind === "maildir" ? [...maildirWarnings(local.to.maildir, { accounts, config })] : [];
  // Where another kind of backend is asked too, the account may be there.
  const allSeen = unread === 0 && sections.length === backends.length;
  if (postmaster !== null && allSeen && !postmasterIsThere) {
    warnings.push(`postmaster: there is no account ${postmaster}, so mail for postmaster is refused`);
  }
  return warnings;
}

/** Of accounts (`user@realm`) that get each other's mail; where there are none yet, of realms whose accounts would. */
export function maildirWarnings(
  template: string,
  { accounts, config }: {
    readonly accounts: readonly string[];
    readonly config: Parameters<typeof servedRealms>[0];
  },
): readonly string[] {
  const shared = sharedMaildirs(template, accounts);
  const realms = [...servedRealms(config) ?? []];
  const [first, second] = realms.map((realm) => maildirOf(template, `user@${realm}`));
  if (shared.length > 0 || first === undefined || second === undefined || first !== second) return shared;
  return [
    `delivery.local.maildir: accounts of one name in ${
      realms.join(", ")
    } would share a folder; put {realm} or {account} into it`,
  ];
}

/** A warning for each folder that several of these accounts have in common. */
function sharedMaildirs(template: string, accounts: readonly string[]): readonly string[] {
  const owners = Map.groupBy(accounts, (account) => maildirOf(template, account));
  return [...owners].filter(([folder, names]) => folder !== null && names.length > 1).map(([folder, names]) => {
    const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
    const who = names.slice(0, NAMED).join(", ") + more;
    return `delivery.local.maildir: ${who} share ${folder}; put {realm} or {account} into it`;
  });
}

/** Of backends that take a name in any realm for the same account, where nothing says which realms are meant. */
export function realmWarnings(
  config: Parameters<typeof servedRealms>[0] & { readonly backends: readonly Pick<BackendConfig, "name" | "realms">[] },
  opened: readonly Pick<Backend, "name" | "ignoresRealm">[],
): readonly string[] {
  if (servedRealms(config)?.size === 1) return [];
  const limited = new Set(config.backends.filter(({ realms }) => realms.length > 0).map(({ name }) => name));
  return opened.filter(({ name, ignoresRealm }) => ignoresRealm === true && !limited.has(name)).map(({ name }) =>
    `backend.${name}: it does not look at the realm, so it accepts taro@any.realm as well: set realms in its section`
  );
}
