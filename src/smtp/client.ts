/**
 * The client side of an SMTP conversation as a pure machine: `step` takes what happened and tells what to do next. It never reads a
 * clock, a socket or a file. What counts as permanent is decided here: only a 5xx to MAIL, RCPT, DATA or the final dot.
 *
 * @module
 */

import { unreachable } from "../lib/result.ts";
import { beginMail, onContentFailed, onEarlyReply, onMailReply } from "./client_mail.ts";
import { onOpenReply, onTlsEstablished } from "./client_open.ts";
import type { PeerReply } from "./client_reply.ts";
import { type ClientMail, type ClientOutcome, type ClientState, type ClientStep, end } from "./client_state.ts";

/** What can happen in a conversation. */
export type ClientEvent =
  | { readonly kind: "reply"; readonly reply: PeerReply }
  /** The handshake is done. `checked`: the certificate is good and belongs to the host. */
  | { readonly kind: "tls-established"; readonly checked: boolean }
  /** Only in phase `ready`. */
  | { readonly kind: "send"; readonly mail: ClientMail }
  /** A reply came in the middle of the content, whose final dot was not sent and will not be. */
  | { readonly kind: "early-reply"; readonly reply: PeerReply }
  /** The final dot was not sent and will not be: the content could not be read, or may not be sent. */
  | { readonly kind: "content-failed"; readonly outcome: ClientOutcome }
  /**
   * The connection is gone, silent for too long, or does not speak SMTP; `local`: we want no more of it. `text` may end in a bounce,
   * `detail` is for the administrator alone.
   */
  | {
    readonly kind: "lost";
    readonly cause: "network" | "tls" | "local";
    readonly text: string;
    readonly detail: string | null;
  }
  /** Only in phase `ready`. */
  | { readonly kind: "quit" };

const LOST_CODE = { network: "4.4.2", tls: "4.7.5", local: "4.3.2" } as const;

/** The next state of a conversation and what to do, in this order. */
export function step(state: ClientState, event: ClientEvent): ClientStep {
  if (state.phase.at === "closed") return { state, effects: [] };
  switch (event.kind) {
    case "reply":
      return onReply(state, event.reply);
    case "tls-established":
      return onTlsEstablished(state, event.checked);
    case "send":
      return beginMail(state, event.mail);
    case "early-reply":
      return onEarlyReply(state, event.reply);
    case "content-failed":
      return onContentFailed(state, event.outcome);
    case "lost":
      return onLost(state, event);
    case "quit":
      return {
        state: { ...state, phase: { at: "closed", outcome: null } },
        effects: [{ kind: "write", text: "QUIT\r\n" }, { kind: "close" }],
      };
    default:
      return unreachable(event);
  }
}

/** How long the next reply may take, in milliseconds (RFC 5321 section 4.5.3.2). */
export function replyDeadlineMs({ phase }: ClientState): number {
  if (phase.at !== "mail") return 5 * 60_000;
  switch (phase.awaited[0]?.kind) {
    case "data":
      return 2 * 60_000;
    case "dot":
    case "dot-for":
      return 10 * 60_000;
    default:
      return 5 * 60_000;
  }
}

function onLost(state: ClientState, { cause, text, detail }: Extract<ClientEvent, { kind: "lost" }>): ClientStep {
  const alarm = detail === null ? text : `${text}: ${detail}`;
  return end(
    state,
    { kind: "deferred", cause, reply: `451 ${LOST_CODE[cause]} ${text}` },
    cause === "local" ? null : alarm,
  );
}

function onReply(state: ClientState, reply: PeerReply): ClientStep {
  if (state.phase.at === "mail") return onMailReply(state, state.phase, reply);
  return onOpenReply(state, reply);
}
