/**
 * The pure session with nobody behind it: each effect is carried out as far as it only looks.
 *
 * @module
 */

import type { ListenerConfig } from "../config/config.ts";
import type { SimulationStep } from "../http/simulation.ts";
import { unreachable } from "../lib/result.ts";
import { utf8 } from "../lib/octets.ts";
import type { Envelope } from "../smtp/envelope.ts";
import type { ConcludedVerdict } from "../smtp/identity.ts";
import { formatReply, type Reply } from "../smtp/reply.ts";
import { REPLIES } from "../smtp/replies.ts";
import { step } from "../smtp/session.ts";
import {
  type Disposition,
  type Effect,
  INITIAL_STATE,
  nextId,
  type SessionContext,
  type SessionEvent,
  type SessionState,
  type TlsState,
} from "../smtp/session_state.ts";
import type { DecidedFor, Generation } from "./generation.ts";
import { previewKeeper } from "./limits/preview.ts";
import { LimitSession } from "./limits/session.ts";

/** Where a client comes from. */
export interface SimulatedFrom {
  readonly listener: ListenerConfig;
  readonly remote: string;
  readonly signal: AbortSignal;
}

/** A mail as far as it has come. */
export interface Transaction {
  readonly envelope: Envelope;
  readonly disposition: Disposition;
}

type StepName = SimulationStep["step"];

/** In the place of an id: no line of the log has it. */
const SESSION = "simulation";
/** No mechanism is asked to prove anything. */
const NONCE = new Uint8Array(18);
/** What clients of today agree on. */
const TLS = { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" };

/** A session that only looks. */
export class SimulatedSession {
  readonly context: SessionContext;
  readonly steps: SimulationStep[] = [];
  /** What would be logged beside. */
  readonly notes: string[] = [];
  readonly limits: LimitSession;
  readonly #generation: Generation;
  readonly #note = (text: string) => void this.notes.push(text);
  readonly #from: SimulatedFrom;
  #state: SessionState = INITIAL_STATE;
  /** Why the last decision was as it was. */
  #rule: string | null = null;

  constructor(generation: Generation, from: SimulatedFrom) {
    this.#generation = generation;
    this.#from = from;
    this.limits = new LimitSession(previewKeeper(generation.parts.limits, this.#note), SESSION);
    this.context = generation.context(from.listener, { id: SESSION, remote: from.remote });
  }

  get state(): SessionState {
    return this.#state;
  }

  get isClosed(): boolean {
    return this.#state.phase.at === "closed";
  }

  /** The mail under way. */
  get transaction(): Transaction | null {
    const { phase } = this.#state;
    return phase.at === "mail" ? phase : null;
  }

  /** For whom rules decide. */
  get sending(): DecidedFor {
    const { remote, listener } = this.#from;
    const note = this.#note;
    return { identity: this.#state.identity, remote, listener, session: SESSION, limits: this.limits, note };
  }

  /** The greeting. The result of each of these is whether a client goes on. */
  connect(tls: boolean): Promise<boolean> {
    const event = {
      kind: "connected",
      remote: this.#from.remote,
      health: false,
      tls: tls ? this.#tls() : null,
    } as const;
    return this.#take("connect", null, event);
  }

  command(name: StepName, line: string): Promise<boolean> {
    return this.#take(name, line, { kind: "line", octets: utf8(line), nonce: NONCE });
  }

  /** AUTH up to where the mechanism begins: whether it does. A refusal is a step; a beginning is none, `conclude` is. */
  async beginAuth(line: string): Promise<boolean> {
    const taken = step(this.#state, { kind: "line", octets: utf8(line), nonce: NONCE }, this.context);
    if (taken.state.phase.at !== "exchange") return await this.command("auth", line);
    const waitsFor = {
      ...{ for: "verdict", id: nextId(this.#state, this.context) } as const,
      ...{ final: null, rejection: REPLIES.authRejected },
    };
    this.#state = { ...taken.state, phase: { ...taken.state.phase, waitsFor } };
    return true;
  }

  /** The end of the exchange, in the place of all that its mechanism would say. */
  conclude(verdict: ConcludedVerdict, rule: string | null): Promise<boolean> {
    this.#rule = rule;
    const { phase } = this.#state;
    const name = phase.at === "exchange" ? phase.mechanism.name : "";
    return this.#take("auth", `AUTH ${name}`, { kind: "concluded", verdict });
  }

  /** The reply to content. */
  refuseContent({ reply, rule }: { readonly reply: Reply; readonly rule: string }): void {
    this.#record("content", null, { reply, rule });
  }

  async #take(name: StepName, client: string | null, first: SessionEvent): Promise<boolean> {
    const before = this.steps.length;
    for (let event: SessionEvent | null = first; event !== null;) {
      const taken = step(this.#state, event, this.context);
      this.#state = taken.state;
      event = null;
      for (const effect of taken.effects) event = await this.#perform(effect, { name, client }) ?? event;
    }
    this.#rule = null;
    return this.steps.slice(before).every(({ result }) => result === "accepted");
  }

  async #perform(
    effect: Effect,
    { name, client }: { readonly name: StepName; readonly client: string | null },
  ): Promise<SessionEvent | null> {
    switch (effect.kind) {
      case "reply": {
        const { reply, refusal } = effect;
        this.#record(name, client, { reply, id: refusal?.id ?? null, rule: this.#rule ?? refusal?.why ?? null });
        return null;
      }
      case "decide": {
        const { decision } = effect;
        const verdict = await this.#generation.decide(decision, this.sending, this.#from.signal);
        this.#rule = verdict.kind === "accept" ? null : verdict.rule;
        return { kind: "decided", verdict };
      }
      case "start-tls":
        return { kind: "tls-established", tls: this.#tls() };
      case "ask":
      case "conclude":
      case "start-queue":
      case "open-content":
      case "receive-content":
      case "receive-octets":
        throw new TypeError(`Cannot simulate ${effect.kind}: no command that is given leads to it`);
      case "drop-content":
      case "close":
        return null;
      default:
        return unreachable(effect);
    }
  }

  #tls(): TlsState {
    const ours = this.#from.listener.tls !== "none";
    return { ...TLS, binding: ours ? this.#generation.parts.certificate?.binding ?? null : null };
  }

  #record(
    name: StepName,
    client: string | null,
    { reply, id = null, rule }: { readonly reply: Reply; readonly id?: string | null; readonly rule: string | null },
  ): void {
    const text = formatReply(reply).trimEnd().replaceAll("\r\n", "\n");
    const said = id === null || !text.endsWith(` (${id})`) ? text : text.slice(0, -` (${id})`.length);
    const { code } = reply;
    const result = code >= 500 ? "refused" : code >= 400 ? "temporary" : "accepted";
    this.steps.push({ step: name, client, reply: said, code, result, rule });
  }
}
