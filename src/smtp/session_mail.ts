/**
 * The mail transaction in a session (RFC 5321 section 3.3, RFC 3030, RFC 6409): MAIL, RCPT, DATA, BDAT and what comes of them.
 *
 * @module
 */

import { unreachable } from "../lib/result.ts";
import type { Envelope, Recipient } from "./envelope.ts";
import { parseMailParameters, parseRcptParameters } from "./parameters.ts";
import { formatMailbox, type Mailbox, parsePath } from "./path.ts";
import { repairPath } from "./repair.ts";
import type { Reply } from "./reply.ts";
import { queued, REPLIES } from "./replies.ts";
import {
  at,
  closeWith,
  type ContentOutcome,
  type Disposition,
  type Effect,
  lacksTls,
  mayRepair,
  type Phase,
  quietly,
  refuse,
  repaired,
  say,
  type SessionContext,
  type SessionState,
  type Step,
  type Verdict,
} from "./session_state.ts";

/** MAIL FROM:<reverse-path> [parameters]. */
export function mail(before: SessionState, given: string, context: SessionContext): Step {
  const { state, argument } = repairArgument(before, given, context);
  if (lacksTls(state, context)) return refuse(state, REPLIES.tlsRequired, context);
  if (state.health) return refuse(state, REPLIES.healthOnly, context);
  const early = state.phase.at === "greeted" && context.needHello === false;
  if (state.helo === null && context.needHello !== false) return refuse(state, REPLIES.sendHello, context);
  if (context.role === "msa" && state.identity === null) return refuse(state, REPLIES.authRequired, context);
  if (state.phase.at !== "ready" && !early) return refuse(state, REPLIES.nestedMail, context);
  if (!/^from:/i.test(argument)) return refuse(state, REPLIES.mailSyntax, context);
  const path = parsePath(argument.slice(5));
  if (path.kind === "syntax") return refuse(state, REPLIES.mailSyntax, context);
  if (path.kind === "bad-mailbox") return refuse(state, REPLIES.senderBad, context);
  const parameters = parseMailParameters(path.rest);
  if (!parameters.ok) return refuse(state, parameters.problem, context);
  const { declaredSizeOctets, smtputf8 } = parameters.value;
  if (declaredSizeOctets !== null && declaredSizeOctets > context.limits.messageOctets) {
    return refuse(state, REPLIES.tooLarge, context, { counts: null });
  }
  let reversePath: string | null = null;
  if (path.kind === "mailbox") {
    const mailbox = withDomain(path.mailbox, context);
    if (mailbox.domain === null) return refuse(state, REPLIES.senderBad, context);
    if (!smtputf8 && !isAscii(argument)) return refuse(state, REPLIES.needsSmtputf8, context);
    if (context.role === "msa" && !isQualified(path.mailbox, context)) {
      return refuse(state, REPLIES.senderUnqualified, context);
    }
    reversePath = formatMailbox(mailbox);
  }
  const envelope: Envelope = { reversePath, recipients: [], ...parameters.value };
  return quietly(at(state, { at: "deciding-mail", envelope }), decide(state, { about: "mail", envelope }));
}

/** RCPT TO:<forward-path> [parameters]. */
export function rcpt(before: SessionState, given: string, context: SessionContext): Step {
  const { state, argument } = repairArgument(before, given, context);
  const { phase } = state;
  if (phase.at !== "mail") return refuse(state, REPLIES.needMail, context);
  const { envelope, disposition } = phase;
  if (!/^to:/i.test(argument)) return refuse(state, REPLIES.rcptSyntax, context);
  const path = parsePath(argument.slice(3));
  if (path.kind === "syntax") return refuse(state, REPLIES.rcptSyntax, context);
  if (path.kind !== "mailbox") return refuse(state, REPLIES.recipientBad, context);
  const parameters = parseRcptParameters(path.rest);
  if (!parameters.ok) return refuse(state, parameters.problem, context);
  // RFC 5321 section 4.1.1.3: postmaster alone needs no domain.
  const isPostmaster = path.mailbox.domain === null && path.mailbox.local.toLowerCase() === "postmaster";
  const mailbox = isPostmaster ? path.mailbox : withDomain(path.mailbox, context);
  if (mailbox.domain === null && !isPostmaster) return refuse(state, REPLIES.recipientBad, context);
  if (!envelope.smtputf8 && !isAscii(argument)) return refuse(state, REPLIES.needsSmtputf8, context);
  if (context.role === "msa" && !isPostmaster && !isQualified(path.mailbox, context)) {
    return refuse(state, REPLIES.recipientUnqualified, context);
  }
  if (envelope.recipients.length >= context.limits.recipients) {
    return refuse(state, REPLIES.tooManyRecipients, context, { counts: null });
  }
  const recipient: Recipient = {
    id: envelope.recipients.length + 1,
    forwardPath: formatMailbox(mailbox),
    ...parameters.value,
  };
  const next: Phase = { at: "deciding-rcpt", envelope, disposition, recipient };
  return quietly(at(state, next), decide(state, { about: "rcpt", envelope, recipient }));
}

/** What policy says of MAIL or RCPT. */
export function mailDecided(state: SessionState, verdict: Verdict, context: SessionContext): Step {
  const { phase } = state;
  // 421 tells that the connection ends (RFC 5321 section 3.8).
  if (verdict.kind === "refuse" && verdict.reply.code === 421) {
    return closeWith(state, verdict.reply, context, { why: verdict.rule });
  }
  if (phase.at === "deciding-mail") {
    if (verdict.kind === "refuse") {
      return refuse(at(state, { at: "ready" }), verdict.reply, context, { counts: null, why: verdict.rule });
    }
    const rewritten = verdict.kind === "accept" && verdict.reversePath !== undefined
      ? { ...phase.envelope, reversePath: verdict.reversePath }
      : phase.envelope;
    const disposition = stronger("deliver", verdict);
    return say(at(state, { at: "mail", envelope: rewritten, disposition }), REPLIES.senderOk);
  }
  if (phase.at !== "deciding-rcpt") return quietly(state);
  const { envelope, recipient } = phase;
  if (verdict.kind === "refuse") {
    const back = at(state, { at: "mail", envelope, disposition: phase.disposition });
    return refuse(back, verdict.reply, context, {
      counts: verdict.reply.code >= 500 ? "refusedRecipients" : null,
      why: verdict.rule,
    });
  }
  const extended: Envelope = { ...envelope, recipients: [...envelope.recipients, recipient] };
  const disposition = stronger(phase.disposition, verdict);
  return say(at(state, { at: "mail", envelope: extended, disposition }), REPLIES.recipientOk);
}

/** DATA. */
export function data(state: SessionState, argument: string, context: SessionContext): Step {
  if (argument !== "") return refuse(state, REPLIES.noArguments, context);
  const { phase } = state;
  if (phase.at === "chunks") return refuse(state, REPLIES.dataAfterBdat, context);
  if (phase.at !== "mail") return refuse(state, REPLIES.needMail, context);
  if (phase.envelope.recipients.length === 0) return refuse(state, REPLIES.noRecipients, context);
  return {
    state: at(state, { at: "content" }),
    effects: [
      openContent(state, phase.envelope, phase.disposition),
      { kind: "reply", reply: REPLIES.startData, refusal: null },
      { kind: "receive-content" },
    ],
  };
}

/** BDAT size [LAST]. The octets of a refused chunk follow all the same and are read over (RFC 3030 section 2). */
export function bdat(state: SessionState, argument: string, context: SessionContext): Step {
  const match = /^(\d{1,15})(?: (last))?$/i.exec(argument);
  if (match === null) return refuse(state, REPLIES.bdatSyntax, context);
  const count = Number(match[1]);
  const last = match[2] !== undefined;
  const { phase } = state;
  if (lacksTls(state, context)) {
    return skipChunk(state, count, { reply: REPLIES.tlsRequired, after: phase });
  }
  if (phase.at === "chunks") {
    if (phase.problem) return skipChunk(state, count, { reply: REPLIES.chunkAfterProblem, after: phase });
    return quietly(state, { kind: "receive-octets", count, last, discard: false });
  }
  if (phase.at !== "mail") return skipChunk(state, count, { reply: REPLIES.needMail, after: phase });
  if (phase.envelope.recipients.length === 0) {
    return skipChunk(state, count, { reply: REPLIES.noRecipients, after: phase });
  }
  return quietly(
    at(state, { at: "chunks", problem: false }),
    openContent(state, phase.envelope, phase.disposition),
    { kind: "receive-octets", count, last, discard: false },
  );
}

/** The octets of a chunk that is not the last, or of a refused one, are all here. */
export function octetsReceived(
  state: SessionState,
  problem: "too-large" | "no-space" | "unavailable" | null,
  context: SessionContext,
): Step {
  const { phase } = state;
  if (phase.at === "skipping-chunk") return refuse(at(state, phase.after), phase.reply, context);
  if (phase.at !== "chunks") return quietly(state);
  if (problem === null) return say(state, REPLIES.chunkTaken);
  return refuse(at(state, { ...phase, problem: true }), problemReply(problem), context, { counts: null });
}

/** Content has ended and its fate is known. */
export function contentEnded(state: SessionState, outcome: ContentOutcome, context: SessionContext): Step {
  if (state.phase.at !== "content" && state.phase.at !== "chunks") return quietly(state);
  const ended = at(state, { at: "ready" });
  switch (outcome.kind) {
    case "stored":
      return say(ended, queued(outcome.id));
    case "malformed":
      return refuse(ended, MALFORMED[outcome.why], context);
    case "refused":
      return refuse(ended, outcome.reply, context, { counts: null, why: outcome.rule });
    default:
      return refuse(ended, problemReply(outcome.kind), context, { counts: null });
  }
}

const MALFORMED = {
  "bare-cr": REPLIES.contentBareCr,
  "bare-lf": REPLIES.contentBareLf,
  "nul": REPLIES.contentNul,
} as const;

function problemReply(
  problem: "too-large" | "no-space" | "unavailable" | "too-many-hops",
): Reply {
  switch (problem) {
    case "too-large":
      return REPLIES.tooLarge;
    case "no-space":
      return REPLIES.noSpace;
    case "unavailable":
      return REPLIES.queueUnavailable;
    case "too-many-hops":
      return REPLIES.tooManyHops;
    default:
      return unreachable(problem);
  }
}

function skipChunk(
  state: SessionState,
  count: number,
  then: { readonly reply: Reply; readonly after: Phase },
): Step {
  return quietly(at(state, { at: "skipping-chunk", ...then }), {
    kind: "receive-octets",
    count,
    last: false,
    discard: true,
  });
}

/** `FROM:` or `TO:` and what follows, made to a path where this client's are repaired. */
function repairArgument(
  state: SessionState,
  argument: string,
  context: SessionContext,
): { readonly state: SessionState; readonly argument: string } {
  const [, keyword] = /^(from|to):/i.exec(argument) ?? [];
  if (keyword === undefined || !mayRepair(state, context)) return { state, argument };
  const path = repairPath(argument.slice(argument.indexOf(":") + 1));
  return { state: repaired(state, path.repairs), argument: `${keyword}:${path.text}` };
}

function decide(state: SessionState, decision: Extract<Effect, { kind: "decide" }>["decision"]): Effect {
  return { kind: "decide", decision, identity: state.identity };
}

function openContent(state: SessionState, envelope: Envelope, disposition: Disposition): Effect {
  const { identity, helo, esmtp, tls } = state;
  return { kind: "open-content", envelope, identity, disposition, helo: helo ?? "", esmtp, tls };
}

/** Discard beats hold, hold beats delivery. */
function stronger(held: Disposition, verdict: Verdict): Disposition {
  if (verdict.kind === "discard" || held === "discard") return "discard";
  return verdict.kind === "hold" ? "hold" : held;
}

function isAscii(text: string): boolean {
  // deno-lint-ignore no-control-regex -- ASCII as a whole is meant
  return /^[\x00-\x7f]*$/.test(text);
}

function withDomain({ local, domain }: Mailbox, { addDomain }: SessionContext): Mailbox {
  return { local, domain: domain ?? addDomain ?? null };
}

/** RFC 6409 section 5.1 wants domains that mean the same everywhere. An address literal does, and what is added here has to. */
function isQualified({ domain }: Mailbox, { addDomain }: SessionContext): boolean {
  return domain === null ? typeof addDomain === "string" : domain.startsWith("[") || domain.includes(".");
}
