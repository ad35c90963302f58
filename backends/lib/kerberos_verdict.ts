/**
 * What a verdict of Kerberos means. Pure.
 *
 * @module
 */

import type { Answer, RejectedBecause, UserName } from "../../src/backend.ts";
import { fail, type Result, succeed } from "../../src/lib/result.ts";
import { printable } from "../../src/lib/text.ts";
import type { KerberosPlace } from "./kerberos_library.ts";
import { type KerberosVerdict, KRB5_CODE } from "./kerberos_session.ts";

/** What a KDC says of an account and its password. Its words go into the log where the reason alone does not tell. */
const REFUSALS: ReadonlyMap<number, { readonly why: RejectedBecause; readonly noted?: true }> = new Map([
  [KRB5_CODE.clientUnknown, { why: "unknown-user" }],
  [KRB5_CODE.preauthFailed, { why: "wrong-secret" }],
  // Of an account without preauthentication, the KDC leaves it to us to see that the password does not fit.
  [KRB5_CODE.badIntegrity, { why: "wrong-secret" }],
  [KRB5_CODE.nameExpired, { why: "expired" }],
  [KRB5_CODE.keyExpired, { why: "must-change" }],
  [KRB5_CODE.clientRevoked, { why: "disabled" }],
  [KRB5_CODE.nullKey, { why: "not-allowed", noted: true }],
  [KRB5_CODE.policy, { why: "not-allowed", noted: true }],
  [KRB5_CODE.etypeUnsupported, { why: "not-allowed", noted: true }],
  [KRB5_CODE.clientNotYet, { why: "not-allowed", noted: true }],
  // The account needs more than a password, or something else.
  [KRB5_CODE.preauthGeneric, { why: "not-allowed", noted: true }],
  [KRB5_CODE.cannotReadPassword, { why: "not-allowed", noted: true }],
]);

const CLOCKS =
  "the clocks of this machine and of the KDC differ by more than Kerberos allows; set the time here and there (NTP)";

/** The answer to a verdict about this user. */
export function answerOf(
  verdict: KerberosVerdict,
  { place, user, backend }: { readonly place: KerberosPlace; readonly user: UserName; readonly backend: string },
): Answer {
  const { step, code } = verdict;
  if (code === 0) {
    const account = { name: `${user.local}@${user.realm}`, backend, addresses: [], groups: [], attributes: {} };
    return { kind: "accepted", account, credential: "password", version: "1" };
  }
  if (step === "name") return { kind: "rejected", why: "unknown-user" };
  const refusal = step === "password" ? REFUSALS.get(code) : undefined;
  if (refusal !== undefined) {
    const { why, noted } = refusal;
    return noted === undefined ? { kind: "rejected", why } : { kind: "rejected", why, note: printable(verdict.text) };
  }
  // Told when a ticket for us is asked for: the KDC keeps this account from this service.
  if (step === "verify" && code === KRB5_CODE.policy) {
    return { kind: "rejected", why: "not-allowed", note: printable(verdict.text) };
  }
  return { kind: "unavailable", cause: causeOf(verdict, place) };
}

/** What a verdict about our own key says of the KDC. */
export function reachOf(verdict: KerberosVerdict, place: KerberosPlace): Result<void, string> {
  const { step, code, text } = verdict;
  if (code === 0) return succeed(undefined);
  if (step !== "password") return fail(causeOf(verdict, place));
  if (code === KRB5_CODE.preauthFailed || code === KRB5_CODE.badIntegrity) {
    return fail(`the key of ${place.service} in ${place.keytab} is not the one that the KDC has: ${printable(text)}`);
  }
  // Some KDCs give services no tickets of their own. That was an answer, too.
  return REFUSALS.has(code) ? succeed(undefined) : fail(causeOf(verdict, place));
}

function causeOf({ step, code, text }: KerberosVerdict, { service, keytab }: KerberosPlace): string {
  if (code === KRB5_CODE.skew || code === KRB5_CODE.replySkew) return CLOCKS;
  if (step !== "verify" || code === KRB5_CODE.kdcUnreachable) return printable(text);
  return `the KDC has not proved that it knows the key of ${service} in ${keytab}: ${printable(text)}`;
}
