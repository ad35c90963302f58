/**
 * One conversation with another server. The rules are all in the machine of `../smtp/client.ts`; here are the octets, the deadlines and
 * the durable steps around the final dot.
 *
 * @module
 */

import { utf8 } from "../lib/octets.ts";
import { fail, type Result, succeed, unreachable } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import { type ClientEvent, replyDeadlineMs, step } from "../smtp/client.ts";
import { ReplyParser } from "../smtp/client_reply.ts";
import {
  type ClientEffect,
  type ClientSettings,
  type ClientState,
  type DeferredOutcome,
  startConversation,
} from "../smtp/client_state.ts";
import { DotEncoder } from "../smtp/dot_encoder.ts";
import { type Address, ClientConnection, type ConnectionProblem, type TlsOptions } from "./client_connection.ts";
import type { DeliveryOutcome } from "../spool/spool.ts";
import type { DeliveryTask } from "./deliverer.ts";

/** Whom to speak with, and how. */
export interface ConversationSettings
  extends Pick<ClientSettings, "protocol" | "hostname" | "tls" | "auth" | "allowClearTextPassword"> {
  readonly address: Address;
  /** The name of the other side, in what is logged and for its certificate. */
  readonly host: string;
  /** A name for the outcomes, where the place of the mails has another one. */
  readonly answersAs?: string;
  /** Whether a certificate that cannot be checked ends the conversation. */
  readonly checkCertificate: boolean;
  /** PEM of the authorities to trust; `null`: the system's. */
  readonly ca: string | null;
  readonly log: Log;
  /** What is wrong with the other side, or with what we are to it. */
  readonly report: (about: "network" | "tls" | "auth", text: string) => void;
  /** How long the reply to a final dot that was sent is waited for when the server stops. */
  readonly committedMs: number;
}

/** RFC 5321 section 4.5.3.2.5: for each block of content. */
const CONTENT_BLOCK_MS = 3 * 60_000;
const COMMAND_MS = 5 * 60_000;
/** What is awaited once the final dot is sent. */
const DOTS: ReadonlySet<string> = new Set(["dot", "dot-for"]);
/** After so many mails a new conversation begins: many servers end one after a hundred. */
const MAILS_LIMIT = 100;

/** Connects, and goes through greeting, EHLO, TLS and AUTH; the problem holds for every mail for this host. */
export async function openConversation(
  settings: ConversationSettings,
  signal: AbortSignal,
): Promise<Result<Conversation, DeferredOutcome>> {
  const { protocol = "smtp", hostname, host, auth, allowClearTextPassword, report } = settings;
  const connection = await ClientConnection.connect(settings.address, signal);
  if (!connection.ok) return fail(reportProblem(connection.problem, report));
  const tls: TlsOptions = { host, ca: settings.ca, check: settings.checkCertificate };
  const secure = settings.tls === "implicit" ? await connection.value.startTls(tls, signal) : null;
  if (secure !== null && !secure.ok) return fail(reportProblem(secure.problem, report));
  const state = startConversation({
    ...{ protocol, hostname, host, tls: settings.tls, auth, allowClearTextPassword },
    loopback: connection.value.loopback,
    nonce: crypto.getRandomValues(new Uint8Array(24)),
  }, secure === null ? null : secure.value);
  const conversation = new Conversation(connection.value, state, { ...settings, options: tls });
  const problem = await conversation.open(signal);
  return problem === null ? succeed(conversation) : fail(problem);
}

/** A connection and the state of the machine. */
export class Conversation {
  readonly #connection: ClientConnection;
  readonly #parser = new ReplyParser();
  readonly #tls: TlsOptions;
  readonly #settings: Pick<ConversationSettings, "log" | "report" | "committedMs" | "answersAs">;
  #state: ClientState;

  constructor(
    connection: ClientConnection,
    state: ClientState,
    { options, ...settings }:
      & Pick<ConversationSettings, "log" | "report" | "committedMs" | "answersAs">
      & { readonly options: TlsOptions },
  ) {
    this.#connection = connection;
    this.#state = state;
    this.#tls = options;
    this.#settings = settings;
  }

  /** TLS, and whether the certificate is good and belongs to the host; `null`: the conversation is in the clear. */
  get secure(): { readonly checked: boolean } | null {
    return this.#state.secure;
  }

  /** Whether another mail may follow. */
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

  /** Ends it in order, where it is idle. */
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
        await task?.settle(effect.recipient, named(effect.outcome, this.#settings.answersAs));
        return null;
      case "alarm":
        this.#settings.report(effect.about, effect.text);
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
      this.#settings.log({ kind: "alarm", about: "spool", text });
      return CONTENT_UNREADABLE;
    }
    const dot = encoder.finish();
    if (dot === null) return BARE_LINE_END;
    if (signal?.aborted) return STOPPING;
    await task.attempting(recipients);
    // From here on the other side may have taken the mail: to cut this short can mean to send it twice.
    using late = delayed(signal, this.#settings.committedMs);
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
    const committed = phase.at === "mail" && DOTS.has(phase.awaited[0]?.kind ?? "");
    using patience = committed ? delayed(signal, this.#settings.committedMs) : null;
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

function named(outcome: DeliveryOutcome, host: string | undefined): DeliveryOutcome {
  return host === undefined ? outcome : { ...outcome, host };
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
    ours: true,
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
function reportProblem(
  { kind, text, detail }: ConnectionProblem,
  report: ConversationSettings["report"],
): DeferredOutcome {
  if (kind === "aborted") return { kind: "deferred", cause: "local", reply: `451 4.3.2 ${text}` };
  report(kind === "tls" ? "tls" : "network", `${text}: ${detail ?? kind}`);
  return kind === "tls"
    ? { kind: "deferred", cause: "tls", reply: `451 4.7.5 ${text}` }
    : { kind: "deferred", cause: "network", reply: `451 4.4.1 ${text}` };
}
