/**
 * `sendmail -bs`: a session on standard input and output. The mails of the calling user go into the maildrop; nobody has to log in.
 *
 * @module
 */

import type { SendmailFacts } from "../config/sendmail_facts.ts";
import { unreachable } from "../lib/result.ts";
import { Transport } from "../server/transport.ts";
import { TransportEnded } from "../server/octet_stream.ts";
import { ChunkChecker, type ContentProblem } from "../smtp/dot_decoder.ts";
import type { Envelope } from "../smtp/envelope.ts";
import { formatReply } from "../smtp/reply.ts";
import { LINE_LIMIT_OCTETS, step } from "../smtp/session.ts";
import {
  type ContentOutcome,
  type Effect,
  INITIAL_STATE,
  type SessionContext,
  type SessionEvent,
  type SessionState,
} from "../smtp/session_state.ts";
import { EXIT } from "./exit.ts";
import { MaildropFile } from "./maildrop_file.ts";
import { complain } from "./output.ts";

/** Serves until QUIT or the end of the input. */
export async function serveStandardInput(dataDir: string, facts: SendmailFacts): Promise<number> {
  return await new StandardSession(dataDir, facts).run();
}

/** Content under way; `file` is missing where none could be made. */
interface OpenMail {
  readonly file: MaildropFile | null;
  readonly checker: ChunkChecker;
  octets: number;
}

class StandardSession {
  readonly #dataDir: string;
  readonly #context: SessionContext;
  readonly #transport = new Transport(new StandardStreams());
  #state: SessionState = callerState();
  #mail: OpenMail | null = null;

  constructor(dataDir: string, { hostname, limitOctets }: SendmailFacts) {
    this.#dataDir = dataDir;
    this.#context = {
      ...{ hostname, sessionId: "bs", listener: "standard input", role: "mta", requireTls: false, canStartTls: false },
      ...{ legacyAuthLine: false, realms: [], defaultRealm: hostname },
      limits: {
        ...{ messageOctets: limitOctets, recipients: 10_000, authFailures: 5 },
        ...{ protocolErrors: 100, refusedRecipients: 1_000 },
      },
      offered: () => [],
    };
  }

  async run(): Promise<number> {
    try {
      await this.#take({ kind: "connected", remote: "127.0.0.1", health: false, tls: null });
      while (this.#state.phase.at !== "closed") {
        const line = await this.#transport.readLine(LINE_LIMIT_OCTETS);
        if (line === null) break;
        const nonce = new Uint8Array(0);
        await this.#take(
          line instanceof Uint8Array ? { kind: "line", octets: line, nonce } : { kind: "bad-line", why: line.bad },
        );
      }
      await this.#transport.flush();
      return EXIT.ok;
    } catch (error) {
      if (!(error instanceof TransportEnded)) throw error;
      complain("The input ended in the middle of a mail, or nobody reads the replies");
      return EXIT.data;
    } finally {
      this.#drop();
    }
  }

  async #take(first: SessionEvent): Promise<void> {
    for (let event: SessionEvent | null = first; event !== null;) {
      const taken = step(this.#state, event, this.#context);
      this.#state = taken.state;
      event = null;
      for (const effect of taken.effects) event = await this.#perform(effect) ?? event;
    }
  }

  #perform(effect: Effect): Promise<SessionEvent> | SessionEvent | null {
    switch (effect.kind) {
      case "reply":
        this.#transport.write(formatReply(effect.reply));
        return null;
      case "decide":
        return { kind: "decided", verdict: { kind: "accept" } };
      case "open-content":
        this.#mail = { file: this.#create(effect.envelope), checker: new ChunkChecker(), octets: 0 };
        return null;
      case "receive-content":
        return this.#receiveContent();
      case "receive-octets":
        return this.#receiveOctets(effect);
      case "drop-content":
        return this.#drop();
      case "close":
        return null;
      case "ask":
      case "conclude":
      case "start-tls":
      case "start-queue":
        throw new TypeError(`Cannot perform ${effect.kind}: nothing of it is offered here`);
      default:
        return unreachable(effect);
    }
  }

  #create({ reversePath, recipients, smtputf8, ret, envid }: Envelope): MaildropFile | null {
    const opened = MaildropFile.create(this.#dataDir, {
      ...{ version: 1, reversePath: reversePath ?? "", fullName: null, removeBcc: false, smtputf8, ret, envid },
      recipients: recipients.map(({ forwardPath, notify, orcpt }) => ({ address: forwardPath, notify, orcpt })),
    });
    if (opened.ok) return opened.value;
    complain(opened.problem.message);
    return null;
  }

  async #receiveContent(): Promise<SessionEvent> {
    return this.#finish(await this.#transport.readContent((piece) => this.#write(piece)));
  }

  async #receiveOctets({ count, last, discard }: Extract<Effect, { kind: "receive-octets" }>): Promise<SessionEvent> {
    await this.#transport.readOctets(count, (piece) => {
      if (discard) return;
      this.#mail?.checker.check(piece);
      this.#write(piece);
    });
    const checker = discard ? undefined : this.#mail?.checker;
    if (!last || checker === undefined) return { kind: "octets-received", problem: null };
    checker.finish();
    return this.#finish(checker.problem);
  }

  #write(piece: Uint8Array): void {
    if (this.#mail === null) return;
    this.#mail.octets += piece.length;
    if (this.#mail.octets <= this.#context.limits.messageOctets) this.#mail.file?.write(piece);
  }

  #finish(malformed: ContentProblem | null): SessionEvent {
    const outcome = this.#outcome(malformed);
    this.#drop();
    return { kind: "content-ended", outcome };
  }

  #outcome(malformed: ContentProblem | null): ContentOutcome {
    const file = this.#mail?.file ?? null;
    if ((this.#mail?.octets ?? 0) > this.#context.limits.messageOctets) return { kind: "too-large" };
    if (malformed !== null) return { kind: "malformed", why: malformed };
    const committed = file?.commit();
    if (file === null || committed === undefined) return { kind: "unavailable" };
    if (committed.ok) return { kind: "stored", id: file.name };
    complain(committed.problem.message);
    return { kind: "unavailable" };
  }

  #drop(): null {
    this.#mail?.file?.[Symbol.dispose]();
    this.#mail = null;
    return null;
  }
}

/** The caller is known by the owner of the file: no login is asked for. */
function callerState(): SessionState {
  const account = { name: "the calling user", backend: "", addresses: [], groups: [], attributes: {} };
  return { ...INITIAL_STATE, identity: { account, credential: "", mechanism: "", trusted: true } };
}

/** Standard input and output as one connection. */
class StandardStreams implements Deno.Conn<Deno.UnixAddr> {
  readonly localAddr: Deno.UnixAddr = { transport: "unix", path: "" };
  readonly remoteAddr: Deno.UnixAddr = { transport: "unix", path: "" };
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>> = Deno.stdin.readable;
  readonly writable: WritableStream<Uint8Array<ArrayBufferLike>> = Deno.stdout.writable;

  read(into: Uint8Array): Promise<number | null> {
    return Deno.stdin.read(into);
  }

  write(octets: Uint8Array): Promise<number> {
    return Deno.stdout.write(octets);
  }

  /** The process ends soon, and its streams with it. */
  close(): void {}

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  ref(): void {}

  unref(): void {}

  [Symbol.dispose](): void {}
}
