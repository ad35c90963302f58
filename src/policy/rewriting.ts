/**
 * The rules of rewriting, applied to a header section and an envelope.
 *
 * @module
 */

import { mapAddresses } from "../message/map_addresses.ts";
import type { Envelope } from "../smtp/envelope.ts";
import { type MasqueradeRules, rewriteAddress } from "./masquerade.ts";

/** Fields that name who sends; sendmail masquerades these. */
const SENDERS: ReadonlySet<string> = new Set([
  ...["from", "sender", "reply-to", "errors-to", "disposition-notification-to"],
  ...["resent-from", "resent-sender", "resent-reply-to"],
]);
const RECIPIENTS: ReadonlySet<string> = new Set([
  ...["to", "cc", "bcc", "apparently-to"],
  ...["resent-to", "resent-cc", "resent-bcc"],
]);
const BOTH: ReadonlySet<string> = SENDERS.union(RECIPIENTS);

/** Rewrites the addresses in a header section; every other octet stays. */
export function rewriteHeader(rules: MasqueradeRules, header: Uint8Array): Uint8Array<ArrayBuffer> {
  const fields = rules.all || rules.addDomain !== null ? BOTH : SENDERS;
  return mapAddresses(
    header,
    fields,
    (address, { field }) =>
      rewriteAddress(rules, address, SENDERS.has(field) ? "header-sender" : "header-recipient").address,
  );
}

/** Rewrites the reverse-path; the null reverse-path and forward-paths stay. */
export function rewriteEnvelope(rules: MasqueradeRules, envelope: Envelope): Envelope {
  if (envelope.reversePath === null) return envelope;
  const { address } = rewriteAddress(rules, envelope.reversePath, "reverse-path");
  return address === envelope.reversePath ? envelope : { ...envelope, reversePath: address };
}
