/**
 * What the machine of `client.ts` knows and may ask for, and how a conversation ends.
 *
 * @module
 */

import type { ClientTurn } from "../sasl/client_exchange.ts";
import type { Recipient } from "./envelope.ts";
import { type PeerReply, replyText } from "./client_reply.ts";

/** A mail to hand over. */
export interface ClientMail {
  readonly reversePath: string | null;
  readonly recipients: readonly Recipient[];
  readonly sizeOctets: number;
  /** Whether the content has octets above 127. */
  readonly has8bit: boolean;
  /** Whether MAIL said SMTPUTF8. */
  readonly smtputf8: boolean;
  readonly ret: "full" | "hdrs" | null;
  readonly envid: string | null;
}

/** How it went for one recipient. Every `reply` is one line that begins with a code. */
export type ClientOutcome =
  /** `dsn`: the other side offers DSN, so it makes the reports from here on (RFC 3461 section 5.2.1). */
  | { readonly kind: "relayed" | "delivered"; readonly reply: string; readonly dsn?: boolean }
  | DeferredOutcome
  /** `ours`: it was not the other side that said so. */
  | { readonly kind: "failed"; readonly reply: string; readonly enhanced: string; readonly ours?: boolean };

/** Not now. */
export interface DeferredOutcome {
  readonly kind: "deferred";
  readonly reply: string;
  readonly cause: "refused" | "network" | "tls" | "auth" | "local";
}

/** A login by password. */
export interface PasswordLogin {
  readonly authzid: string;
  readonly authcid: string;
  readonly password: string;
  readonly realm: string;
}

/** A login by OAuth: shown only with TLS whose certificate was checked, or on this machine. */
export interface TokenLogin {
  readonly user: string;
  readonly token: string;
  /** The other side's, as the configuration has it. */
  readonly port: number;
}

/** What a conversation is to be like. */
export interface ClientSettings {
  /** Default `smtp`. `lmtp` (RFC 2033): LHLO, and after the content a reply for each recipient. */
  readonly protocol?: "smtp" | "lmtp";
  /** Our name for EHLO. */
  readonly hostname: string;
  /** The name of the next hop, for the log and for SASL. */
  readonly host: string;
  readonly tls: "required" | "implicit" | "opportunistic" | "never";
  readonly auth: PasswordLogin | TokenLogin | null;
  /** PLAIN and LOGIN also without TLS whose certificate was checked. */
  readonly allowClearTextPassword: boolean;
  /** Whether the other side is this machine. */
  readonly loopback: boolean;
  /** Unpredictable, for this conversation alone; at least 16 octets. */
  readonly nonce: Uint8Array;
}

/** A command that was sent, or is to be. */
export type ClientCommand =
  | { readonly kind: "rset" | "mail" | "data" }
  | { readonly kind: "rcpt"; readonly recipient: Recipient }
  /** The content up to its final dot. `empty`: a final dot alone, for a DATA that nobody wants any more. */
  | { readonly kind: "dot"; readonly empty: boolean }
  /** The same in LMTP: one is awaited for each recipient that was taken. */
  | { readonly kind: "dot-for"; readonly recipient: Recipient };

/** A mail transaction under way. */
export interface MailPhase {
  readonly at: "mail";
  readonly mail: ClientMail;
  /** Recipients without an outcome, those of later transactions of this mail included. */
  readonly unsettled: readonly Recipient[];
  /** Of this transaction: not sent yet, and sent without a reply yet. */
  readonly unsent: readonly ClientCommand[];
  readonly awaited: readonly ClientCommand[];
  /** Recipients of this transaction that the other side took. */
  readonly accepted: readonly Recipient[];
}

/** The SASL exchange of a conversation, and the initial response where the other side has to ask for it. */
export interface AuthPhase {
  readonly at: "auth";
  readonly exchange: ClientTurn;
  readonly withheld: Uint8Array | null;
}

/** Where a conversation is. */
export type ClientPhase =
  | { readonly at: "greeting" | "ehlo" | "helo" | "starttls" | "tls" | "ready" }
  | AuthPhase
  | MailPhase
  /** `outcome`: why it ended; it holds for every mail that wanted this hop. `null` after QUIT. */
  | { readonly at: "closed"; readonly outcome: DeferredOutcome | null };

/** A conversation. */
export interface ClientState {
  readonly settings: ClientSettings;
  readonly phase: ClientPhase;
  /** What EHLO offered: keyword in upper case, parameters. Empty after HELO. */
  readonly offers: ReadonlyMap<string, string>;
  readonly secure: { readonly checked: boolean } | null;
  /** Mails that were begun in this conversation. */
  readonly mails: number;
  /** A transaction may stand open on the other side. */
  readonly needsReset: boolean;
}

/** What the caller has to do, in this order. */
export type ClientEffect =
  /** May hold a secret: never logged. */
  | { readonly kind: "write"; readonly text: string }
  /** Drop what was received, then the handshake, then `tls-established` or `lost`. */
  | { readonly kind: "start-tls" }
  /** Send the content with doubled dots; before the final dot await that the attempt for these recipients is durable. */
  | { readonly kind: "send-content"; readonly recipients: readonly number[] }
  | { readonly kind: "settle"; readonly recipient: number; readonly outcome: ClientOutcome }
  /** Nothing of the mail reached the other side, which was tired of this conversation: try it once in a new one. */
  | { readonly kind: "unsent" }
  /** For the administrator. */
  | { readonly kind: "alarm"; readonly about: "network" | "tls" | "auth"; readonly text: string }
  | { readonly kind: "close" };

/** One step. */
export interface ClientStep {
  readonly state: ClientState;
  readonly effects: readonly ClientEffect[];
}

/** A conversation that has just been connected. `secure`: with implicit TLS, what the handshake said. */
export function startConversation(settings: ClientSettings, secure: { readonly checked: boolean } | null): ClientState {
  return { settings, phase: { at: "greeting" }, offers: new Map(), secure, mails: 0, needsReset: false };
}

/** Ends a conversation for a reason that is no mail's fault: whoever has no outcome yet is deferred. `alarm`: what the administrator is told. */
export function end(state: ClientState, outcome: DeferredOutcome, alarm: string | null): ClientStep {
  const about = outcome.cause === "tls" || outcome.cause === "auth" ? outcome.cause : "network";
  return {
    state: { ...state, phase: { at: "closed", outcome } },
    effects: [
      ...orphans(state, outcome),
      ...(alarm === null ? [] : [{ kind: "alarm", about, text: `${state.settings.host}: ${alarm}` } as const]),
      { kind: "close" },
    ],
  };
}

/** Ends a conversation for a reply with which it cannot go on; all but a 4xx raise an alarm. `command` completes "refused ...". */
export function endByReply(
  state: ClientState,
  reply: PeerReply,
  { command, cause }: { readonly command: string; readonly cause: DeferredOutcome["cause"] },
): ClientStep {
  const said = replyText(reply);
  const text = reply.code >= 400 ? said : `451 4.5.0 The server answered ${command} with "${said}"`;
  const temporary = reply.code >= 400 && reply.code < 500;
  return end(state, { kind: "deferred", reply: text, cause }, temporary ? null : `refused ${command}: ${said}`);
}

function orphans({ phase, mails }: ClientState, outcome: DeferredOutcome): readonly ClientEffect[] {
  if (phase.at !== "mail") return [];
  const first = phase.awaited[0]?.kind;
  if (mails > 1 && (first === "rset" || first === "mail") && phase.unsettled.length === phase.mail.recipients.length) {
    return [{ kind: "unsent" }];
  }
  return phase.unsettled.map(({ id }) => ({ kind: "settle", recipient: id, outcome }));
}
