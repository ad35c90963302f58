/**
 * The change of a password by the person whose it is. Knowing the old one is a login: it goes through the authenticator, so that it
 * is counted, delayed and logged like one over SMTP (network `local`).
 *
 * @module
 */

import type { AccountAdmin } from "../accounts/account_store.ts";
import type { AuthenticationExchange, Authenticator } from "../auth/authenticator.ts";
import type { Origin } from "../backend.ts";
import type { Log } from "../log/event.ts";
import type { ExchangeOutcome } from "../sasl/mechanism.ts";
import { concludePassword, malformed } from "../sasl/proof.ts";
import { prepare } from "../sasl/saslprep.ts";
import { parseUserName } from "../sasl/user_name.ts";

/** What a person asks for; the name is as typed. */
export interface PasswordRequest {
  readonly user: string;
  readonly oldPassword: string;
  readonly newPassword: string;
}

/** How it went. Only `changed`, `foreign` and `refused` tell that the old password was right. */
export type PasswordOutcome =
  | { readonly kind: "changed" | "rejected" | "unavailable" }
  /** The account is in a backend whose passwords are not ours to change. */
  | { readonly kind: "foreign"; readonly backend: string }
  /** The new password cannot be used. */
  | { readonly kind: "refused" };

/** What a change needs. */
export interface PasswordParts {
  readonly authenticator: Authenticator;
  /** The store behind a backend's section, or null when it is not ours to write. */
  readonly accountsOf: (backend: string) => Pick<AccountAdmin, "credentials" | "setPassword"> | null;
  readonly defaultRealm: string;
  /** An id for the log lines of this change, like that of a session. */
  readonly session: string;
  readonly log: Log;
}

const ORIGIN: Origin = { remote: "local", listener: "local", tls: null, mechanism: "PASSWD" };

/** Changes a password. The signal ends the wait for the judgement of the old one; after that the change is made. */
export async function changePassword(
  parts: PasswordParts,
  request: PasswordRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<PasswordOutcome> {
  using exchange = parts.authenticator.begin(ORIGIN, parts.session);
  const outcome = await proveOldPassword(exchange, { ...request, defaultRealm: parts.defaultRealm, signal });
  const verdict = await exchange.conclude(outcome, `${parts.session}.1`);
  if (verdict.kind === "delayed" || verdict.kind === "unavailable") return { kind: "unavailable" };
  if (verdict.kind !== "accepted") return { kind: "rejected" };

  const { account, credential } = verdict.identity;
  const accounts = parts.accountsOf(account.backend);
  if (accounts === null) return { kind: "foreign", backend: account.backend };
  // A device that holds an app password must not be able to take the whole account over.
  const proved = (await accounts.credentials(account.name)).find((candidate) => candidate.id === credential);
  if (proved?.kind !== "password") return { kind: "rejected" };

  const at = account.name.lastIndexOf("@");
  const name = { local: account.name.slice(0, at), realm: account.name.slice(at + 1) };
  const set = await accounts.setPassword(name, request.newPassword);
  if (!set.ok) return { kind: set.problem === "bad-password" ? "refused" : "rejected" };
  parts.log({ kind: "account-changed", account: account.name, what: "password", by: account.name });
  return { kind: "changed" };
}

/** As PLAIN does it: what is no name or no password ends in `malformed` and asks nobody. */
async function proveOldPassword(
  exchange: AuthenticationExchange,
  { user, oldPassword, defaultRealm, signal }: PasswordRequest & {
    readonly defaultRealm: string;
    readonly signal: AbortSignal;
  },
): Promise<ExchangeOutcome> {
  const authcid = parseUserName(user, { defaultRealm });
  if (authcid === null) return malformed("not a user name").outcome;
  if (prepare(oldPassword) === null) return malformed("not a password", authcid).outcome;
  const question = { kind: "password", user: authcid, password: oldPassword, origin: ORIGIN } as const;
  return concludePassword(await exchange.ask(question, signal), { authcid, authzid: "" }).outcome;
}
