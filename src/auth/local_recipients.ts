/**
 * Finds local recipients by asking the chain of backends and the account store.
 *
 * @module
 */

import type { AccountStore } from "../accounts/account_store.ts";
import { isDevice } from "../accounts/device.ts";
import type { UserName } from "../backend.ts";
import {
  localCandidates,
  type LocalDomains,
  type LocalRecipients,
  type LocalResolution,
} from "../policy/local_recipients.ts";
import { AliasTable } from "../policy/alias_table.ts";
import { formatUserName } from "../sasl/user_name.ts";
import type { Authenticator } from "./authenticator.ts";

/** What the look-up needs. */
export interface LocalRecipientsParts {
  readonly domains: LocalDomains;
  readonly authenticator: Pick<Authenticator, "lookup">;
  /** The account stores of the chain, in its order. */
  readonly stores: readonly Pick<AccountStore, "find">[];
  /** The aliases of now; `null`: they cannot be told. Default: there are none. */
  readonly aliases?: () => Promise<AliasTable | null>;
}

const NO_ALIASES = new AliasTable(new Map(), []);

/** Makes the look-up of local recipients, in the order of DESIGN section 7. */
export function createLocalRecipients(
  { domains, authenticator, stores, aliases = () => Promise.resolve(NO_ALIASES) }: LocalRecipientsParts,
): LocalRecipients {
  async function resolve(
    forwardPath: string,
    signal: AbortSignal,
    { expanded }: { readonly expanded: boolean } = { expanded: false },
  ): Promise<LocalResolution> {
    const candidates = localCandidates(forwardPath, domains);
    if (candidates.kind !== "candidates") return candidates;
    const { mapped, beforeAliases, address } = candidates;
    const alias = beforeAliases || expanded ? null : await resolveAlias(address, signal);
    if (alias !== null) return alias;
    const names = mapped === null ? candidates.names : [splitAccount(mapped)];
    for (const name of names) {
      const answer = await authenticator.lookup(name, signal);
      // A device has no mailbox: mail for it is nobody's.
      if (answer.kind === "known") {
        if (isDevice(answer.account)) continue;
        return { kind: "local", account: answer.account };
      }
      // While one cannot be told, none behind it gets the mail: it may be somebody else's.
      if (answer.kind === "unavailable") return { kind: "unavailable", cause: answer.cause };
    }
    const written = names.map(formatUserName);
    // The store compares addresses, and names of accounts as addresses, without case.
    for (const each of mapped === null ? [address, ...written] : written) {
      for (const store of stores) {
        const account = await store.find({ address: each });
        if (account !== null && !isDevice(account)) return { kind: "local", account };
      }
    }
    return { kind: "unknown" };
  }

  async function resolveAlias(address: string, signal: AbortSignal): Promise<LocalResolution | null> {
    const table = await aliases();
    if (table === null) return { kind: "unavailable", cause: "the aliases file cannot be read" };
    const at = address.lastIndexOf("@");
    const [local, domain] = [address.slice(0, at), address.slice(at + 1)];
    if (!table.has(local)) return null;
    const expand = () => table.expand(local, domain) ?? [];
    if (!table.isPlain(local)) return { kind: "alias", expand };
    const [group] = expand();
    const [member] = group?.members ?? [];
    if (group === undefined || member === undefined || group.owner !== null) return { kind: "alias", expand };
    // One account under another name needs no expansion, and one that does not exist is refused at RCPT.
    const resolution = await resolve(member, signal, { expanded: true });
    return resolution.kind === "not-local" ? { kind: "alias", expand } : resolution;
  }

  function splitAccount(account: string): UserName {
    const at = account.lastIndexOf("@");
    return at < 0
      ? { local: account, realm: domains.defaultRealm }
      : { local: account.slice(0, at), realm: account.slice(at + 1).toLowerCase() };
  }

  return { resolve };
}
