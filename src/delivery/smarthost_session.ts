/**
 * Conversations with a smarthost.
 *
 * @module
 */

import type { SmarthostConfig } from "../config/config.ts";
import type { Result } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import type { DeliveryOutcome } from "../spool/spool.ts";
import { type ConversationSettings, openConversation } from "./conversation.ts";
import type { DeliverySession, Hop } from "./deliverer.ts";
import { openSession } from "./delivery_session.ts";
import { openWithToken } from "./oauth/token_login.ts";
import type { TokenSource } from "./oauth/token_source.ts";

/** What all conversations with one smarthost share. */
export interface SmarthostSessionSettings {
  readonly config: SmarthostConfig;
  /** The PEM of `caFile`. */
  readonly ca: string | null;
  /** Where access tokens come from; `null`: the login is a password, or there is none. */
  readonly tokens: TokenSource | null;
  readonly hostname: string;
  readonly log: Log;
  /** How long the reply to a final dot that was sent is waited for when the server stops. */
  readonly committedMs: number;
}

/** Connects, and goes through greeting, EHLO, TLS and AUTH; the problem holds for every mail for this hop. */
export function openSmarthostSession(
  { host, port, route }: Hop,
  { config, ca, tokens, hostname, log, committedMs }: SmarthostSessionSettings,
  signal: AbortSignal,
): Promise<Result<DeliverySession, DeliveryOutcome>> {
  const { tls, auth: password, oauth, allowClearTextPassword } = config;
  const report: ConversationSettings["report"] = (about, text) =>
    log({ kind: "alarm", about: `smarthost-${about}`, text, route, smarthost: `${host}:${port}` });
  const settings = {
    address: { host, port },
    ...{ host, hostname, tls, allowClearTextPassword, ca, log, committedMs },
    checkCertificate: tls !== "opportunistic",
  };
  if (tokens === null || oauth === null) {
    return openSession((during) => openConversation({ ...settings, auth: password, report }, during), signal);
  }
  return openSession((during) =>
    openWithToken(tokens, {
      ...{ host, report },
      open: (token, told) =>
        openConversation({ ...settings, auth: { user: oauth.user, token, port }, report: told }, during),
    }, during), signal);
}
