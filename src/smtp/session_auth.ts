/**
 * AUTH in a session (RFC 4954): the exchange is the mechanism's matter, its end the authenticator's; here is what lies between.
 *
 * @module
 */

import { unreachable } from "../lib/result.ts";
import { decodeBase64, encodeBase64, latin1 } from "../lib/octets.ts";
import type { ExchangeInput, ExchangeOutcome, Mechanism } from "../sasl/mechanism.ts";
import { mechanismNamed } from "../sasl/mechanisms.ts";
import type { Answer } from "../backend.ts";
import type { ConcludedVerdict, Identity } from "./identity.ts";
import { type Reply, reply } from "./reply.ts";
import { REPLIES } from "./replies.ts";
import {
  at,
  type ExchangePhase,
  lacksTlsForAuth,
  nextId,
  offerFacts,
  originOf,
  quietly,
  refuse,
  say,
  type SessionContext,
  type SessionState,
  type Step,
} from "./session_state.ts";

/** RFC 4422 section 3.1. */
const MECHANISM_REGEXP = /^[A-Za-z0-9_-]{1,20}$/;

const CANCEL: ExchangeOutcome = { kind: "failed", authcid: null, why: "cancelled", detail: "the client sent *" };
const NOT_BASE64: ExchangeOutcome = { kind: "failed", authcid: null, why: "malformed", detail: "not base64" };

/** AUTH mechanism [initial-response]. */
export function auth(state: SessionState, argument: string, context: SessionContext, nonce: Uint8Array): Step {
  if (lacksTlsForAuth(state, context)) return refuse(state, REPLIES.tlsRequired, context);
  if (state.health) return refuse(state, REPLIES.healthOnly, context);
  if (state.helo === null || !state.esmtp) return refuse(state, REPLIES.sendHello, context);
  if (state.identity !== null) return refuse(state, REPLIES.authAfterSuccess, context);
  if (state.phase.at !== "ready") return refuse(state, REPLIES.authInTransaction, context);
  const [word = "", initial, ...rest] = argument.split(" ");
  if (word === "" || rest.length > 0) return refuse(state, REPLIES.authSyntax, context);
  const name = MECHANISM_REGEXP.test(word) ? word.toUpperCase() : "";
  const facts = offerFacts(state);
  const offered = context.offered(facts);
  const mechanism = offered.find((one) => one.name === name);
  if (mechanism === undefined) return refuseMechanism(state, name, context);
  if (initial !== undefined && mechanism.serverFirst) {
    return refuse(state, REPLIES.authNoInitial, context, { counts: "authFailures" });
  }
  const exchange = mechanism.start({
    nonce,
    hostname: context.hostname,
    service: "smtp",
    realms: context.realms,
    defaultRealm: context.defaultRealm,
    binding: state.tls?.binding ?? null,
    plusOffered: offered.some((one) => one.name.endsWith("-PLUS")),
    origin: originOf(state, context),
  });
  const phase: ExchangePhase = { at: "exchange", mechanism, exchange, waitsFor: { for: "response" } };
  if (initial === undefined) return advance(state, phase, { kind: "initial", response: null }, context);
  const response = decodeResponse(initial);
  if (response === null) {
    return conclude(state, phase, { outcome: NOT_BASE64, rejection: REPLIES.authNotBase64 }, context);
  }
  return advance(state, phase, { kind: "initial", response }, context);
}

/** A line inside an exchange. */
export function authLine(state: SessionState, phase: ExchangePhase, line: Uint8Array, context: SessionContext): Step {
  const { waitsFor } = phase;
  const text = latin1(line);
  if (waitsFor.for === "empty-response") {
    if (text === "") return succeed(state, waitsFor.identity);
    const problem = text === "*" ? REPLIES.authCancelled : REPLIES.authNotBase64;
    return refuse(at(state, { at: "ready" }), problem, context, { counts: "authFailures" });
  }
  if (waitsFor.for !== "response") return quietly(state);
  if (text === "*") return conclude(state, phase, { outcome: CANCEL, rejection: REPLIES.authCancelled }, context);
  const response = decodeBase64(text);
  if (response === null) {
    return conclude(state, phase, { outcome: NOT_BASE64, rejection: REPLIES.authNotBase64 }, context);
  }
  return advance(state, phase, { kind: "response", response }, context);
}

/** A line that cannot be a response ends the exchange (RFC 4954 section 4). */
export function authBadLine(state: SessionState, phase: ExchangePhase, problem: Reply, context: SessionContext): Step {
  if (phase.waitsFor.for === "empty-response") {
    return refuse(at(state, { at: "ready" }), problem, context, { counts: "authFailures" });
  }
  if (phase.waitsFor.for !== "response") return quietly(state);
  const outcome: ExchangeOutcome = { kind: "failed", authcid: null, why: "malformed", detail: problem.lines[0] };
  return conclude(state, phase, { outcome, rejection: problem }, context);
}

/** The backend's answer to the mechanism's question. */
export function authAnswer(state: SessionState, phase: ExchangePhase, answer: Answer, context: SessionContext): Step {
  return advance(state, phase, { kind: "answer", answer }, context);
}

/** The verdict, which alone makes the reply. */
export function authConcluded(
  state: SessionState,
  phase: ExchangePhase,
  verdict: ConcludedVerdict,
  context: SessionContext,
): Step {
  const { waitsFor } = phase;
  if (waitsFor.for !== "verdict") return quietly(state);
  const { id, final, rejection } = waitsFor;
  const ended = at(state, { at: "ready" });
  switch (verdict.kind) {
    case "accepted": {
      if (final === null) return succeed(state, verdict.identity);
      const next: ExchangePhase = { ...phase, waitsFor: { for: "empty-response", identity: verdict.identity } };
      return say(at(state, next), challenge(final));
    }
    case "rejected":
      return refuse(ended, rejection, context, { counts: "authFailures", id });
    case "too-weak":
      return refuse(ended, REPLIES.authTooWeak, context, { counts: "authFailures", id });
    case "delayed":
      return refuse(ended, REPLIES.authDelayed, context, { counts: "authFailures", id });
    case "unavailable":
      return refuse(ended, REPLIES.authUnavailable, context, { counts: null, id });
    default:
      return unreachable(verdict);
  }
}

function advance(state: SessionState, phase: ExchangePhase, input: ExchangeInput, context: SessionContext): Step {
  const taken = phase.mechanism.step(phase.exchange, input);
  switch (taken.kind) {
    case "challenge":
      return say(
        at(state, { ...phase, exchange: taken.state, waitsFor: { for: "response" } }),
        challenge(taken.challenge),
      );
    case "ask":
      return quietly(at(state, { ...phase, exchange: taken.state, waitsFor: { for: "answer" } }), {
        kind: "ask",
        question: taken.question,
      });
    case "end":
      return conclude(state, phase, {
        outcome: taken.outcome,
        rejection: REPLIES.authRejected,
        final: taken.outcome.kind === "proved" ? taken.final : null,
      }, context);
    default:
      return unreachable(taken);
  }
}

/** Hands the end of an exchange to the authenticator; the id is taken now, so that its log line and the reply agree. */
function conclude(
  state: SessionState,
  phase: ExchangePhase,
  end: { readonly outcome: ExchangeOutcome; readonly rejection: Reply; readonly final?: Uint8Array | null },
  context: SessionContext,
): Step {
  const id = nextId(state, context);
  const waitsFor = { for: "verdict", id, final: end.final ?? null, rejection: end.rejection } as const;
  return quietly({ ...state, phase: { ...phase, waitsFor }, refusals: state.refusals + 1 }, {
    kind: "conclude",
    outcome: end.outcome,
    mechanism: phase.mechanism.name,
    id,
  });
}

function succeed(state: SessionState, identity: Identity): Step {
  return say({ ...state, phase: { at: "ready" }, identity }, REPLIES.authSucceeded);
}

/** `334 ` and the challenge in base64; the space stays where it is empty (RFC 4954 section 4). */
function challenge(octets: Uint8Array): Reply {
  return reply(334, null, encodeBase64(octets));
}

/** RFC 4954 section 4: `=` is an initial response of no octets. */
function decodeResponse(text: string): Uint8Array | null {
  return text === "=" ? new Uint8Array() : decodeBase64(text);
}

/** Names beside ours that clients ask for. */
const OTHER_MECHANISMS: ReadonlySet<string> = new Set([
  ...["ANONYMOUS", "CRAM-SHA1", "CRAM-SHA256", "EXTERNAL", "GS2-KRB5", "GSSAPI", "GSS-SPNEGO", "KERBEROS_V4", "NTLM"],
  ...["OAUTHBEARER", "OTP", "SCRAM-SHA-512", "SCRAM-SHA-512-PLUS", "SRP", "XOAUTH", "XOAUTH2"],
]);

/** 530 where TLS would bring the mechanism, 504 where nothing does: 538 is history. */
function refuseMechanism(state: SessionState, name: string, context: SessionContext): Step {
  // Any other word is not logged: clients have sent their credentials in its place, and many a password has the form of a name.
  const isKnown = mechanismNamed(name) !== null || OTHER_MECHANISMS.has(name);
  const why = isKnown ? `mechanism ${name} is not offered here` : "no mechanism of this name is known";
  const underTls = context.offered({ ...offerFacts(state), tls: true, bound: true });
  const answer = state.tls === null && context.canStartTls && underTls.some((one: Mechanism) => one.name === name)
    ? REPLIES.tlsRequired
    : REPLIES.mechanismUnknown;
  return refuse(state, answer, context, { why });
}
