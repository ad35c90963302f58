/**
 * A random walk through the session: it plays the driver, the backends, policy, and a client that is sensible three times in four.
 *
 * @module
 */

import type { Answer, Question } from "../../src/backend.ts";
import { decodeBase64, encodeBase64, latin1, utf8 } from "../../src/lib/octets.ts";
import { CLIENT_MECHANISMS, type ClientMechanismName, startClient } from "../../src/sasl/client.ts";
import type { ClientTurn } from "../../src/sasl/client_exchange.ts";
import { MECHANISMS } from "../../src/sasl/mechanisms.ts";
import type { ExchangeOutcome } from "../../src/sasl/mechanism.ts";
import type { ConcludedVerdict } from "../../src/smtp/identity.ts";
import { REPLIES } from "../../src/smtp/replies.ts";
import { step } from "../../src/smtp/session.ts";
import {
  type ContentOutcome,
  type Effect,
  INITIAL_STATE,
  type OfferFacts,
  offerFacts,
  type SessionContext,
  type SessionEvent,
  type SessionState,
  type Verdict,
} from "../../src/smtp/session_state.ts";
import { answerFromPeople, SITE } from "./people.ts";
import { pureContext } from "./pure_session.ts";
import { Random } from "./random.ts";

/** One step of a walk. */
export interface WalkTurn {
  readonly before: SessionState;
  readonly event: SessionEvent;
  readonly after: SessionState;
  readonly effects: readonly Effect[];
}

/** Whose secret no state may hold. */
export const WALKER = { authcid: "shin@baz.co.jp", password: "correct-horse" } as const;

/** The secret in each form in which it goes over the wire. */
export const SECRETS: readonly string[] = [
  WALKER.password,
  encodeBase64(utf8(WALKER.password)),
  encodeBase64(utf8(`\0${WALKER.authcid}\0${WALKER.password}`)),
];

const TLS = { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", binding: new Uint8Array(32).fill(7) };

const SENDERS = [
  "MAIL FROM:<>",
  "MAIL FROM:<shin@baz.co.jp>",
  "mail from:<a@example.com> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=x",
  "MAIL FROM:<名前@例え.jp> SMTPUTF8",
];
const RECIPIENTS = [
  "RCPT TO:<b@example.net>",
  "RCPT TO:<postmaster>",
  'RCPT TO:<@relay.example:"a b"@example.net> NOTIFY=SUCCESS ORCPT=rfc822;b',
  "rcpt to:<c@[192.0.2.1]>",
];
const JUNK: readonly string[] = [
  ..."||EHLO|HELO|EHLO a b|AUTH|AUTH X|AUTH PLAIN =|AUTH PLAIN !|AUTH LOGIN|AUTH CRAM-MD5 =|AUTH SCRAM-SHA-256-PLUS|*|=|!|AA==|%"
    .split("|"),
  ..."MAIL|MAIL FROM:<|MAIL FROM:<a@b>|MAIL FROM:<a@b.c> X=1|MAIL FROM:<a@b.c> SIZE=9999|MAIL FROM:<é@b.c>|RCPT TO:<>"
    .split("|"),
  ..."RCPT|RCPT TO:<a@@b.c>|RCPT TO:<c@d>|DATA|DATA x|BDAT|BDAT 0|BDAT 3 LAST|BDAT 9999999|RSET|RSET x|NOOP|NOOP x|HELP"
    .split("|"),
  ..."VRFY x|EXPN x|ETRN x|STARTTLS|STARTTLS x|QUIT x|constructor|__proto__|ＥＨＬＯ a|QUıT|a b c|\0|\u007f\u0080"
    .split("|"),
  ...[1000, 1001, 2049, 12_288].map((count) => "NOOP ".padEnd(count, "x")),
  "AUTH PLAIN ".padEnd(12_000, "A"),
];
const ENDINGS = ["QUIT", "GET / HTTP/1.1"];

/** The contexts of a walk: each kind of listener, with limits that are soon reached. */
export function walkContext(random: Random): SessionContext {
  const cleartext = random.oneIn(3);
  return {
    ...pureContext(random.pick(["mta", "msa", "msas"])),
    ...(random.oneIn(10) ? { canStartTls: false } : {}),
    legacyAuthLine: random.oneIn(2),
    limits: {
      messageOctets: 1000,
      recipients: 3,
      authFailures: random.pick([3, 30]),
      protocolErrors: random.pick([5, 50]),
      refusedRecipients: random.pick([2, 20]),
    },
    offered: ({ tls, bound, health }: OfferFacts) =>
      MECHANISMS.filter(({ name, cleartext: isCleartext }) => {
        if (health || (name.endsWith("-PLUS") && !bound)) return false;
        return tls || (cleartext && !isCleartext);
      }),
  };
}

/** Walks at most `turns` steps, each of which is given out before the next is taken. */
export function* walk(random: Random, context: SessionContext, turns: number): Generator<WalkTurn> {
  const client = new WalkingClient(random, context);
  const tls = context.listener === "msas" ? TLS : null;
  let event: SessionEvent = { kind: "connected", remote: "192.0.2.1", health: random.oneIn(20), tls };
  let before = INITIAL_STATE;
  for (let turn = 0; turn < turns && before.phase.at !== "closed"; turn++) {
    const { state: after, effects } = step(before, event, context);
    yield { before, event, after, effects };
    client.hear(effects);
    event = effects.map((effect) => consequence(random, effect)).find((one) => one !== null) ??
      client.nextEvent(after);
    before = after;
  }
}

/** What the driver would tell the session after an effect, or `null` where that is nothing. */
function consequence(random: Random, effect: Effect): SessionEvent | null {
  switch (effect.kind) {
    case "ask":
      return { kind: "answer", answer: answer(random, effect.question) };
    case "conclude":
      return { kind: "concluded", verdict: conclusion(random, effect) };
    case "decide":
      return { kind: "decided", verdict: verdict(random, effect) };
    case "start-tls":
      return { kind: "tls-established", tls: random.oneIn(4) ? { ...TLS, binding: null } : TLS };
    case "receive-content":
      return { kind: "content-ended", outcome: contentOutcome(random) };
    case "receive-octets":
      if (effect.last && !effect.discard) return { kind: "content-ended", outcome: contentOutcome(random) };
      return {
        kind: "octets-received",
        problem: random.oneIn(6) ? random.pick(["too-large", "no-space", "unavailable"]) : null,
      };
    default:
      return null;
  }
}

const answers = new Map<string, Answer>();

/** Verifiers cost thousands of hashes: each is made once. */
function answer(random: Random, question: Question): Answer {
  if (random.oneIn(12)) return { kind: "unavailable", cause: "walk" };
  if (random.oneIn(12)) return { kind: "rejected", why: "unknown-user" };
  const key = JSON.stringify(question);
  const made = answers.get(key) ?? answerFromPeople(question);
  answers.set(key, made);
  return made;
}

function conclusion(
  random: Random,
  { outcome, mechanism }: { readonly outcome: ExchangeOutcome; readonly mechanism: string },
): ConcludedVerdict {
  if (outcome.kind === "failed") return { kind: random.pick(["rejected", "rejected", "delayed", "unavailable"]) };
  if (random.oneIn(6)) return { kind: random.pick(["rejected", "too-weak", "delayed", "unavailable"]) };
  const { account, credential } = outcome;
  return { kind: "accepted", identity: { account, credential, mechanism, trusted: true } };
}

function verdict(random: Random, { decision }: Extract<Effect, { kind: "decide" }>): Verdict {
  if (decision.about === "connect" ? random.oneIn(40) : random.oneIn(5)) {
    const reply = random.pick([REPLIES.relayDenied, REPLIES.recipientUnknown, REPLIES.recipientUnavailable]);
    return { kind: "refuse", reply, rule: "walk" };
  }
  if (random.oneIn(8)) return { kind: random.pick(["hold", "discard"]), rule: "walk" };
  return random.oneIn(5) ? { kind: "accept", reversePath: "rewritten@example.com" } : { kind: "accept" };
}

function contentOutcome(random: Random): ContentOutcome {
  return random.pick<ContentOutcome>([
    { kind: "stored", id: "Q1" },
    { kind: "stored", id: "Q2" },
    { kind: "too-large" },
    { kind: "no-space" },
    { kind: "unavailable" },
    { kind: "too-many-hops" },
    { kind: "malformed", why: random.pick(["bare-cr", "bare-lf", "nul"]) },
    { kind: "refused", reply: REPLIES.relayDenied, rule: "walk" },
  ]);
}

/** The other side: it says sensible things, or else anything. */
class WalkingClient {
  readonly #random: Random;
  readonly #context: SessionContext;
  #exchange: ClientTurn | null = null;
  /** Sent without an initial response, it is the answer to the empty challenge. */
  #initial: Uint8Array | null = null;
  #response: Uint8Array | null = null;

  constructor(random: Random, context: SessionContext) {
    this.#random = random;
    this.#context = context;
  }

  hear(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === "reply" && effect.reply.code === 334) this.#answer(effect.reply.lines[0]);
    }
  }

  nextEvent(state: SessionState): SessionEvent {
    const random = this.#random;
    if (random.oneIn(120)) return { kind: random.pick(["timeout", "shutdown"]) };
    if (random.oneIn(30)) return { kind: "bad-line", why: random.pick(["too-long", "bare-cr", "bare-lf", "nul"]) };
    const nonce = random.octets(18);
    if (random.oneIn(30)) return { kind: "line", octets: random.octets(random.below(20)), nonce };
    return { kind: "line", octets: utf8(random.oneIn(4) ? this.#anything(state) : this.#sensible(state)), nonce };
  }

  #answer(text: string): void {
    const challenge = decodeBase64(text);
    if (this.#initial !== null) {
      this.#response = this.#initial;
      this.#initial = null;
      return;
    }
    const taken = challenge === null ? undefined : this.#exchange?.respond(challenge);
    this.#response = taken?.kind === "response" ? taken.octets : null;
    this.#exchange = taken?.kind === "response" ? taken.next : null;
  }

  /** A password where none is asked for is what a client out of step sends; in an exchange it could stand for a name. */
  #anything(state: SessionState): string {
    const random = this.#random;
    if (random.oneIn(12)) return random.pick(ENDINGS);
    if (state.phase.at === "exchange") return random.pick(JUNK);
    this.#exchange = this.#initial = this.#response = null;
    if (!random.oneIn(8)) return random.pick(JUNK);
    return random.pick([...SECRETS, ...SECRETS.slice(1).map((secret) => `AUTH ${secret}`), `x ${WALKER.password}`]);
  }

  #sensible(state: SessionState): string {
    const random = this.#random;
    const { phase } = state;
    switch (phase.at) {
      case "exchange":
        return this.#response === null ? "*" : encodeBase64(this.#response);
      case "mail":
        if (phase.envelope.recipients.length === 0 || random.oneIn(3)) return random.pick(RECIPIENTS);
        return random.pick(["DATA", "DATA", "BDAT 10", "BDAT 10 LAST"]);
      case "chunks":
        return phase.problem ? "RSET" : random.pick(["BDAT 7", "BDAT 0 LAST", "bdat 5 last"]);
      case "ready":
        if (state.tls === null && this.#context.canStartTls && random.oneIn(2)) return "STARTTLS";
        if (state.identity === null && state.esmtp && (this.#context.role === "msa" || random.oneIn(2))) {
          return this.#auth(state);
        }
        return random.pick(SENDERS);
      default:
        return random.oneIn(8) ? "HELO client.example" : "EHLO client.example";
    }
  }

  #auth(state: SessionState): string {
    const offered = this.#context.offered(offerFacts(state)).map(({ name }) => name);
    const names = CLIENT_MECHANISMS.filter((name) => offered.includes(name));
    if (names.length === 0) return this.#random.pick(SENDERS);
    return this.#begin(this.#random.pick(names));
  }

  #begin(mechanism: ClientMechanismName): string {
    const random = this.#random;
    const exchange = startClient(mechanism, {
      authcid: WALKER.authcid,
      password: random.oneIn(4) ? "wrong" : WALKER.password,
      host: SITE.hostname,
      authzid: random.oneIn(8) ? WALKER.authcid : "",
      realm: "",
      nonce: random.octets(18),
    });
    this.#exchange = exchange;
    this.#initial = exchange.initial;
    if (exchange.initial === null || random.oneIn(2)) return `AUTH ${mechanism}`;
    this.#initial = null;
    return `auth ${mechanism.toLowerCase()} ${encodeBase64(exchange.initial)}`;
  }
}

/** An event as a failure shows it. */
export function describe(event: SessionEvent): string {
  return event.kind === "line" ? `line ${JSON.stringify(latin1(event.octets))}` : JSON.stringify(event);
}
