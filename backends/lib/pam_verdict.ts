/**
 * What a verdict of PAM means. Pure.
 *
 * @module
 */

import type { Answer, UserName } from "../../src/backend.ts";
import { utf8 } from "../../src/lib/octets.ts";
import { asciiLower, hasControl, printable } from "../../src/lib/text.ts";
import { PAM_CODE, type PamVerdict } from "./pam_library.ts";

/** Who was asked for, and by which backend. */
export interface PamAsked {
  /** The name as PAM was given it. */
  readonly given: string;
  readonly user: UserName;
  readonly backend: string;
}

const NAME_LIMIT_OCTETS = 255;

/**
 * Whether PAM may be given this name. Modules make file names of it (pam_faillock, pam_exec's scripts), and a name that begins with "-" or
 * "+" is an option or a mark of NIS to somebody.
 */
export function isPamName(name: string): boolean {
  return /^[^+-]/.test(name) && !/[/:]/.test(name) && !hasControl(name) && utf8(name).length <= NAME_LIMIT_OCTETS;
}

/** The answer to a verdict. Of codes that say neither yes nor no of this login, PAM could not tell. */
export function answerOf(verdict: PamVerdict, asked: PamAsked): Answer {
  const { code, text, call, askedForMore } = verdict;
  if (askedForMore && code !== PAM_CODE.success) {
    return { kind: "rejected", why: "not-allowed", note: "a module asked for more than a password" };
  }
  switch (code) {
    case PAM_CODE.success:
      return accepted(verdict, asked);
    case PAM_CODE.userUnknown:
      return { kind: "rejected", why: "unknown-user" };
    case PAM_CODE.authErr:
    case PAM_CODE.maxTries:
      // After the right password this is a rule about the account.
      return call === "pam_authenticate"
        ? { kind: "rejected", why: "wrong-secret" }
        : { kind: "rejected", why: "not-allowed", note: `${call}: ${text}` };
    case PAM_CODE.permDenied:
      return { kind: "rejected", why: "not-allowed", note: `${call}: ${text}` };
    case PAM_CODE.newAuthtokReqd:
      return { kind: "rejected", why: "must-change" };
    case PAM_CODE.acctExpired:
    case PAM_CODE.authtokExpired:
    case PAM_CODE.credExpired:
      return { kind: "rejected", why: "expired" };
    default:
      return { kind: "unavailable", cause: `${call}: ${text} (${code})` };
  }
}

function accepted({ user: named }: PamVerdict, { given, user, backend }: PamAsked): Answer {
  const name = named === null || named === given ? `${user.local}@${user.realm}` : accountName(named, user.realm);
  if (name === null) {
    const note = `PAM calls it ${printable(named ?? "")}, which cannot be the name of an account`;
    return { kind: "rejected", why: "not-allowed", note };
  }
  const account = { name, backend, addresses: [], groups: [], attributes: {} };
  return { kind: "accepted", account, credential: "password", version: "1" };
}

/** The name that a module has put in the place of the one it was given, such as `taro` for `TARO`. */
function accountName(named: string, realm: string): string | null {
  const at = named.lastIndexOf("@");
  const [local, domain] = at === -1 ? [named, realm] : [named.slice(0, at), asciiLower(named.slice(at + 1))];
  return isPamName(local) && domain !== "" ? `${local}@${domain}` : null;
}
