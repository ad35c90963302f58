/**
 * Domain names in the one form in which they are compared: lower-case A-labels (RFC 5890).
 *
 * @module
 */

import { domainToASCII } from "node:url";

const A_LABELS_REGEXP =
  /^(?=.{1,255}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** The lower-case A-label form of a host or domain name, or `null` when it is none. A final dot is not allowed (RFC 5321 section 2.3.5). */
export function toAscii(name: string): string | null {
  // deno-lint-ignore no-control-regex -- plain ASCII is told from the rest here
  const ascii = /^[\x00-\x7f]*$/.test(name) && !/(?:^|\.)xn--/i.test(name) ? name.toLowerCase() : domainToASCII(name);
  return A_LABELS_REGEXP.test(ascii) ? ascii : null;
}

/** Whether two names are the same domain. */
export function sameDomain(a: string, b: string): boolean {
  const left = toAscii(a);
  return left !== null && left === toAscii(b);
}
