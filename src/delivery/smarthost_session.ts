/**
 * Conversations with a smarthost.
 *
 * @module
 */

import type { SmarthostConfig } from "../config/config.ts";
import type { Result } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import type { DeliveryOutcome } from "../spool/spool.ts";
import { openConversation } from "./conversation.ts";
import type { DeliverySession, Hop } from "./deliverer.ts";
import { openSession } from "./delivery_session.ts";

/** What all conversations with one smarthost share. */
export interface SmarthostSessionSettings {
  readonly config: SmarthostConfig;
  /** The PEM of `caFile`. */
  readonly ca: string | null;
  readonly hostname: string;
  readonly log: Log;
  /** How long the reply to a final dot that was sent is waited for when the server stops. */
  readonly committedMs: number;
}

/** Connects, and goes through greeting, EHLO, TLS and AUTH; the problem holds for every mail for this hop. */
export function openSmarthostSession(
  { host, port }: Hop,
  { config, ca, hostname, log, committedMs }: SmarthostSessionSettings,
  signal: AbortSignal,
): Promise<Result<DeliverySession, DeliveryOutcome>> {
  const { tls, auth, allowClearTextPassword } = config;
  return openSession(
    (during) =>
      openConversation({
        address: { host, port },
        ...{ host, hostname, tls, auth, allowClearTextPassword, ca, log, committedMs },
        checkCertificate: tls !== "opportunistic",
        report: (about, text) => log({ kind: "alarm", about: `smarthost-${about}`, text }),
      }, during),
    signal,
  );
}
