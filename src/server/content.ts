/**
 * Takes the content of one mail from the wire into a draft of the spool: counts it, checks it, completes its header section.
 *
 * @module
 */

import type { Envelope } from "../smtp/envelope.ts";
import type { Identity } from "../smtp/identity.ts";
import type { ContentProblem } from "../smtp/dot_decoder.ts";
import type { ContentOutcome, Disposition, TlsState } from "../smtp/session_state.ts";
import { completeHeader } from "../message/complete.ts";
import { formatDate } from "../message/date.ts";
import { HeaderReader, type HeaderSplit } from "../message/header.ts";
import { formatReceived } from "../message/received.ts";
import type { DkimSigner, SigningMail } from "../delivery/dkim_signer.ts";
import { domainOf } from "../smtp/path.ts";
import type { Spool, SpoolDraft } from "../spool/spool.ts";

const FIRST_OCTETS = 8 * 1024;
const PIECE_OCTETS = 64 * 1024;

/** Whose content it is and what is to be written over it. */
export interface ContentFacts {
  readonly envelope: Envelope;
  readonly identity: Identity | null;
  readonly disposition: Disposition;
  readonly helo: string;
  readonly esmtp: boolean;
  readonly tls: TlsState | null;
  readonly remote: string;
  /** Stands for the mail's id where there is no draft. */
  readonly session: string;
  readonly hostname: string;
  /** Whether missing Date and Message-ID fields are added (RFC 6409 section 8). */
  readonly submission: boolean;
  readonly hideClient: boolean;
  readonly removeBcc: boolean;
  readonly limitOctets: number;
  /** The sender rule; `null`: it does not hold here. */
  readonly judge: HeaderJudge | null;
  /** Gives the header section other addresses; `null`: those it has stay. */
  readonly rewrite: ((header: Uint8Array) => Uint8Array) | null;
  /** `null`: the mail is not signed. */
  readonly signer: DkimSigner | null;
  readonly now: number;
}

/** What policy makes of a header section: its octets, maybe others, or a refusal. `mail`: for the log. */
export type HeaderJudge = (split: HeaderSplit, mail: string) => Promise<HeaderVerdict>;

/** Whether content with this header section is taken. */
export type HeaderVerdict =
  | { readonly kind: "accept"; readonly header: Uint8Array<ArrayBuffer> }
  | Extract<ContentOutcome, { kind: "refused" }>;

/** Content under way. Disposing it before `finish` leaves no trace. */
export class ContentReceiver implements AsyncDisposable {
  readonly #facts: ContentFacts;
  readonly #draft: SpoolDraft | null;
  #header: HeaderReader | null = new HeaderReader();
  #piece = new Uint8Array(FIRST_OCTETS);
  #held = 0;
  #octets = 0;
  #problem: "too-large" | "unavailable" | "too-many-hops" | null = null;
  #signing: SigningMail | null = null;
  #refused: Extract<ContentOutcome, { kind: "refused" }> | null = null;

  private constructor(facts: ContentFacts, draft: SpoolDraft | null) {
    this.#facts = facts;
    this.#draft = draft;
    if (draft === null && facts.disposition !== "discard") this.#problem = "unavailable";
  }

  /** Opens a draft; that it cannot be opened shows at the end of the content. */
  static async open(spool: Spool, facts: ContentFacts): Promise<ContentReceiver> {
    if (facts.disposition === "discard") return new ContentReceiver(facts, null);
    const options = { held: facts.disposition === "hold", source: null };
    const draft = await spool.draft(facts.envelope, facts.identity?.account.name ?? null, options).catch(() => null);
    return new ContentReceiver(facts, draft);
  }

  /** What went wrong so far, where that shows before the end. */
  get problem(): "too-large" | "unavailable" | null {
    return this.#problem === "too-many-hops" ? null : this.#problem;
  }

  /** How many octets came in. */
  get octets(): number {
    return this.#octets;
  }

  /** Takes octets; they may change after the call. Waits only when a piece goes to the spool. */
  write(octets: Uint8Array): Promise<void> | void {
    this.#octets += octets.length;
    if (this.#octets > this.#facts.limitOctets) this.#problem ??= "too-large";
    if (this.#problem !== null || this.#refused !== null) return;
    if (this.#held + octets.length > this.#piece.length) this.#grow(octets.length);
    this.#piece.set(octets, this.#held);
    this.#held += octets.length;
    if (this.#held >= PIECE_OCTETS) return this.#pass();
  }

  /** Ends the content. `malformed`: what the decoder found. Only `stored` means that the mail is ours and durable. */
  async finish(malformed: ContentProblem | null): Promise<ContentOutcome> {
    if (this.#problem === null && this.#refused === null && malformed === null) await this.#passRest();
    if (this.#problem === "too-large") return { kind: "too-large" };
    if (malformed !== null) return { kind: "malformed", why: malformed };
    if (this.#problem !== null) return { kind: this.#problem };
    if (this.#refused !== null) return this.#refused;
    if (this.#draft === null) return { kind: "stored", id: this.#facts.session };
    const committed = await this.#draft.commit(await this.#signing?.finish());
    return committed.ok ? { kind: "stored", id: committed.value } : { kind: committed.problem };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#draft?.[Symbol.asyncDispose]();
  }

  get #id(): string {
    return this.#draft?.id ?? this.#facts.session;
  }

  #grow(more: number): void {
    const larger = new Uint8Array(Math.max(this.#piece.length * 2, this.#held + more));
    larger.set(this.#piece.subarray(0, this.#held));
    this.#piece = larger;
  }

  /** Hands over what is held. */
  async #pass(): Promise<void> {
    const held = this.#piece.subarray(0, this.#held);
    this.#piece = new Uint8Array(PIECE_OCTETS + FIRST_OCTETS);
    this.#held = 0;
    if (this.#header === null) return await this.#storeBody(held);
    const split = this.#header.push(held);
    if (split !== null) await this.#storeSplit(split);
  }

  async #passRest(): Promise<void> {
    const held = this.#piece.subarray(0, this.#held);
    this.#held = 0;
    if (this.#header === null) return await this.#storeBody(held);
    const split = this.#header.push(held) ?? this.#header.finish();
    await this.#storeSplit(split);
  }

  async #storeSplit(split: HeaderSplit): Promise<void> {
    this.#header = null;
    const judged = await this.#facts.judge?.(split, this.#id) ?? { kind: "accept", header: split.header };
    if (judged.kind === "refused") return void (this.#refused = judged);
    const { rest } = split;
    const completed = this.#complete(this.#facts.rewrite?.(judged.header) ?? judged.header);
    if (completed === null) return void (this.#problem = "too-many-hops");
    const { signer, envelope: { reversePath }, now } = this.#facts;
    if (this.#draft !== null) this.#signing = signer?.begin({ header: completed, rest }, { reversePath, now }) ?? null;
    if (this.#signing !== null) await this.#store(this.#signing.room);
    await this.#store(completed);
    await this.#store(rest);
  }

  #complete(header: Uint8Array): Uint8Array<ArrayBuffer> | null {
    const { envelope, identity, tls, now, hostname } = this.#facts;
    const id = this.#id;
    const [only, ...others] = envelope.recipients;
    const received = formatReceived({
      clientName: this.#facts.helo,
      clientAddress: this.#facts.remote,
      login: identity?.account.name ?? null,
      hideClient: this.#facts.hideClient,
      hostname,
      protocol: {
        extended: this.#facts.esmtp,
        tls: tls !== null,
        authenticated: identity !== null,
        smtputf8: envelope.smtputf8,
      },
      id,
      tls,
      forwardPath: only !== undefined && others.length === 0 ? only.forwardPath : null,
      at: now,
    });
    const from = envelope.reversePath === null ? null : domainOf(envelope.reversePath);
    const domain = from === null || from.startsWith("[") ? hostname : from;
    const submission = this.#facts.submission ? { date: formatDate(now), messageId: `<${id}@${domain}>` } : null;
    const completed = completeHeader(header, { received, submission, removeBcc: this.#facts.removeBcc });
    return completed.ok ? completed.value : null;
  }

  async #storeBody(octets: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#signing?.update(octets);
    await this.#store(octets);
  }

  async #store(octets: Uint8Array<ArrayBuffer>): Promise<void> {
    if (octets.length > 0) await this.#draft?.write(octets);
  }
}
