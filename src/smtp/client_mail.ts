/**
 * Mail transactions of the client: MAIL, RCPT, DATA and the content, pipelined where the other side allows it (RFC 2920).
 *
 * @module
 */

import { mailCommand, rcptCommand, unsendable } from "./client_parameters.ts";
import { type PeerReply, replyText } from "./client_reply.ts";
import {
  type ClientCommand,
  type ClientEffect,
  type ClientMail,
  type ClientOutcome,
  type ClientState,
  type ClientStep,
  end,
  endByReply,
  type MailPhase,
} from "./client_state.ts";
import type { Recipient } from "./envelope.ts";
import { unreachable } from "../lib/result.ts";

/** RFC 5321 section 4.5.3.1.8: every server takes at least this many. */
const RECIPIENTS_LIMIT = 100;

/** Begins a mail. Recipients that this hop cannot serve are settled before anything is sent. */
export function beginMail(state: ClientState, mail: ClientMail): ClientStep {
  const effects: ClientEffect[] = [];
  const unsettled: Recipient[] = [];
  for (const recipient of mail.recipients) {
    const outcome = unsendable(state, mail, recipient);
    if (outcome === null) unsettled.push(recipient);
    else effects.push({ kind: "settle", recipient: recipient.id, outcome });
  }
  const next = beginTransaction({ ...state, mails: state.mails + 1 }, mail, unsettled);
  return { state: next.state, effects: [...effects, ...next.effects] };
}

/** A reply to the oldest command that has none. */
export function onMailReply(state: ClientState, phase: MailPhase, reply: PeerReply): ClientStep {
  const [command, ...awaited] = phase.awaited;
  if (reply.code === 421) return endByReply(state, reply, { command: "to go on", cause: "refused" });
  // RFC 4954 section 6 and RFC 3207 section 4: 530 is about the conversation, so no mail may bounce for it.
  if (reply.code === 530) return endByReply(state, reply, { command: "mail without AUTH or STARTTLS", cause: "auth" });
  if (command === undefined) return endByReply(state, reply, { command: "nothing that was sent", cause: "network" });
  const next = { ...phase, awaited };
  switch (command.kind) {
    case "rset":
      if (!isPositive(reply)) return endByReply(state, reply, { command: "RSET", cause: "refused" });
      return proceed({ ...state, needsReset: false }, next);
    case "mail":
      return isPositive(reply) ? proceed({ ...state, needsReset: true }, next) : onMailRefused(state, next, reply);
    case "rcpt":
      return onRcptReply(state, next, command.recipient, reply);
    case "data":
      return onDataReply(state, next, reply);
    case "dot":
      return onDotReply(state, next, { empty: command.empty, reply });
    case "dot-for":
      return onLmtpReply(state, next, { recipient: command.recipient, reply });
    default:
      return unreachable(command);
  }
}

/** The other side did not wait for the final dot. What it said counts, unless it is a yes: there is nothing yet to say yes to. */
export function onEarlyReply(state: ClientState, reply: PeerReply): ClientStep {
  return onContentFailed(state, refusal(reply));
}

/** The content ended without its final dot: the connection is of no use any more. */
export function onContentFailed(state: ClientState, outcome: ClientOutcome): ClientStep {
  if (state.phase.at !== "mail") return { state, effects: [] };
  const settled = settle(state.phase, outcome, state.phase.accepted);
  const reply = "451 4.3.0 The content could not be sent";
  const ended = end({ ...state, phase: settled.phase }, { kind: "deferred", cause: "local", reply }, null);
  return { state: ended.state, effects: [...settled.effects, ...ended.effects] };
}

/**
 * Begins a transaction for the first recipients without an outcome; without any the mail is done. Each transaction settles one of them
 * or more, so this comes to an end.
 */
function beginTransaction(state: ClientState, mail: ClientMail, unsettled: readonly Recipient[]): ClientStep {
  if (unsettled.length === 0) return { state: { ...state, phase: { at: "ready" } }, effects: [] };
  const unsent: readonly ClientCommand[] = [
    ...(state.needsReset ? [{ kind: "rset" } as const] : []),
    { kind: "mail" },
    ...unsettled.slice(0, RECIPIENTS_LIMIT).map((recipient) => ({ kind: "rcpt", recipient } as const)),
    { kind: "data" },
  ];
  return proceed(state, { at: "mail", mail, unsettled, unsent, awaited: [], accepted: [] });
}

/** Sends what may be sent now, or ends the transaction when nothing is left to send and to await. */
function proceed(state: ClientState, phase: MailPhase): ClientStep {
  if (phase.awaited.length > 0) return { state: { ...state, phase }, effects: [] };
  const pipelining = state.offers.has("PIPELINING");
  const batch = phase.unsent.slice(0, pipelining ? phase.unsent.length : 1);
  const [first] = batch;
  const nobody = first?.kind === "data" && phase.accepted.length === 0;
  if (first === undefined || nobody) return beginTransaction(state, phase.mail, phase.unsettled);
  return {
    state: { ...state, phase: { ...phase, unsent: phase.unsent.slice(batch.length), awaited: batch } },
    effects: [{ kind: "write", text: batch.map((command) => commandLine(state, phase.mail, command)).join("") }],
  };
}

function onRcptReply(state: ClientState, phase: MailPhase, recipient: Recipient, reply: PeerReply): ClientStep {
  // MAIL was refused: this reply has nothing to tell.
  if (phase.unsettled.length === 0) return proceed(state, phase);
  if (isPositive(reply)) return proceed(state, { ...phase, accepted: [...phase.accepted, recipient] });
  const tooMany = reply.code === 452 || reply.code === 552;
  // Whoever is one too many for this transaction stays unsettled and gets into the next one.
  if (tooMany && phase.accepted.length > 0) return proceed(state, phase);
  // RFC 5321 section 4.5.3.1.10: 552 to RCPT is meant as 452.
  const outcome: ClientOutcome = reply.code === 552
    ? { kind: "deferred", cause: "refused", reply: replyText(reply) }
    : refusal(reply);
  const settled = settle(phase, outcome, [recipient]);
  return append(settled.effects, proceed(state, settled.phase));
}

function onDataReply(state: ClientState, phase: MailPhase, reply: PeerReply): ClientStep {
  if (reply.code === 354) {
    const lmtp = state.settings.protocol === "lmtp";
    if (phase.accepted.length > 0) {
      const awaited: readonly ClientCommand[] = lmtp
        ? phase.accepted.map((recipient) => ({ kind: "dot-for", recipient }))
        : [{ kind: "dot", empty: false }];
      return {
        state: { ...state, phase: { ...phase, awaited } },
        effects: [{ kind: "send-content", recipients: phase.accepted.map(({ id }) => id) }],
      };
    }
    // RFC 2033 section 4.2: it has to be refused then, and there would be nobody to reply for.
    if (lmtp) return endByReply(state, reply, { command: "DATA for nobody", cause: "network" });
    // RFC 2920 section 3.1: DATA was pipelined and nobody is left; a final dot alone ends it.
    return {
      state: { ...state, phase: { ...phase, awaited: [{ kind: "dot", empty: true }] } },
      effects: [{ kind: "write", text: ".\r\n" }],
    };
  }
  if (reply.code < 400) return endByReply(state, reply, { command: "DATA", cause: "network" });
  const settled = settle(phase, refusal(reply), phase.accepted);
  return append(settled.effects, beginTransaction(state, phase.mail, settled.phase.unsettled));
}

function onDotReply(
  state: ClientState,
  phase: MailPhase,
  { empty, reply }: { readonly empty: boolean; readonly reply: PeerReply },
): ClientStep {
  const ended = { ...state, needsReset: false };
  if (empty) return beginTransaction(ended, phase.mail, phase.unsettled);
  const dsn = state.offers.has("DSN") ? { dsn: true } : {};
  const outcome: ClientOutcome = isPositive(reply)
    ? { kind: "relayed", reply: replyText(reply), ...dsn }
    : refusal(reply);
  const settled = settle(phase, outcome, phase.accepted);
  return append(settled.effects, beginTransaction(ended, phase.mail, settled.phase.unsettled));
}

/** RFC 2033 section 4.2: each reply after the content is about one recipient, in the order of RCPT. */
function onLmtpReply(
  state: ClientState,
  phase: MailPhase,
  { recipient, reply }: { readonly recipient: Recipient; readonly reply: PeerReply },
): ClientStep {
  const ended = { ...state, needsReset: false };
  // Whoever offers DSN makes the reports; for all others this is where the mail ends.
  const taken: ClientOutcome = state.offers.has("DSN")
    ? { kind: "relayed", reply: replyText(reply), dsn: true }
    : { kind: "delivered", reply: replyText(reply) };
  const settled = settle(phase, isPositive(reply) ? taken : refusal(reply), [recipient]);
  const next = phase.awaited.length > 0
    ? { state: { ...ended, phase: settled.phase }, effects: [] }
    : beginTransaction(ended, phase.mail, settled.phase.unsettled);
  return append(settled.effects, next);
}

/** Nobody gets this mail; the replies to what was pipelined behind MAIL are still to come. */
function onMailRefused(state: ClientState, phase: MailPhase, reply: PeerReply): ClientStep {
  const settled = settle({ ...phase, unsent: [] }, refusal(reply), phase.unsettled);
  return append(settled.effects, proceed(state, settled.phase));
}

function settle(
  phase: MailPhase,
  outcome: ClientOutcome,
  recipients: readonly Recipient[],
): { readonly phase: MailPhase; readonly effects: readonly ClientEffect[] } {
  const ids = new Set(recipients.map(({ id }) => id));
  return {
    phase: { ...phase, unsettled: phase.unsettled.filter(({ id }) => !ids.has(id)) },
    effects: recipients.map(({ id }) => ({ kind: "settle", recipient: id, outcome })),
  };
}

function append(effects: readonly ClientEffect[], step: ClientStep): ClientStep {
  return { state: step.state, effects: [...effects, ...step.effects] };
}

/** A reply that is neither yes nor a clear 5xx is a "not now": a mail bounces only for what was said outright. */
function refusal(reply: PeerReply): ClientOutcome {
  const text = replyText(reply);
  if (reply.code >= 500) return { kind: "failed", reply: text, enhanced: reply.enhanced ?? "5.0.0" };
  return { kind: "deferred", reply: text, cause: "refused" };
}

function isPositive(reply: PeerReply): boolean {
  return reply.code >= 200 && reply.code < 300;
}

function commandLine(state: ClientState, mail: ClientMail, command: ClientCommand): string {
  switch (command.kind) {
    case "rset":
      return "RSET\r\n";
    case "mail":
      return mailCommand(state, mail);
    case "rcpt":
      return rcptCommand(state, mail, command.recipient);
    case "data":
      return "DATA\r\n";
    case "dot":
    case "dot-for":
      return ".\r\n";
    default:
      return unreachable(command);
  }
}
