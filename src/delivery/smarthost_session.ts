/**
 * One conversation with a smarthost. The rules are all in the machine of `../smtp/client.ts`; here are the octets, the deadlines and
 * the durable steps around the final dot.
 *
 * @module
 */

import type { SmarthostConfig } from "../config/config.ts";
import { utf8 } from "../lib/octets.ts";
import { fail, type Result, succeed, unreachable } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import { type ClientEvent, replyDeadlineMs, step } from "../smtp/client.ts";
import { ReplyParser } from "../smtp/client_reply.ts";
import { type ClientEffect, type ClientState, type DeferredOutcome, startConversation } from "../smtp/client_state.ts";
import { DotEncoder } from "../smtp/dot_encoder.ts";
import type { DeliveryOutcome } from "../spool/spool.ts";
import { ClientConnection, type ConnectionProblem, type TlsOptions } from "./client_connection.ts";
import type { DeliverySession, DeliveryTask, Hop } from "./deliverer.ts";

/** What all conversations with one smarthost share. */
export interface ConversationSettings {
  readonly config: SmarthostConfig;
  /** The PEM of `caFile`. */
  readonly ca: string | null;
  readonly hostname: string;
  readonly log: Log;
  /** How long the reply to a final dot that was sent is waited for when the server stops. */
  readonly committedMs: number;
}

/** RFC 5321 section 4.5.3.2.5: for each block of content. */
const CONTENT_BLOCK_MS = 3 * 60_000;
const COMMAND_MS = 5 * 60_000;
/** After so many mails a new conversation begins: many servers end one after a hundred. */
const MAILS_LIMIT = 100;

/** Connects, and goes through greeting, EHLO, TLS and AUTH; the problem holds for every mail for this hop. */
export async function openSmarthostSession(
  hop: Hop,
  settings: ConversationSettings,
  signal: AbortSignal,
): Promise<Result<DeliverySession, DeliveryOutcome>> {
  const conversation = await openConversation(hop, settings, signal);
  return conversation.ok ? succeed(new SmarthostSession(hop, settings, conversation.value)) : conversation;
}

class SmarthostSession implements DeliverySession {
  readonly #hop: Hop;
  readonly #settings: ConversationSettings;
  #conversation: Conversation;

  constructor(hop: Hop, settings: ConversationSettings, conversation: Conversation) {
    this.#hop = hop;
    this.#settings = settings;
    this.#conversation = conversation;
  }

  get usable(): boolean {
    return this.#conversation.usable;
  }

  async deliver(task: DeliveryTask, signal: AbortSignal): Promise<void> {
    if (await this.#conversation.send(task, signal)) return;
    // The other side was tired of a conversation that had carried mails before; that says nothing of this mail.
    const again = await openConversation(this.#hop, this.#settings, signal);
    if (again.ok) {
      this.#conversation = again.value;
      await this.#conversation.send(task, signal);
      return;
    }
    for (const { id } of task.recipients) await task.settle(id, again.problem);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#conversation.close();
  }
}

async function openConversation(
  hop: Hop,
  settings: ConversationSettings,
  signal: AbortSignal,
): Promise<Result<Conversation, DeferredOutcome>> {
  const connection = await ClientConnection.connect(hop, signal);
  if (!connection.ok) return fail(reportProblem(connection.problem, settings.log));
  const tls: TlsOptions = { host: hop.host, ca: settings.ca, check: settings.config.tls !== "opportunistic" };
  const secure = settings.config.tls === "implicit" ? await connection.value.startTls(tls, signal) : null;
  if (secure !== null && !secure.ok) return fail(reportProblem(secure.problem, settings.log));
  const { config, hostname, log, committedMs } = settings;
  const state = startConversation({
    hostname,
    host: hop.host,
    tls: config.tls,
    auth: config.auth,
    allowClearTextPassword: config.allowClearTextPassword,
    loopback: connection.value.loopback,
    nonce: crypto.getRandomValues(new Uint8Array(24)),
  }, secure === null ? null : secure.value);
  const conversation = new Conversation(connection.value, state, { tls, log, committedMs });
  const problem = await conversation.open(signal);
  return problem === null ? succeed(conversation) : fail(problem);
}

/** A connection and the state of the machine. */
class Conversation {
  readonly #connection: ClientConnection;
  readonly #parser = new ReplyParser();
  readonly #tls: TlsOptions;
  readonly #log: Log;
  readonly #committedMs: number;
  #state: ClientState;

  constructor(
    connection: ClientConnection,
    state: ClientState,
    { tls, log, committedMs }: Pick<ConversationSettings, "log" | "committedMs"> & { readonly tls: TlsOptions },
  ) {
    this.#connection = connection;
    this.#state = state;
    this.#tls = tls;
    this.#log = log;
    this.#committedMs = committedMs;
  }

  get usable(): boolean {
    return this.#state.phase.at === "ready" && this.#state.mails < MAILS_LIMIT;
  }

  /** Goes on until mails can be sent; the result is why they cannot. */
  async open(signal: AbortSignal): Promise<DeferredOutcome | null> {
    await this.#run(await this.#nextEvent(signal), null, signal);
    return this.#state.phase.at === "closed" ? this.#state.phase.outcome : null;
  }

  /** Hands a mail over; `false`: it did not come to that, and nothing is settled. */
  send(task: DeliveryTask, signal: AbortSignal): Promise<boolean> {
    const { envelope, sizeOctets, has8bit } = task.mail;
    const mail = { ...envelope, recipients: task.recipients, sizeOctets, has8bit };
    return this.#run({ kind: "send", mail }, task, signal);
  }

  async close(): Promise<void> {
    if (this.#state.phase.at !== "ready") return this.#connection.destroy();
    await this.#run({ kind: "quit" }, null, null);
  }

  async #run(first: ClientEvent, task: DeliveryTask | null, signal: AbortSignal | null): Promise<boolean> {
    let sent = true;
    try {
      for (let event: ClientEvent | null = first; event !== null;) {
        const { state, effects } = step(this.#state, event);
        this.#state = state;
        event = null;
        for (const effect of effects) {
          if (effect.kind === "unsent") sent = false;
          event = await this.#carryOut(effect, task, signal) ?? event;
        }
        if (event === null && state.phase.at !== "ready" && state.phase.at !== "closed") {
          event = await this.#nextEvent(signal);
        }
      }
    } catch (error) {
      // The spool cannot keep what happens here: nothing more is sent.
      this.#connection.destroy();
      this.#state = { ...this.#state, phase: { at: "closed", outcome: null } };
      throw error;
    }
    return sent;
  }

  async #carryOut(
    effect: ClientEffect,
    task: DeliveryTask | null,
    signal: AbortSignal | null,
  ): Promise<ClientEvent | null> {
    switch (effect.kind) {
      case "write":
        // A failure shows where the reply is read: there may be one that tells why.
        await this.#connection.write(utf8(effect.text), COMMAND_MS, signal);
        return null;
      case "start-tls":
        return await this.#startTls(signal);
      case "send-content":
        return task === null ? null : await this.#sendContent(task, effect.recipients, signal);
      case "settle":
        await task?.settle(effect.recipient, effect.outcome);
        return null;
      case "alarm":
        this.#log({ kind: "alarm", about: `smarthost-${effect.about}`, text: effect.text });
        return null;
      case "close":
        if (this.#isAfterQuit) await this.#connection.close();
        else this.#connection.destroy();
        return null;
      case "unsent":
        return null;
      default:
        return unreachable(effect);
    }
  }

  get #isAfterQuit(): boolean {
    return this.#state.phase.at === "closed" && this.#state.phase.outcome === null;
  }

  async #startTls(signal: AbortSignal | null): Promise<ClientEvent> {
    // Octets before TLS that are taken for replies after it: an injected reply.
    if (this.#parser.hasRest || this.#connection.readable) {
      return {
        kind: "lost",
        cause: "tls",
        text: "TLS failed",
        detail: "the server sent more than one reply to STARTTLS",
      };
    }
    const secure = await this.#connection.startTls(this.#tls, signal);
    return secure.ok ? { kind: "tls-established", checked: secure.value.checked } : lost(secure.problem);
  }

  async #sendContent(
    task: DeliveryTask,
    recipients: readonly number[],
    signal: AbortSignal | null,
  ): Promise<ClientEvent | null> {
    const encoder = new DotEncoder();
    try {
      for await (const chunk of await task.content()) {
        const octets = encoder.push(chunk);
        if (octets === null) return BARE_LINE_END;
        const written = await this.#connection.write(octets, CONTENT_BLOCK_MS, signal);
        if (!written.ok && written.problem.kind !== "closed") return lost(written.problem);
        if (!written.ok || this.#connection.readable) return await this.#interruption();
      }
    } catch (error) {
      const text = `Cannot read mail ${task.mail.id}: ${error instanceof Error ? error.message : "unknown reason"}`;
      this.#log({ kind: "alarm", about: "spool", text });
      return CONTENT_UNREADABLE;
    }
    const dot = encoder.finish();
    if (dot === null) return BARE_LINE_END;
    if (signal?.aborted) return STOPPING;
    await task.attempting(recipients);
    // From here on the other side may have taken the mail: to cut this short can mean to send it twice.
    using late = delayed(signal, this.#committedMs);
    await this.#connection.write(dot, CONTENT_BLOCK_MS, late.signal);
    return null;
  }

  /** A reply, or the end, before the final dot; either is here already. */
  async #interruption(): Promise<ClientEvent> {
    const event = await this.#nextEvent(null);
    return event.kind === "reply" ? { kind: "early-reply", reply: event.reply } : event;
  }

  async #nextEvent(signal: AbortSignal | null): Promise<ClientEvent> {
    const { phase } = this.#state;
    const committed = phase.at === "mail" && phase.awaited[0]?.kind === "dot";
    using patience = committed ? delayed(signal, this.#committedMs) : null;
    for (;;) {
      const parsed = this.#parser.next();
      if (parsed?.kind === "reply") return parsed;
      if (parsed !== null) {
        return { kind: "lost", cause: "network", text: "The other server does not speak SMTP", detail: parsed.why };
      }
      const read = await this.#connection.read(
        replyDeadlineMs(this.#state),
        patience === null ? signal : patience.signal,
      );
      if (!read.ok) return lost(read.problem);
      this.#parser.push(read.value);
    }
  }
}

/** A signal that aborts so long after another one, unless it is disposed before. */
function delayed(signal: AbortSignal | null, ms: number): Disposable & { readonly signal: AbortSignal } {
  const later = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const start = () => {
    timer = setTimeout(() => later.abort(), ms);
  };
  if (signal?.aborted) start();
  else signal?.addEventListener("abort", start);
  return {
    signal: later.signal,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", start);
    },
  };
}

const BARE_LINE_END: ClientEvent = {
  kind: "content-failed",
  outcome: {
    kind: "failed",
    enhanced: "5.6.0",
    reply: "554 5.6.0 The content has a bare CR or LF and cannot be sent by SMTP",
  },
};

const CONTENT_UNREADABLE: ClientEvent = {
  kind: "content-failed",
  outcome: { kind: "deferred", cause: "local", reply: "451 4.3.0 The stored mail cannot be read now" },
};

const STOPPING: ClientEvent = { kind: "lost", cause: "local", text: "The server is stopping", detail: null };

function lost({ kind, text, detail }: ConnectionProblem): ClientEvent {
  return { kind: "lost", cause: kind === "tls" ? "tls" : kind === "aborted" ? "local" : "network", text, detail };
}

/** Before there is a conversation. */
function reportProblem({ kind, text, detail }: ConnectionProblem, log: Log): DeferredOutcome {
  if (kind === "aborted") return { kind: "deferred", cause: "local", reply: `451 4.3.2 ${text}` };
  log({ kind: "alarm", about: `smarthost-${kind === "tls" ? "tls" : "network"}`, text: `${text}: ${detail ?? kind}` });
  return kind === "tls"
    ? { kind: "deferred", cause: "tls", reply: `451 4.7.5 ${text}` }
    : { kind: "deferred", cause: "network", reply: `451 4.4.1 ${text}` };
}
