/**
 * A session driven without any I/O: effects are carried out on the spot by simple means.
 *
 * @module
 */

import type { Answer, Question } from "../../src/backend.ts";
import { judgeRecipient } from "../../src/policy/relay.ts";
import { localCandidates, type LocalResolution } from "../../src/policy/local_recipients.ts";
import { MECHANISMS } from "../../src/sasl/mechanisms.ts";
import { ChunkChecker, type ContentProblem, DotDecoder } from "../../src/smtp/dot_decoder.ts";
import { splitLine } from "../../src/smtp/line_splitter.ts";
import { formatReply } from "../../src/smtp/reply.ts";
import { LINE_LIMIT_OCTETS, step } from "../../src/smtp/session.ts";
import {
  type Effect,
  INITIAL_STATE,
  type SessionContext,
  type SessionEvent,
  type SessionState,
  type Verdict,
} from "../../src/smtp/session_state.ts";
import { accountOf, answerFromPeople, PEOPLE, SITE } from "./people.ts";

const TLS = { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", binding: new Uint8Array(32) };

/** How a pure session is set up. */
export interface PureOptions {
  readonly listener: "mta" | "msa" | "msas";
  readonly backendDown: boolean;
}

/** A context as the server makes it, with every mechanism and the default limits. */
export function pureContext(listener: PureOptions["listener"], changes: Partial<SessionContext> = {}): SessionContext {
  return {
    hostname: SITE.hostname,
    sessionId: "s1",
    listener,
    role: listener === "mta" ? "mta" : "msa",
    requireTls: listener !== "mta",
    canStartTls: listener !== "msas",
    legacyAuthLine: false,
    realms: [],
    defaultRealm: SITE.defaultRealm,
    limits: {
      messageOctets: 50 * 1024 * 1024,
      recipients: 1000,
      authFailures: 5,
      protocolErrors: 20,
      refusedRecipients: 50,
    },
    offered: ({ tls, health }) => tls && !health ? MECHANISMS : [],
    ...changes,
  };
}

/** A session that takes octets and gives lines. */
export class PureSession {
  readonly output: string[] = [];
  readonly queued: string[] = [];
  readonly #context: SessionContext;
  readonly #options: PureOptions;
  #state: SessionState = INITIAL_STATE;
  #input: Uint8Array<ArrayBuffer> = new Uint8Array();
  #decoder: DotDecoder | null = null;
  #chunk: { left: number; readonly last: boolean; readonly discard: boolean } | null = null;
  #checker = new ChunkChecker();
  #envelope: Extract<Effect, { kind: "open-content" }> | null = null;

  constructor(options: PureOptions) {
    this.#options = options;
    this.#context = pureContext(options.listener);
    const tls = options.listener === "msas" ? TLS : null;
    this.#take({ kind: "connected", remote: "192.0.2.1", health: false, tls });
  }

  get closed(): boolean {
    return this.#state.phase.at === "closed";
  }

  tlsEstablished(): void {
    this.#input = new Uint8Array();
    this.#take({ kind: "tls-established", tls: TLS });
  }

  push(octets: Uint8Array): void {
    this.#input = new Uint8Array([...this.#input, ...octets]);
    while (this.#advance());
  }

  /** Takes one thing from the input; `false` when more is needed. */
  #advance(): boolean {
    if (this.closed || this.#state.phase.at === "tls") return false;
    if (this.#decoder !== null) return this.#advanceContent(this.#decoder);
    if (this.#chunk !== null) return this.#advanceChunk(this.#chunk);
    const range = { start: 0, from: 0, end: this.#input.length };
    const line = splitLine(this.#input, range, LINE_LIMIT_OCTETS);
    if (line.kind === "more") return false;
    const octets = this.#input.subarray(0, line.kind === "line" ? line.end : 0);
    this.#input = this.#input.slice(line.next);
    this.#take(
      line.kind === "bad"
        ? { kind: "bad-line", why: line.why }
        : { kind: "line", octets, nonce: crypto.getRandomValues(new Uint8Array(18)) },
    );
    return true;
  }

  #advanceContent(decoder: DotDecoder): boolean {
    this.#input = this.#input.slice(decoder.decode(this.#input, () => {}));
    if (!decoder.ended) return false;
    this.#decoder = null;
    this.#endContent(decoder.problem);
    return true;
  }

  #advanceChunk(chunk: { left: number; readonly last: boolean; readonly discard: boolean }): boolean {
    const piece = this.#input.subarray(0, chunk.left);
    if (!chunk.discard) this.#checker.check(piece);
    chunk.left -= piece.length;
    this.#input = this.#input.slice(piece.length);
    if (chunk.left > 0) return false;
    this.#chunk = null;
    if (!chunk.last || chunk.discard) this.#take({ kind: "octets-received", problem: null });
    else {
      this.#checker.finish();
      this.#endContent(this.#checker.problem);
    }
    return true;
  }

  #endContent(problem: ContentProblem | null): void {
    const opened = this.#envelope;
    this.#envelope = null;
    if (problem !== null) return this.#take({ kind: "content-ended", outcome: { kind: "malformed", why: problem } });
    const paths = opened?.envelope.recipients.map(({ forwardPath }) => forwardPath).join(",");
    this.queued.push(`${opened?.identity?.account.name ?? "-"} <${opened?.envelope.reversePath ?? ""}> ${paths}`);
    this.#take({ kind: "content-ended", outcome: { kind: "stored", id: "Q1" } });
  }

  #take(event: SessionEvent): void {
    const taken = step(this.#state, event, this.#context);
    this.#state = taken.state;
    for (const effect of taken.effects) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case "reply":
        this.output.push(...formatReply(effect.reply).slice(0, -2).split("\r\n"));
        break;
      case "ask":
        this.#take({ kind: "answer", answer: this.#answer(effect.question) });
        break;
      case "conclude":
        this.#take({ kind: "concluded", verdict: this.#conclude(effect) });
        break;
      case "decide":
        this.#take({ kind: "decided", verdict: this.#decide(effect) });
        break;
      case "open-content":
        this.#envelope = effect;
        this.#checker = new ChunkChecker();
        break;
      case "receive-content":
        this.#decoder = new DotDecoder();
        break;
      case "receive-octets":
        this.#chunk = { left: effect.count, last: effect.last, discard: effect.discard };
        break;
      case "drop-content":
        this.#envelope = null;
        break;
      case "start-tls":
      case "close":
        break;
    }
  }

  #answer(question: Question): Answer {
    return this.#options.backendDown ? { kind: "unavailable", cause: "transcript" } : answerFromPeople(question);
  }

  #conclude(
    { outcome, mechanism }: Extract<Effect, { kind: "conclude" }>,
  ): Extract<SessionEvent, { kind: "concluded" }>["verdict"] {
    if (outcome.kind === "failed") return { kind: outcome.why === "unavailable" ? "unavailable" : "rejected" };
    const person = PEOPLE.find((one) => accountOf(one).name === outcome.account.name);
    const own = outcome.authzid === "" || outcome.authzid === outcome.account.name;
    if (person === undefined || person.disabled || !own) return { kind: "rejected" };
    return {
      kind: "accepted",
      identity: { account: outcome.account, credential: outcome.credential, mechanism, trusted: true },
    };
  }

  #decide({ decision, identity }: Extract<Effect, { kind: "decide" }>): Verdict {
    if (decision.about !== "rcpt") return { kind: "accept" };
    return judgeRecipient({
      identity,
      resolution: this.#resolve(decision.recipient.forwardPath),
      grant: null,
      hasRoute: true,
    });
  }

  #resolve(forwardPath: string): LocalResolution {
    const candidates = localCandidates(forwardPath, { ...SITE, localRecipients: new Map() });
    if (candidates.kind !== "candidates") return candidates;
    if (this.#options.backendDown) return { kind: "unavailable", cause: "transcript" };
    const mapped = candidates.mapped?.split("@");
    const names = mapped === undefined ? candidates.names : [{ local: mapped[0] ?? "", realm: mapped[1] ?? "" }];
    for (const name of names) {
      const person = PEOPLE.find(({ local, realm }) => local === name.local && realm === name.realm);
      if (person !== undefined) return { kind: "local", account: accountOf(person) };
    }
    return { kind: "unknown" };
  }
}
