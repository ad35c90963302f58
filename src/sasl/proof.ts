/**
 * The ends that mechanisms have in common, and the search for the verifier that a proof fits.
 *
 * @module
 */

import type { Answer, UserName, Verifier } from "../backend.ts";
import type { ExchangeInput, ExchangeOutcome, ExchangeStep } from "./mechanism.ts";

/** The last step of an exchange. */
export type ExchangeEnd = Extract<ExchangeStep<never>, { readonly kind: "end" }>;

/** Who the client says it is, and for whom it wants to act; `authzid` as it was sent, empty for none. */
export interface Claim {
  readonly authcid: UserName;
  readonly authzid: string;
}

/** The answer to a question for verifiers. */
export type VerifiersAnswer = Extract<Answer, { readonly kind: "verifiers" }>;

/** How a proof came out: the verifier that it fits or `null`, and the proof of the server in return. */
export interface CheckedProof {
  readonly verifier: Verifier | null;
  readonly final: Uint8Array | null;
}

type FailedOutcome = Extract<ExchangeOutcome, { readonly kind: "failed" }>;

/** The end of an exchange that failed. `detail` is for the log. */
export function failed(
  why: FailedOutcome["why"],
  { detail, authcid = null }: { readonly detail: string; readonly authcid?: UserName | null },
): ExchangeEnd {
  return { kind: "end", outcome: { kind: "failed", authcid, why, detail }, final: null };
}

/** The end of an exchange that is not of the mechanism's form. */
export function malformed(detail: string, authcid: UserName | null = null): ExchangeEnd {
  return failed("malformed", { detail, authcid });
}

/** The end of an exchange that was given something which cannot come now. */
export function unexpected(input: ExchangeInput, authcid: UserName | null = null): ExchangeEnd {
  return malformed(`unexpected ${input.kind}`, authcid);
}

/** The end after any answer that is not the one hoped for. */
export function refused(answer: Answer, authcid: UserName): ExchangeEnd {
  if (answer.kind === "rejected") return failed("rejected", { detail: answer.why, authcid });
  const detail = answer.kind === "unavailable" ? answer.cause : `unexpected answer "${answer.kind}"`;
  return failed("unavailable", { detail, authcid });
}

/** The end after the answer to a question for a password. */
export function concludePassword(answer: Answer, claim: Claim): ExchangeEnd {
  if (answer.kind !== "accepted") return refused(answer, claim.authcid);
  const { account, credential } = answer;
  return { kind: "end", outcome: { kind: "proved", ...claim, account, credential, proof: "password" }, final: null };
}

/** The end after a proof was checked against the verifiers of an answer. On decoys even a proof that fits fails. */
export function concludeProof(
  answer: VerifiersAnswer,
  { authcid, authzid, verifier, final }: Claim & CheckedProof,
): ExchangeEnd {
  const { account, verifiers, decoy } = answer;
  if (decoy || account === null) return failed("wrong-secret", { detail: "unknown user", authcid });
  if (verifiers.length === 0) return failed("rejected", { detail: "no verifier is stored", authcid });
  if (verifier === null) return failed("wrong-secret", { detail: "the proof fits no verifier", authcid });
  const { credential } = verifier;
  return { kind: "end", outcome: { kind: "proved", authcid, authzid, account, credential, proof: "verifier" }, final };
}

/** The first item that fits. All are tried, so that the time does not tell which one did. */
export function findFitting<Item>(items: readonly Item[], fits: (item: Item) => boolean): Item | null {
  let found: Item | null = null;
  for (const item of items) {
    if (fits(item)) found ??= item;
  }
  return found;
}
