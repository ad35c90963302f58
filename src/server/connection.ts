/**
 * One client's connection: feeds events to the session, carries out its effects, knows its deadlines.
 *
 * @module
 */

import { unreachable } from "../lib/result.ts";
import type { AuthenticationExchange } from "../auth/authenticator.ts";
import type { ListenerConfig } from "../config/config.ts";
import type { Log } from "../log/event.ts";
import type { ContentProblem } from "../smtp/dot_decoder.ts";
import type { Envelope } from "../smtp/envelope.ts";
import type { Identity } from "../smtp/identity.ts";
import { formatReply } from "../smtp/reply.ts";
import { LINE_LIMIT_OCTETS, step } from "../smtp/session.ts";
import {
  type Effect,
  INITIAL_STATE,
  originOf,
  type SessionContext,
  type SessionEvent,
  type SessionState,
  type TlsState,
} from "../smtp/session_state.ts";
import { CLIENT_LEFT, ENDINGS, tlsReason } from "./endings.ts";
import { DeviceSession } from "./device_session.ts";
import type { DecidedFor, Generation } from "./generation.ts";
import { type OpenContent, openContent } from "./open_content.ts";
import type { StartQueue } from "./start_queue.ts";
import { LimitSession } from "./limits/session.ts";
import { TransportEnded } from "./octet_stream.ts";
import { Patience } from "./patience.ts";
import { DIRECT, type Origin, tlsThrough } from "./proxied.ts";
import type { Transport } from "./transport.ts";

const HANDSHAKE_LIMIT_MS = 60_000;
const OUTPUT_DELAY_MS = 50;
const NONCE_OCTETS = 18;
const CLOSE_LIMIT_MS = 1_000;

/** What a connection is given. */
export interface ConnectionParts {
  readonly transport: Transport;
  readonly generation: Generation;
  readonly listener: ListenerConfig;
  readonly session: string;
  readonly remote: string;
  /** Default: the client has come by itself. */
  readonly through?: Origin;
  readonly log: Log;
  readonly startQueue: StartQueue;
  now(): number;
}

/** A connection under way. */
export class Connection {
  readonly #parts: ConnectionParts;
  readonly #transport: Transport;
  readonly #context: SessionContext;
  readonly #device: DeviceSession;
  readonly #began: number;
  readonly #limits: LimitSession;
  /** There while somebody is asked for this client: it ends the question when the connection is cut. */
  #asking: AbortController | null = null;
  #state: SessionState = INITIAL_STATE;
  #exchange: AuthenticationExchange | null = null;
  #content: OpenContent | null = null;
  /** The rule by which the mail of this transaction is thrown away. */
  #discardedBy: string | null = null;
  #idle = false;
  #pendingInterrupt: "shutdown" | null = null;
  readonly #patience: Patience;
  #mails = 0;
  #reason: string = CLIENT_LEFT;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#transport = parts.transport;
    this.#context = parts.generation.context(parts.listener, { id: parts.session, remote: parts.remote });
    this.#device = new DeviceSession(parts, this.#context);
    this.#began = parts.now();
    this.#limits = new LimitSession(parts.generation.parts.limits, parts.session);
    this.#patience = new Patience(parts.generation.config.limits, this.#began);
  }

  /** Serves the client to the end. Never rejects. */
  async run(): Promise<void> {
    using _use = this.#parts.generation.use();
    try {
      await this.#serve();
    } catch (cause) {
      if (!(cause instanceof TransportEnded)) await this.#bug(cause);
      // What we ended ourselves is told already.
      else if (this.#reason === CLIENT_LEFT) this.#reason = ENDINGS[cause.because];
    }
    this.#exchange?.[Symbol.dispose]();
    await this.#dropContent();
    this.#limits[Symbol.dispose]();
    this.#patience.endWithin(CLOSE_LIMIT_MS, this.#parts.now());
    await this.#transport.close();
    this.#device.ended(this.#state);
    const { session, remote, log, now, through = DIRECT } = this.#parts;
    log({
      kind: "disconnected",
      session,
      remote,
      ...through.proxy !== null && { proxy: through.proxy },
      reason: this.#reason,
      mails: this.#mails,
      ms: now() - this.#began,
    });
  }

  /** Called about once a second: ends a connection whose time is over. */
  checkDeadline(now: number): void {
    const { octetsRead } = this.#transport;
    if (this.#patience.isFlooded(octetsRead)) {
      this.#reason = "content far beyond message_size";
      return this.#transport.abort("deadline");
    }
    if (!this.#patience.isOver(now, octetsRead)) return;
    this.#reason = "timeout";
    if (this.#idle) this.#interrupt("timeout");
    else this.#transport.abort("deadline");
  }

  /** Says 421 as soon as no transaction's content would be cut. */
  shutDown(): void {
    if (this.#idle) this.#interrupt("shutdown");
    else this.#pendingInterrupt = "shutdown";
  }

  /** Ends the connection at once: the drain has taken too long. */
  abort(): void {
    this.#reason = "shutdown";
    this.#asking?.abort();
    this.#transport.abort("closed");
  }

  async #serve(): Promise<void> {
    const { remote, listener, session, log, through = DIRECT } = this.#parts;
    const own = listener.tls === "implicit" ? await this.#upgrade({ keepInput: true }) : null;
    const tls = tlsThrough(through, { session, remote, log }) ?? own;
    await this.#take({ kind: "connected", remote, health: through.mayOnlyLook, tls });
    while (this.#state.phase.at !== "closed") {
      if (this.#pendingInterrupt !== null) return await this.#take({ kind: this.#pendingInterrupt });
      this.#awaitCommand();
      this.#device.beforeLine(this.#transport, this.#state);
      this.#idle = true;
      const line = await this.#transport.readLine(LINE_LIMIT_OCTETS);
      this.#idle = false;
      if (line === null) return;
      if (line instanceof Uint8Array) {
        await this.#take({ kind: "line", octets: line, nonce: crypto.getRandomValues(new Uint8Array(NONCE_OCTETS)) });
      } else await this.#take({ kind: "bad-line", why: line.bad });
    }
  }

  async #take(first: SessionEvent): Promise<void> {
    for (let event: SessionEvent | null = first; event !== null;) {
      const taken = step(this.#state, event, this.#context);
      this.#state = taken.state;
      event = null;
      for (const effect of taken.effects) event = await this.#perform(effect) ?? event;
      // RSET, EHLO and what is refused end a transaction.
      if (this.#state.phase.at === "ready" && event === null) this.#limits.drop();
    }
  }

  /** Carries out one effect; what comes of it goes back into the session. */
  #perform(effect: Effect): Promise<SessionEvent | null> | SessionEvent | null {
    switch (effect.kind) {
      case "reply":
        return this.#reply(effect);
      case "ask":
        return this.#ask(effect);
      case "conclude":
        return this.#conclude(effect);
      case "decide":
        return this.#decide(effect);
      case "start-tls":
        return this.#upgrade({ keepInput: false }).then((tls) => ({ kind: "tls-established", tls }));
      case "start-queue":
        return this.#parts.startQueue(effect).then((outcome) => ({
          kind: "queue-started",
          node: effect.node,
          outcome,
        }));
      case "open-content":
        return this.#openContent(effect);
      case "receive-content":
        return this.#receiveContent();
      case "receive-octets":
        return this.#receiveOctets(effect);
      case "drop-content":
        return this.#dropContent();
      case "close":
        if (this.#reason === CLIENT_LEFT) this.#reason = "closed";
        return null;
      default:
        return unreachable(effect);
    }
  }

  #reply({ reply, refusal }: Extract<Effect, { kind: "reply" }>): null {
    this.#transport.write(formatReply(reply));
    if (refusal === null) return null;
    const { log, remote } = this.#parts;
    log({
      kind: "refused",
      id: refusal.id,
      remote,
      account: this.#state.identity?.account.name ?? null,
      command: refusal.command,
      code: reply.code,
      enhanced: reply.enhanced,
      why: refusal.why,
    });
    return null;
  }

  async #decide({ decision, identity }: Extract<Effect, { kind: "decide" }>): Promise<SessionEvent> {
    const { generation } = this.#parts;
    const verdict = await this.#asked((signal) => generation.decide(decision, this.#client(identity), signal));
    if (decision.about === "mail") this.#discardedBy = null;
    if (verdict.kind === "discard") this.#discardedBy ??= verdict.rule;
    return { kind: "decided", verdict };
  }

  async #ask({ question }: Extract<Effect, { kind: "ask" }>): Promise<SessionEvent> {
    const mechanism = question.kind === "lookup" ? "" : question.origin.mechanism;
    this.#exchange ??= this.#begin(mechanism);
    const exchange = this.#exchange;
    return { kind: "answer", answer: await this.#asked((signal) => exchange.ask(question, signal)) };
  }

  /** Goes to its end although the client may have left: the guess it made counts. */
  async #conclude({ outcome, mechanism, id }: Extract<Effect, { kind: "conclude" }>): Promise<SessionEvent> {
    const exchange = this.#exchange ?? this.#begin(mechanism);
    this.#exchange = null;
    using _exchange = exchange;
    return { kind: "concluded", verdict: await this.#withOutput(exchange.conclude(outcome, id)) };
  }

  #begin(mechanism: string): AuthenticationExchange {
    const origin = { ...originOf(this.#state, this.#context), mechanism };
    const rules = this.#device.loginRules(this.#state, mechanism);
    return this.#parts.generation.parts.authenticator.begin(origin, this.#parts.session, rules);
  }

  async #openContent(effect: Extract<Effect, { kind: "open-content" }>): Promise<null> {
    const { generation, now } = this.#parts;
    this.#content = await openContent(effect, { generation, client: this.#client(effect.identity), now: now() });
    return null;
  }

  async #receiveContent(): Promise<SessionEvent> {
    const { receiver } = this.#openedContent();
    this.#patience.awaitContent(this.#parts.now(), this.#transport.octetsRead);
    return await this.#finishContent(await this.#transport.readContent((piece) => receiver.write(piece)));
  }

  async #receiveOctets({ count, last, discard }: Extract<Effect, { kind: "receive-octets" }>): Promise<SessionEvent> {
    this.#patience.awaitContent(this.#parts.now(), this.#transport.octetsRead);
    if (discard) {
      await this.#transport.readOctets(count, () => {});
      return { kind: "octets-received", problem: null };
    }
    const { receiver, checker } = this.#openedContent();
    await this.#transport.readOctets(count, (piece) => {
      checker.check(piece);
      return receiver.write(piece);
    });
    if (!last) return { kind: "octets-received", problem: receiver.problem };
    checker.finish();
    return await this.#finishContent(checker.problem);
  }

  async #finishContent(problem: ContentProblem | null): Promise<SessionEvent> {
    const { receiver, envelope, disposition } = this.#openedContent();
    this.#patience.suspend();
    const outcome = await receiver.finish(problem);
    this.#awaitCommand();
    if (outcome.kind === "stored") {
      this.#limits.committed(outcome.id, receiver.octets, disposition);
      this.#logMail(outcome.id, envelope, receiver.octets);
    }
    await this.#dropContent();
    return { kind: "content-ended", outcome };
  }

  #client(identity: Identity | null): DecidedFor & { readonly listener: ListenerConfig } {
    const { remote, listener, session } = this.#parts;
    return { identity, remote, listener, session, limits: this.#limits };
  }

  #openedContent(): OpenContent {
    if (this.#content === null) throw new TypeError("Cannot receive content: no draft is open");
    return this.#content;
  }

  #logMail(mail: string, envelope: Envelope, octets: number): void {
    this.#mails++;
    this.#parts.generation.parts.devices.sent(this.#state.identity);
    const { session, remote, log } = this.#parts;
    const facts = {
      ...{ session, remote, octets },
      account: this.#state.identity?.account.name ?? null,
      reversePath: envelope.reversePath ?? "",
      recipients: envelope.recipients.length,
    };
    const rule = this.#discardedBy;
    log(rule === null ? { kind: "accepted-mail", mail, ...facts } : { kind: "discarded-mail", ...facts, rule });
  }

  async #dropContent(): Promise<null> {
    const content = this.#content;
    this.#content = null;
    await content?.receiver[Symbol.asyncDispose]();
    return null;
  }

  async #upgrade({ keepInput }: { readonly keepInput: boolean }): Promise<TlsState> {
    const { certificate } = this.#parts.generation.parts;
    if (certificate === null) throw new TypeError("Cannot begin TLS: no certificate is loaded");
    const { session, remote, log } = this.#parts;
    try {
      // The handshake has a limit of its own.
      this.#patience.suspend();
      const options = { limitMs: HANDSHAKE_LIMIT_MS, keepInput };
      const facts = await this.#transport.upgrade(certificate.context, options);
      log({ kind: "tls", session, remote, ...facts });
      return { ...facts, binding: certificate.binding };
    } catch (cause) {
      const reason = cause instanceof TransportEnded ? tlsReason(cause) : String(cause);
      log({ kind: "tls-failed", session, remote, reason });
      throw cause;
    }
  }

  /** Whoever is asked has its own deadline; the signal says that the connection is cut. */
  async #asked<Value>(ask: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    this.#asking = new AbortController();
    try {
      return await this.#withOutput(ask(this.#asking.signal));
    } finally {
      this.#asking = null;
    }
  }

  /** While a backend is asked, replies that wait go out after a moment. */
  async #withOutput<Value>(work: Promise<Value>): Promise<Value> {
    if (!this.#transport.hasOutput) return await work;
    const timer = setTimeout(() => void this.#transport.flush().catch(() => {}), OUTPUT_DELAY_MS);
    try {
      return await work;
    } finally {
      clearTimeout(timer);
    }
  }

  #interrupt(kind: "timeout" | "shutdown"): void {
    this.#idle = false;
    this.#reason = kind;
    this.#take({ kind }).then(() => this.#transport.close()).catch(() => {});
  }

  #awaitCommand(): void {
    const stranger = this.#context.role === "msa" && this.#state.identity === null;
    this.#patience.awaitCommand(this.#parts.now(), stranger);
  }

  async #bug(cause: unknown): Promise<void> {
    const { session, log } = this.#parts;
    const text = cause instanceof Error ? cause.stack ?? cause.message : String(cause);
    this.#reason = "internal error";
    log({ kind: "bug", where: `session, after ${this.#state.command || "connect"}`, id: session, text });
    await this.#take({ kind: "fault" }).catch(() => {});
  }
}
