/**
 * One form for addresses that are the same mailbox to those who send to it.
 *
 * @module
 */

import { toAscii } from "../../lib/domain.ts";

/** Without case, the domain as an A-label: whoever changes the case of an address has no new recipient. */
export function canonicalMailbox(address: string): string {
  const at = address.lastIndexOf("@");
  const domain = at < 0 ? "" : address.slice(at + 1);
  const local = at < 0 ? address : address.slice(0, at);
  return `${local.normalize("NFC").toLowerCase()}@${toAscii(domain) ?? domain.toLowerCase()}`;
}
