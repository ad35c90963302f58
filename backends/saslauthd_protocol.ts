/**
 * The protocol of saslauthd's socket as octets: four counted strings go out, one comes back. No I/O.
 *
 * @module
 */

import type { Answer, RejectedBecause } from "../src/backend.ts";
import { concat, latin1, utf8 } from "../src/lib/octets.ts";
import { printable } from "../src/lib/text.ts";

/** What saslauthd is asked. */
export interface SaslauthdRequest {
  readonly login: string;
  readonly password: string;
  readonly service: string;
  readonly realm: string;
}

/** The longest string that saslauthd takes (its MAX_REQ_LEN); the count before it would allow 65,535. */
export const STRING_LIMIT_OCTETS = 256;
/** The longest answer that is read; real ones are a line. */
const ANSWER_LIMIT_OCTETS = 1024;

/** What saslauthd 2.1 says when it could not look at all, at the beginning of an answer. */
const OUTAGES: readonly string[] = [
  "NO Username lookup failure",
  "NO Username shadow lookup failure",
  "NO Insufficient permission",
  "NO setpwdb() internal failure",
  "NO saslauthd internal error",
  "NO krb5_verify_init_creds failed",
  "NO PAM start error",
  "NO [ALERT]",
  "NO internal mechanism failure",
  "NO NULL response from mechanism",
];

/** What it says of an account, whole. */
const REASONS: ReadonlyMap<string, RejectedBecause> = new Map([
  ["NO Invalid username", "unknown-user"],
  ["NO Invalid shadow username", "unknown-user"],
  ["NO Account expired", "expired"],
  ["NO Password expired", "must-change"],
  // The password was right, the account may not log in; PAM's reason is in saslauthd's log.
  ["NO PAM acct error", "not-allowed"],
]);

/** The octets of a question. Each string has at most `STRING_LIMIT_OCTETS` octets and no NUL. */
export function encodeSaslauthd({ login, password, service, realm }: SaslauthdRequest): Uint8Array<ArrayBuffer> {
  return concat(...[login, password, service, realm].flatMap((string) => {
    const octets = utf8(string);
    if (octets.length > STRING_LIMIT_OCTETS) throw new RangeError(`Cannot send a string of ${octets.length} octets`);
    return [new Uint8Array([octets.length >> 8, octets.length & 0xff]), octets];
  }));
}

/** The answer that these octets begin with; `undefined` while more have to come. One that is longer than any real one is empty. */
export function decodeSaslauthd(octets: Uint8Array): string | undefined {
  const [high, low] = octets;
  if (high === undefined || low === undefined) return undefined;
  const length = high << 8 | low;
  if (length > ANSWER_LIMIT_OCTETS) return "";
  return octets.length < 2 + length ? undefined : latin1(octets.subarray(2, 2 + length));
}

/** What the answer means where it is no yes; `null` for a yes. Its words go no further than a log line, and only those of an outage. */
export function refusalOf(answer: string): Exclude<Answer, { readonly kind: "accepted" }> | null {
  if (/^OK(?:\W|$)/.test(answer)) return null;
  if (!/^NO(?:\W|$)/.test(answer)) return { kind: "unavailable", cause: "saslauthd gave neither OK nor NO" };
  if (OUTAGES.some((beginning) => answer.startsWith(beginning))) {
    return { kind: "unavailable", cause: `saslauthd: ${printable(answer.slice(3))}` };
  }
  return { kind: "rejected", why: REASONS.get(answer) ?? "wrong-secret" };
}
