/**
 * The rules of rewriting, applied to a header section and an envelope.
 *
 * @module
 */

import { mapAddresses } from "../message/map_addresses.ts";
import type { Envelope } from "../smtp/envelope.ts";
import { type AddressKind, type MasqueradeRules, rewriteAddress, type Rewritten } from "./masquerade.ts";

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

/** Says what becomes of an address that a client gives at this place. `rules` is `null` where nothing is rewritten. */
export function explainRewriting(rules: MasqueradeRules | null, address: string, kind: AddressKind): Rewritten {
  if (rules === null) return { address, by: [] };
  if (kind !== "reverse-path") return rewriteAddress(rules, address, kind);
  // A session completes it at once, and it is judged as completed.
  const given = rewriteAddress(rules, address, "forward-path");
  const became = rewriteAddress(rules, given.address, kind);
  return { address: became.address, by: [...given.by, ...became.by] };
}
