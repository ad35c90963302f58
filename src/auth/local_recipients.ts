/**
 * Finds local recipients by asking the chain of backends and the account store.
 *
 * @module
 */

import type { AccountStore } from "../accounts/account_store.ts";
import type { UserName } from "../backend.ts";
import {
  localCandidates,
  type LocalDomains,
  type LocalRecipients,
  type LocalResolution,
} from "../policy/local_recipients.ts";
import type { Authenticator } from "./authenticator.ts";

/** What the look-up needs. */
export interface LocalRecipientsParts {
  readonly domains: LocalDomains;
  readonly authenticator: Pick<Authenticator, "lookup">;
  /** The account stores of the chain, in its order. */
  readonly stores: readonly Pick<AccountStore, "find">[];
}

/** Makes the look-up of local recipients, in the order of DESIGN section 7. */
export function createLocalRecipients({ domains, authenticator, stores }: LocalRecipientsParts): LocalRecipients {
  async function resolve(forwardPath: string, signal: AbortSignal): Promise<LocalResolution> {
    const candidates = localCandidates(forwardPath, domains);
    if (candidates.kind !== "candidates") return candidates;
    const names = candidates.mapped === null ? candidates.names : [splitAccount(candidates.mapped)];
    let unavailable: string | null = null;
    for (const name of names) {
      const answer = await authenticator.lookup(name, signal);
      if (answer.kind === "known") return { kind: "local", account: answer.account };
      if (answer.kind === "unavailable") unavailable ??= answer.cause;
    }
    // The store compares addresses, and names of accounts as addresses, without case.
    for (const address of [candidates.address, ...names.map((name) => `${name.local}@${name.realm}`)]) {
      for (const store of stores) {
        const account = await store.find({ address });
        if (account !== null) return { kind: "local", account };
      }
    }
    return unavailable === null ? { kind: "unknown" } : { kind: "unavailable", cause: unavailable };
  }

  function splitAccount(account: string): UserName {
    const at = account.lastIndexOf("@");
    return at < 0
      ? { local: account, realm: domains.defaultRealm }
      : { local: account.slice(0, at), realm: account.slice(at + 1).toLowerCase() };
  }

  return { resolve };
}
