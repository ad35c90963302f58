/**
 * What a server's answer to the bind of a user means: the codes of RFC 4511, of the password policy control, of Active Directory and of
 * 389 Directory Server (FreeIPA).
 *
 * @module
 */

import type { RejectedBecause } from "../src/backend.ts";
import { type BindReply, RESULT_CODE, wordsOf } from "./ldap_connection.ts";

/** Yes, no, or a server that cannot tell. */
export type BindVerdict =
  | { readonly kind: "accepted" }
  | { readonly kind: "rejected"; readonly why: RejectedBecause; readonly note?: string }
  | { readonly kind: "unavailable"; readonly cause: string };

/** The errors of the password policy control that a bind can have. */
const POLICY_ERRORS: ReadonlyMap<number, RejectedBecause> = new Map([
  [0, "expired"],
  [1, "disabled"],
  [2, "must-change"],
]);

/** The "data" of Active Directory, a Windows error number in hexadecimal. */
const AD_DATA: ReadonlyMap<string, RejectedBecause> = new Map([
  ["525", "unknown-user"],
  ["52e", "wrong-secret"],
  ["530", "not-allowed"], // at this time
  ["531", "not-allowed"], // from this machine
  ["532", "expired"], // the password
  ["533", "disabled"],
  ["701", "expired"], // the account
  ["773", "must-change"],
  ["775", "disabled"], // locked out
]);

const CONSTRAINT_VIOLATION = 19;
const INAPPROPRIATE_AUTHENTICATION = 48;
const UNWILLING_TO_PERFORM = 53;

/** Whether the bind of a user was a login. */
export function judgeBind({ code, message, policyError }: BindReply): BindVerdict {
  const policy = policyError === null ? undefined : POLICY_ERRORS.get(policyError);
  switch (code) {
    case RESULT_CODE.success:
      // After a reset the server says yes, and then allows nothing but a change of the password.
      return policy === undefined ? { kind: "accepted" } : rejected(policy);
    case RESULT_CODE.invalidCredentials:
      return rejected(
        policy ?? AD_DATA.get(/\bdata ([0-9a-f]+)\b/i.exec(message)?.[1]?.toLowerCase() ?? "") ?? "wrong-secret",
      );
    case RESULT_CODE.noSuchObject:
    case RESULT_CODE.invalidDnSyntax:
      return rejected("unknown-user");
    case INAPPROPRIATE_AUTHENTICATION:
      // The entry has no password.
      return rejected("wrong-secret");
    case CONSTRAINT_VIOLATION:
    case UNWILLING_TO_PERFORM:
      // Said of this account. As an outage it would be one for everybody, and for whoever knows such a name to make.
      return rejected(policy ?? reasonInWords(message), wordsOf({ code, message }));
    default:
      return { kind: "unavailable", cause: `the server does not answer binds: ${wordsOf({ code, message })}` };
  }
}

/** 389 Directory Server and FreeIPA have no codes for these, only words. */
function reasonInWords(message: string): RejectedBecause {
  if (/inactivated|retry limit|too many failed logins|account (?:is )?(?:locked|disabled)/i.test(message)) {
    return "disabled";
  }
  return /expired/i.test(message) ? "expired" : "not-allowed";
}

function rejected(why: RejectedBecause, note?: string): BindVerdict {
  return { kind: "rejected", why, ...(note === undefined ? {} : { note }) };
}
