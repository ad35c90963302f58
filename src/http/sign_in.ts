/**
 * The proof of a password over HTTP or on this machine. It is a login like any: through the authenticator, so that it is counted, delayed
 * and logged like one over SMTP. App passwords prove nothing here: a device that holds one must not be able to take the account over.
 *
 * @module
 */

import type { AuthenticationExchange, Authenticator } from "../auth/authenticator.ts";
import type { Account, Origin } from "../backend.ts";
import type { ExchangeOutcome } from "../sasl/mechanism.ts";
import { concludePassword, malformed } from "../sasl/proof.ts";
import { prepare } from "../sasl/saslprep.ts";
import { parseUserName } from "../sasl/user_name.ts";

/** What is needed to judge. */
export interface SignInParts {
  readonly authenticator: Authenticator;
  /** Whether this credential of an account, whose backend said yes, is its main password. */
  readonly isMain: (account: Account, credential: string) => Promise<boolean>;
  readonly defaultRealm: string;
}

/** Who wants in; the name is as typed. */
export interface SignInRequest {
  readonly user: string;
  readonly password: string;
  readonly origin: Origin;
  /** An id for the log lines, like that of a session. */
  readonly session: string;
}

/** How it went. `unavailable`: the password cannot be judged now; `delayed`: too many wrong ones came before it. */
export type SignInOutcome =
  | { readonly kind: "accepted"; readonly account: Account; readonly credential: string }
  | { readonly kind: "rejected" | "delayed" | "unavailable" };

/** Judges. The signal ends the wait. */
export async function signIn(
  { authenticator, isMain, defaultRealm }: SignInParts,
  request: SignInRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<SignInOutcome> {
  using exchange = authenticator.begin(request.origin, request.session);
  const outcome = await prove(exchange, { ...request, defaultRealm, signal });
  const verdict = await exchange.conclude(outcome, `${request.session}.1`);
  if (verdict.kind === "delayed" || verdict.kind === "unavailable") return { kind: verdict.kind };
  if (verdict.kind !== "accepted") return { kind: "rejected" };
  const { account, credential } = verdict.identity;
  return await isMain(account, credential) ? { kind: "accepted", account, credential } : { kind: "rejected" };
}

/** As PLAIN does it: what is no name or no password ends in `malformed` and asks nobody. */
async function prove(
  exchange: AuthenticationExchange,
  { user, password, origin, defaultRealm, signal }: SignInRequest & {
    readonly defaultRealm: string;
    readonly signal: AbortSignal;
  },
): Promise<ExchangeOutcome> {
  const authcid = parseUserName(user, { defaultRealm });
  if (authcid === null) return malformed("not a user name").outcome;
  if (prepare(password) === null) return malformed("not a password", authcid).outcome;
  const question = { kind: "password", user: authcid, password, origin } as const;
  return concludePassword(await exchange.ask(question, signal), { authcid, authzid: "" }).outcome;
}
