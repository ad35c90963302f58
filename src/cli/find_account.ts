/**
 * Asking the configured backends whether they know an account.
 *
 * @module
 */

import { canonicalName } from "../accounts/account_name.ts";
import { askBackend, canAsk } from "../auth/ask_backend.ts";
import { canonicalRealm, chainMembers, realmSet } from "../auth/members.ts";
import type { UserName } from "../backend.ts";
import type { Config } from "../config/config.ts";
import { complain } from "./output.ts";
import { openBackends } from "./open_chain.ts";

/** What they say together. Names of accounts are canonical. */
export type FoundAccount =
  | { readonly kind: "found"; readonly account: string }
  /** Each of them can tell, and none knows it. */
  | { readonly kind: "unknown" }
  /** None that can tell knows it; these cannot tell. */
  | { readonly kind: "unseen"; readonly account: string; readonly backends: readonly string[] }
  /** None that answers knows it, and one does not answer. */
  | { readonly kind: "unavailable"; readonly cause: string };

/** Asks each backend that has this realm, in the order of the chain, until one knows the account. */
export async function findAccount(config: Config, user: UserName): Promise<FoundAccount> {
  const realm = canonicalRealm(user.realm);
  const sections = config.backends.filter(({ realms }) => realmSet(realms)?.has(realm) ?? true);
  await using open = await openBackends(config, sections);
  const names = new Set(open.backends.map(({ name }) => name));
  const pwcheckMethod = config.sasl.pwcheckMethod.filter((name) => names.has(name));
  const members = chainMembers({ ...config, sasl: { ...config.sasl, pwcheckMethod } }, {
    backends: open.backends,
    log: () => {},
  });
  const question = { kind: "lookup", user } as const;
  const causes = open.problems.map(({ message }) => message);
  const unseen: string[] = [];
  for (const member of members) {
    const { name } = member.backend;
    if (!canAsk(member.backend, question)) {
      unseen.push(name);
      continue;
    }
    const onBug = (text: string) => complain(`backend.${name}: ${text}`);
    // Its own deadline is soon enough.
    const answer = await askBackend(member, question, { signal: new AbortController().signal, onBug });
    if (answer.kind === "known") return { kind: "found", account: answer.account.name };
    if (answer.kind === "unavailable") causes.push(`backend.${name}: ${answer.cause}`);
  }
  const [cause] = causes;
  if (cause !== undefined) return { kind: "unavailable", cause };
  return unseen.length === 0
    ? { kind: "unknown" }
    : { kind: "unseen", account: canonicalName(user).name, backends: unseen };
}
