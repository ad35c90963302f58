/**
 * The change of a password by the person whose it is: whoever knows the old one.
 *
 * @module
 */

import { parseAddress } from "../accounts/account_name.ts";
import type { AccountAdmin } from "../accounts/account_store.ts";
import type { Origin } from "../backend.ts";
import type { Log } from "../log/event.ts";
import type { SignInOutcome, SignInRequest } from "./sign_in.ts";

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
  readonly signIn: (
    request: Omit<SignInRequest, "session">,
    options: { readonly signal: AbortSignal },
  ) => Promise<SignInOutcome>;
  /** The store behind a backend's section, or null when it is not ours to write. */
  readonly accountsOf: (backend: string) => Pick<AccountAdmin, "setPassword"> | null;
  /** Called after a change: whoever is signed in elsewhere has to give the new one. */
  readonly onChanged: (account: string) => void;
  readonly log: Log;
}

/** Where a change over the socket of this machine comes from. */
export const LOCAL_ORIGIN: Origin = { remote: "local", listener: "local", tls: null, mechanism: "PASSWD" };

/** Changes a password. The signal ends the wait for the judgement of the old one; after that the change is made. */
export async function changePassword(
  { signIn, accountsOf, onChanged, log }: PasswordParts,
  { user, oldPassword, newPassword }: PasswordRequest,
  { signal, origin = LOCAL_ORIGIN }: { readonly signal: AbortSignal; readonly origin?: Origin },
): Promise<PasswordOutcome> {
  const outcome = await signIn({ user, password: oldPassword, origin }, { signal });
  if (outcome.kind === "delayed" || outcome.kind === "unavailable") return { kind: "unavailable" };
  if (outcome.kind !== "accepted") return { kind: "rejected" };
  const { account } = outcome;
  const accounts = accountsOf(account.backend);
  const name = parseAddress(account.name);
  if (accounts === null || name === null) return { kind: "foreign", backend: account.backend };
  const set = await accounts.setPassword(name, newPassword);
  if (!set.ok) return { kind: set.problem === "bad-password" ? "refused" : "rejected" };
  log({ kind: "account-changed", account: account.name, what: "password", by: account.name });
  onChanged(account.name);
  return { kind: "changed" };
}
