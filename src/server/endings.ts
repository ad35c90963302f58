/**
 * Why a connection ended, in words for the log.
 *
 * @module
 */

import { TransportEnded } from "./octet_stream.ts";

/** The client has closed it. */
export const CLIENT_LEFT = "client left";

/** What ended the transport. */
export const ENDINGS = {
  peer: "connection lost",
  deadline: "timeout",
  tls: "TLS failed",
  closed: "closed",
} as const;

/** Why TLS could not be begun. */
export function tlsReason(ended: TransportEnded): string {
  const { cause } = ended;
  const inner = cause instanceof TransportEnded ? cause.cause : cause;
  return inner instanceof Error ? inner.message : ENDINGS[ended.because];
}
