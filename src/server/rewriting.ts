/**
 * Whose mail is rewritten, as it comes in.
 *
 * @module
 */

import { grantByClient } from "../policy/access.ts";
import { rewriteEnvelope, rewriteHeader } from "../policy/rewriting.ts";
import type { Envelope } from "../smtp/envelope.ts";
import type { DecidedFor, Generation } from "./generation.ts";

/** What is done to one mail. */
export interface Rewriting {
  envelope(envelope: Envelope): Envelope;
  header(header: Uint8Array): Uint8Array<ArrayBuffer>;
}

/**
 * Mail of somebody who has logged in, and of machines that relay by their address; `null`: it is left as it is. Mail that strangers send
 * to us is theirs, whatever addresses it names.
 */
export async function rewritingFor(
  { config: { masquerade }, parts }: Generation,
  { identity, remote }: DecidedFor,
): Promise<Rewriting | null> {
  if (masquerade === null) return null;
  if (identity === null && grantByClient(await parts.access(), remote) === null) return null;
  return {
    envelope: (envelope) => rewriteEnvelope(masquerade, envelope),
    header: (header) => rewriteHeader(masquerade, header),
  };
}
