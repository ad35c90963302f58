/**
 * What a right proof is worth: the account's state, the credential's scope and the authorization identity, looked at anew at the end
 * of the exchange.
 *
 * @module
 */

import type { Account, Origin, Standing } from "../backend.ts";
import type { ExchangeOutcome } from "../sasl/mechanism.ts";
import { parseUserName } from "../sasl/user_name.ts";
import { StandingUnavailable } from "./app_passwords.ts";
import { askBackend, type AskOptions, canAsk, type ChainMember } from "./ask_backend.ts";
import { outOfScope } from "./scope.ts";

/** What the log says of a login with a password that was replaced some days ago. */
export const STALE_PASSWORD = "stale password";

/** In the place of a credential, where the verifier of such a password fitted. */
const PREVIOUS = "previous";

/** An exchange that ended well. */
export type Proof = Extract<ExchangeOutcome, { readonly kind: "proved" }>;

/** The yes of the chain that the proof rests on, with the credential and its version where a password was asked for. */
export interface Grant {
  readonly member: ChainMember;
  readonly account: Account;
  readonly credential: string | null;
  readonly version: string | null;
}

/** What it is worth. */
export type ProofVerdict =
  | { readonly kind: "accepted"; readonly account: Account; readonly standing: Standing | null }
  | { readonly kind: "rejected" | "too-weak" | "unavailable"; readonly reason: string };

/** Where and when it is judged. */
export interface ProofContext extends AskOptions {
  readonly origin: Origin;
  readonly now: number;
  readonly defaultRealm: string;
}

/**
 * Judges. A credential that is out of its scope is refused with the words of a wrong secret, so that a thief does not learn that it
 * is right; only for a mechanism outside the scope the verdict is `too-weak` (534 5.7.9), which alone makes a client try another one, and
 * tells a thief nothing that trying would not.
 */
export async function judgeProof(proof: Proof, grant: Grant, context: ProofContext): Promise<ProofVerdict> {
  try {
    return await judge(proof, grant, context);
  } catch (error) {
    if (error instanceof StandingUnavailable) return { kind: "unavailable", reason: error.message };
    throw error;
  }
}

async function judge(proof: Proof, grant: Grant, context: ProofContext): Promise<ProofVerdict> {
  const { local } = grant.member.backend;
  const standing = local === undefined ? null : await local.standing(proof.authcid);
  if (local !== undefined) {
    const refusal = judgeStanding(standing, { proof, grant, context });
    if (refusal !== null) return refusal;
  }
  const account = standing?.account ?? grant.account;
  const authorized = await isAuthorized(proof.authzid, { ...grant, account }, context);
  if (authorized === null) return { kind: "unavailable", reason: "authorization identity cannot be looked up now" };
  return authorized ? { kind: "accepted", account, standing } : rejected("authorization identity is another account");
}

interface StandingContext {
  readonly proof: Proof;
  readonly grant: Grant;
  readonly context: ProofContext;
}

function judgeStanding(
  standing: Standing | null,
  { proof, grant, context: { origin, now } }: StandingContext,
): ProofVerdict | null {
  if (standing === null || standing.account.name !== grant.account.name) return rejected("account is gone");
  if (standing.disabled) return rejected("disabled");
  if (proof.credential === PREVIOUS) return rejected(STALE_PASSWORD);
  const credential = standing.credentials.find((each) => each.id === proof.credential);
  if (credential === undefined) return rejected("credential is gone");
  if (grant.version !== null && credential.version !== grant.version) {
    return rejected("credential was changed meanwhile");
  }
  const out = outOfScope(credential, origin, now);
  if (out === "mechanism") return { kind: "too-weak", reason: "credential is not for this mechanism" };
  if (out === "network") return rejected("credential is not for this network");
  return out === "expired" ? rejected("credential has expired") : null;
}

/**
 * Whether the client may act as `authzid`: only as itself (RFC 4422 section 2). Accounts are compared, never names as they were typed;
 * `null` when the backend cannot tell now.
 */
async function isAuthorized(
  authzid: string,
  { member, account }: Grant,
  context: ProofContext,
): Promise<boolean | null> {
  if (authzid === "") return true;
  const user = parseUserName(authzid, context);
  if (user === null) return false;
  const { backend } = member;
  if (backend.local !== undefined) return (await backend.local.standing(user))?.account.name === account.name;
  if (`${user.local}@${user.realm}` === account.name) return true;
  const question = { kind: "lookup", user } as const;
  if (!canAsk(backend, question)) return false;
  const answer = await askBackend(member, question, context);
  if (answer.kind === "unavailable") return null;
  return answer.kind === "known" && answer.account.name === account.name;
}

function rejected(reason: string): ProofVerdict {
  return { kind: "rejected", reason };
}
