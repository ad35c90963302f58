/**
 * The SMTP session (RFC 5321, RFC 3207, RFC 4954) as a pure function: a state and an event give the next state and what to do about it.
 *
 * @module
 */

import { unreachable } from "../lib/result.ts";
import { decodeUtf8 } from "../lib/octets.ts";
import { printable } from "../lib/text.ts";
import type { BadLine } from "./line_splitter.ts";
import { NO_NAME, repairHello } from "./repair.ts";
import { type Reply, reply } from "./reply.ts";
import { greeting, REPLIES } from "./replies.ts";
import { auth, authAnswer, authBadLine, authConcluded, authLine } from "./session_auth.ts";
import { etrn, etrnDone, offersEtrn } from "./session_etrn.ts";
import { bdat, contentEnded, data, mail, mailDecided, octetsReceived, rcpt } from "./session_mail.ts";
import {
  at,
  closeWith,
  type Effect,
  hasDraft,
  lacksTls,
  lacksTlsForAuth,
  mayRepair,
  offerFacts,
  quietly,
  refuse,
  repaired,
  say,
  type SessionContext,
  type SessionEvent,
  type SessionState,
  type Step,
  type Verdict,
} from "./session_state.ts";

/** The longest line that any state takes: an AUTH exchange's (RFC 4954 section 4). */
export const LINE_LIMIT_OCTETS = 12_288;

// RFC 5321 section 4.5.3.1.4 asks for 512; MAIL and RCPT grow with their extensions (section 4.1.1.11). Peers take twice that everywhere.
const COMMAND_LIMIT_OCTETS = 1_000;
const PARAMETER_COMMAND_LIMIT_OCTETS = 2_048;

/** Advances a session by one event. Never throws for anything that a client sends. */
export function step(state: SessionState, event: SessionEvent, context: SessionContext): Step {
  const { phase } = state;
  if (phase.at === "closed") return quietly(state);
  switch (event.kind) {
    case "connected":
      return connected(state, event);
    case "line":
      return phase.at === "exchange"
        ? authLine(state, phase, event.octets, context)
        : command(state, event.octets, context, event.nonce);
    case "bad-line":
      return badLine(state, event.why, context);
    case "answer":
      return phase.at === "exchange" ? authAnswer(state, phase, event.answer, context) : quietly(state);
    case "concluded":
      return phase.at === "exchange" ? authConcluded(state, phase, event.verdict, context) : quietly(state);
    case "decided":
      return phase.at === "connecting"
        ? connectDecided(state, event.verdict, context)
        : mailDecided(state, event.verdict, context);
    case "content-ended":
      return contentEnded(state, event.outcome, context);
    case "queue-started":
      return etrnDone(state, event, context);
    case "octets-received":
      return octetsReceived(state, event.problem, context);
    case "tls-established":
      if (phase.at !== "tls") return quietly(state);
      // RFC 3207 section 4.2: all that was learned before is forgotten. Counts stay: a guesser gains nothing by STARTTLS.
      return quietly({ ...state, phase: { at: "greeted" }, tls: event.tls, helo: null, esmtp: false, identity: null });
    case "timeout":
      return closeWith(state, REPLIES.timeout, context);
    case "fault":
      return closeWith(state, REPLIES.internal, context);
    case "shutdown":
      return closeWith(state, REPLIES.shuttingDown, context);
    default:
      return unreachable(event);
  }
}

type CommandHandler = (state: SessionState, argument: string, context: SessionContext, nonce: Uint8Array) => Step;

const COMMANDS: ReadonlyMap<string, CommandHandler> = new Map<string, CommandHandler>([
  ["EHLO", (state, argument, context) => hello(state, argument, context, true)],
  ["HELO", (state, argument, context) => hello(state, argument, context, false)],
  ["STARTTLS", startTls],
  ["AUTH", auth],
  ["MAIL", mail],
  ["RCPT", rcpt],
  ["DATA", data],
  ["BDAT", bdat],
  ["RSET", rset],
  ["NOOP", (state) => say(state, REPLIES.ok)],
  ["ETRN", etrn],
  ["HELP", (state) => say(state, REPLIES.help)],
  ["VRFY", (state) => say(state, REPLIES.cannotVerify)],
  ["QUIT", quit],
]);

const BEFORE_TLS: ReadonlySet<string> = new Set([
  "EHLO",
  "HELO",
  "NOOP",
  "STARTTLS",
  "QUIT",
  "HELP",
  "RSET",
  // Its octets have to be read over whatever the answer; it looks for TLS itself.
  "BDAT",
]);

/** What a client that may not send gets an answer to. */
const BARRED: ReadonlySet<string> = new Set(["EHLO", "HELO", "NOOP", "QUIT", "HELP", "RSET", "BDAT"]);

/** Known to the RFCs and not done here. */
const NOT_IMPLEMENTED: ReadonlySet<string> = new Set(["EXPN", "ATRN", "TURN", "SEND", "SOML", "SAML"]);

/** A browser or a script that speaks HTTP to us: the rest of its request is not for SMTP either. */
const OTHER_PROTOCOLS: ReadonlySet<string> = new Set(["GET", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS"]);

const EXTENDED: ReadonlySet<string> = new Set(["MAIL", "RCPT"]);

function command(state: SessionState, octets: Uint8Array, context: SessionContext, nonce: Uint8Array): Step {
  const line = decodeUtf8(octets) ?? (mayRepair(state, context) ? repairHello(octets) : null);
  if (line === null) return refuse({ ...state, command: "" }, REPLIES.notUtf8, context);
  const space = line.indexOf(" ");
  const verb = verbOf(space < 0 ? line : line.slice(0, space));
  const argument = space < 0 ? "" : line.slice(space + 1).trimEnd();
  const odd = (verb === "EHLO" || verb === "HELO") && (argument === "" || decodeUtf8(octets) === null);
  const named = { ...repaired(state, odd && mayRepair(state, context) ? ["hello-name"] : []), command: verb };
  if (octets.length > limitOf(verb)) return refuse(named, REPLIES.lineTooLong, context);
  const handler = COMMANDS.get(verb);
  if (handler === undefined) return unknownCommand(named, verb, context);
  if (state.bar !== null && !BARRED.has(verb)) {
    return refuse(named, state.bar.reply, context, { why: state.bar.rule });
  }
  if ((verb === "AUTH" ? lacksTlsForAuth : lacksTls)(state, context) && !BEFORE_TLS.has(verb)) {
    return refuse(named, REPLIES.tlsRequired, context);
  }
  return handler(named, argument, context, nonce);
}

/** A verb in upper case; empty for every other word: it could be a password or content of a client out of step, and would be logged. */
function verbOf(word: string): string {
  const verb = /^[A-Za-z]+$/.test(word) ? word.toUpperCase() : "";
  return COMMANDS.has(verb) || NOT_IMPLEMENTED.has(verb) || OTHER_PROTOCOLS.has(verb) ? verb : "";
}

function limitOf(verb: string): number {
  if (verb === "AUTH") return LINE_LIMIT_OCTETS;
  return EXTENDED.has(verb) ? PARAMETER_COMMAND_LIMIT_OCTETS : COMMAND_LIMIT_OCTETS;
}

function unknownCommand(state: SessionState, verb: string, context: SessionContext): Step {
  if (OTHER_PROTOCOLS.has(verb)) return closeWith(state, REPLIES.tooManyErrors, context);
  return refuse(state, NOT_IMPLEMENTED.has(verb) ? REPLIES.notImplemented : REPLIES.commandUnknown, context);
}

function connected(state: SessionState, event: Extract<SessionEvent, { kind: "connected" }>): Step {
  const { remote, health, tls } = event;
  return quietly({ ...state, remote, health, tls }, {
    kind: "decide",
    decision: { about: "connect" },
    identity: null,
  });
}

function connectDecided(state: SessionState, verdict: Verdict, context: SessionContext): Step {
  if (verdict.kind === "refuse") {
    const { reply, rule } = verdict;
    // Nothing but these two may stand in the place of a greeting (RFC 5321 sections 3.1 and 3.8).
    if (reply.code === 421 || reply.code === 554) return closeWith(state, reply, context, { why: rule });
    return say({ ...at(state, { at: "greeted" }), bar: { reply, rule } }, greeting(context.hostname));
  }
  return say(at(state, { at: "greeted" }), greeting(context.hostname));
}

function badLine(state: SessionState, why: BadLine, context: SessionContext): Step {
  const problem = BAD_LINES[why];
  if (state.phase.at !== "exchange") return refuse({ ...state, command: "" }, problem, context);
  return authBadLine(state, state.phase, why === "too-long" ? REPLIES.authLineTooLong : problem, context);
}

const BAD_LINES: Readonly<Record<BadLine, Reply>> = {
  "too-long": REPLIES.lineTooLong,
  "bare-cr": REPLIES.bareCr,
  "bare-lf": REPLIES.bareLf,
  "nul": REPLIES.nul,
};

function hello(state: SessionState, given: string, context: SessionContext, esmtp: boolean): Step {
  const argument = given === "" && mayRepair(state, context) ? NO_NAME : given;
  if (argument === "") return refuse(state, REPLIES.heloName, context);
  const next: SessionState = { ...state, phase: { at: "ready" }, helo: printable(argument, 255), esmtp };
  const lines: [string, ...string[]] = esmtp ? ehloLines(next, context) : [context.hostname];
  return dropDraft(state, say(next, reply(250, null, ...lines)));
}

function ehloLines(state: SessionState, context: SessionContext): [string, ...string[]] {
  const lines: [string, ...string[]] = [
    context.hostname,
    "PIPELINING",
    `SIZE ${context.limits.messageOctets}`,
    "8BITMIME",
    "SMTPUTF8",
    "ENHANCEDSTATUSCODES",
    "DSN",
    "CHUNKING",
  ];
  if (offersEtrn(context)) lines.push("ETRN");
  if (state.tls === null && context.canStartTls && state.bar === null) lines.push("STARTTLS");
  const withheld = state.identity !== null || state.bar !== null || lacksTlsForAuth(state, context);
  const names = withheld ? [] : context.offered(offerFacts(state)).map((mechanism) => mechanism.name);
  if (names.length > 0) {
    lines.push(`AUTH ${names.join(" ")}`);
    const old = ["LOGIN", "PLAIN"].filter((name) => names.includes(name));
    if (context.legacyAuthLine && old.length > 0) lines.push(`AUTH=${old.join(" ")}`);
  }
  lines.push("HELP");
  return lines;
}

function startTls(state: SessionState, argument: string, context: SessionContext): Step {
  if (argument !== "") return refuse(state, REPLIES.noArguments, context);
  if (state.tls !== null) return refuse(state, REPLIES.tlsActive, context);
  if (!context.canStartTls) return refuse(state, REPLIES.tlsUnavailable, context, { counts: null });
  if (state.phase.at !== "ready") {
    return refuse(state, state.helo === null ? REPLIES.sendHello : REPLIES.nestedMail, context);
  }
  return {
    state: at(state, { at: "tls" }),
    effects: [{ kind: "reply", reply: REPLIES.readyForTls, refusal: null }, { kind: "start-tls" }],
  };
}

function rset(state: SessionState, argument: string, context: SessionContext): Step {
  if (argument !== "") return refuse(state, REPLIES.noArguments, context);
  const phase = state.helo === null ? { at: "greeted" } as const : { at: "ready" } as const;
  return dropDraft(state, say(at(state, phase), REPLIES.reset));
}

function quit(state: SessionState, argument: string, context: SessionContext): Step {
  if (argument !== "") return refuse(state, REPLIES.noArguments, context);
  const said = say(at(state, { at: "closed" }), REPLIES.closing);
  return dropDraft(state, { state: said.state, effects: [...said.effects, { kind: "close" }] });
}

/** Between chunks a draft is open; whatever ends the transaction then disposes it first. */
function dropDraft(before: SessionState, taken: Step): Step {
  if (!hasDraft(before.phase)) return taken;
  const drop: Effect = { kind: "drop-content" };
  return { state: taken.state, effects: [drop, ...taken.effects] };
}
