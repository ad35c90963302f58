/**
 * What a session can be told, what it tells the driver to do, and all that it remembers.
 *
 * @module
 */

import type { Answer, Origin, Question } from "../backend.ts";
import type { ExchangeOutcome, Mechanism } from "../sasl/mechanism.ts";
import type { Envelope, Recipient } from "./envelope.ts";
import type { ConcludedVerdict, Identity } from "./identity.ts";
import type { BadLine } from "./line_splitter.ts";
import type { ContentProblem } from "./dot_decoder.ts";
import type { QueueStart } from "./queue_start.ts";
import type { Reply } from "./reply.ts";
import { withId } from "./reply.ts";
import { countRepairs, type Repair, type Repairs } from "./repair.ts";
import { REPLIES } from "./replies.ts";

/** What policy is asked. */
export type Decision =
  | { readonly about: "connect" }
  | { readonly about: "mail"; readonly envelope: Envelope }
  | { readonly about: "rcpt"; readonly envelope: Envelope; readonly recipient: Recipient };

/** What policy says. Content is judged by the edge, after its last octet and before `commit`. */
export type Verdict =
  /** `reversePath` present: the sender rule rewrites. */
  | { readonly kind: "accept"; readonly reversePath?: string | null }
  | { readonly kind: "refuse"; readonly reply: Reply; readonly rule: string }
  | { readonly kind: "discard"; readonly rule: string }
  | { readonly kind: "hold"; readonly rule: string };

/** What became of content. */
export type ContentOutcome =
  | { readonly kind: "stored"; readonly id: string }
  | { readonly kind: "too-large" | "no-space" | "unavailable" | "too-many-hops" }
  | { readonly kind: "malformed"; readonly why: ContentProblem }
  | { readonly kind: "refused"; readonly reply: Reply; readonly rule: string };

/** What TLS agreed on, with the channel binding that SCRAM -PLUS uses. */
export interface TlsState {
  readonly version: string;
  readonly cipher: string;
  /** `tls-server-end-point` (RFC 5929) of the certificate shown. */
  readonly binding: Uint8Array | null;
}

/** What can happen to a session. */
export type SessionEvent =
  /** The first event; its reply is the greeting. `health`: from a proxy's own check: neither AUTH nor mail. */
  | { readonly kind: "connected"; readonly remote: string; readonly health: boolean; readonly tls: TlsState | null }
  /** `nonce`: unpredictable octets, fresh for every line. */
  | { readonly kind: "line"; readonly octets: Uint8Array; readonly nonce: Uint8Array }
  | { readonly kind: "bad-line"; readonly why: BadLine }
  | { readonly kind: "answer"; readonly answer: Answer }
  | { readonly kind: "concluded"; readonly verdict: ConcludedVerdict }
  | { readonly kind: "decided"; readonly verdict: Verdict }
  | { readonly kind: "content-ended"; readonly outcome: ContentOutcome }
  /** One for each BDAT that is not the last and for each refused one. */
  | { readonly kind: "octets-received"; readonly problem: "too-large" | "no-space" | "unavailable" | null }
  | { readonly kind: "tls-established"; readonly tls: TlsState }
  | { readonly kind: "queue-started"; readonly node: string; readonly outcome: QueueStart }
  /** Only while a line is waited for. */
  | { readonly kind: "timeout" }
  | { readonly kind: "shutdown" }
  /** Something inside has failed: a bug. */
  | { readonly kind: "fault" };

/** How the mail of a transaction is kept; the strongest of its verdicts holds. */
export type Disposition = "deliver" | "hold" | "discard";

/** Where a 4xx or 5xx came from, for the log line with the same id. */
export interface Refusal {
  /** `session.n`, as in the reply. */
  readonly id: string;
  readonly command: string;
  /** For the administrator. */
  readonly why: string;
}

/** Carried out by the driver, in order; it reads the next line only when all are done, so pipelining is right by construction. */
export type Effect =
  | { readonly kind: "reply"; readonly reply: Reply; readonly refusal: Refusal | null }
  | { readonly kind: "ask"; readonly question: Question }
  /** `id` stands in the reply if the verdict is no. */
  | { readonly kind: "conclude"; readonly outcome: ExchangeOutcome; readonly mechanism: string; readonly id: string }
  | { readonly kind: "decide"; readonly decision: Decision; readonly identity: Identity | null }
  | { readonly kind: "start-tls" }
  /** Before the content of DATA or the first BDAT: opens the draft; a problem shows at the end of the content. */
  | {
    readonly kind: "open-content";
    readonly envelope: Envelope;
    readonly identity: Identity | null;
    readonly disposition: Disposition;
    readonly helo: string;
    readonly esmtp: boolean;
    readonly tls: TlsState | null;
  }
  | { readonly kind: "receive-content" }
  /** BDAT: octets of a refused chunk are still read. */
  | { readonly kind: "receive-octets"; readonly count: number; readonly last: boolean; readonly discard: boolean }
  /** ETRN: tries what waits for this domain now, and with `subdomains` for those below it. */
  | { readonly kind: "start-queue"; readonly node: string; readonly subdomains: boolean }
  /** RSET, EHLO, QUIT, failure between chunks: disposes the draft. */
  | { readonly kind: "drop-content" }
  | { readonly kind: "close" };

/** What is fixed for the length of a connection. */
export interface SessionContext {
  readonly hostname: string;
  readonly sessionId: string;
  readonly listener: string;
  readonly role: "mta" | "msa";
  /** Whether this client must have TLS before AUTH and MAIL. */
  readonly requireTls: boolean;
  /** Although `requireTls`, this client may log in without TLS, and go on without it once it has: a device with a weak channel. */
  readonly weakAuth?: boolean;
  /** Whether what this client does wrong is repaired, before login (`null`) and as this account. Absent: never. */
  readonly repairs?: (account: string | null) => boolean;
  /** False without a certificate: then no STARTTLS. */
  readonly canStartTls: boolean;
  /** Whether MAIL needs a HELO or EHLO before it. Default true. */
  readonly needHello?: boolean;
  /** The domain that a path without one gets (always_add_domain); without, such a path is refused. */
  readonly addDomain?: string | null;
  /** Also an `AUTH=` line for clients from before RFC 2554. */
  readonly legacyAuthLine: boolean;
  readonly realms: readonly string[];
  readonly defaultRealm: string;
  /** Lower-case A-labels of domains that ETRN may name; absent or empty: there is no ETRN. */
  readonly etrnDomains?: ReadonlySet<string>;
  readonly limits: {
    readonly messageOctets: number;
    readonly recipients: number;
    readonly authFailures: number;
    readonly protocolErrors: number;
    readonly refusedRecipients: number;
  };
  /** Mechanisms for a connection in this condition: what the chain can answer for every served realm, and what the listener allows. */
  offered(facts: OfferFacts): readonly Mechanism[];
}

/** On what the offered mechanisms depend. */
export interface OfferFacts {
  readonly tls: boolean;
  readonly bound: boolean;
  readonly remote: string;
  readonly health: boolean;
}

/** An exchange under way. */
export interface ExchangePhase {
  readonly at: "exchange";
  readonly mechanism: Mechanism;
  readonly exchange: unknown;
  readonly waitsFor: ExchangeWait;
}

/** What an exchange waits for. */
export type ExchangeWait =
  | { readonly for: "response" | "answer" }
  /** `rejection` is the reply where the verdict is a plain no. */
  | { readonly for: "verdict"; readonly id: string; readonly final: Uint8Array | null; readonly rejection: Reply }
  /** The server's final message has gone out: an empty response brings 235. */
  | { readonly for: "empty-response"; readonly identity: Identity };

/** Where a session is. `hello` phases have seen EHLO or HELO. */
export type Phase =
  | { readonly at: "connecting" }
  | { readonly at: "greeted" }
  | { readonly at: "ready" }
  | ExchangePhase
  | { readonly at: "tls" }
  | { readonly at: "deciding-mail"; readonly envelope: Envelope }
  | { readonly at: "mail"; readonly envelope: Envelope; readonly disposition: Disposition }
  | {
    readonly at: "deciding-rcpt";
    readonly envelope: Envelope;
    readonly disposition: Disposition;
    readonly recipient: Recipient;
  }
  | { readonly at: "content" }
  /** Between and inside chunks. `problem`: further chunks are thrown away until RSET. */
  | { readonly at: "chunks"; readonly problem: boolean }
  /** The octets of a refused BDAT are read over, then `reply` is sent and `after` holds. */
  | { readonly at: "skipping-chunk"; readonly reply: Reply; readonly after: Phase }
  | { readonly at: "closed" };

/** A client that may not send: it is greeted, and each of its commands that could lead to mail gets this reply (as sendmail does). */
export interface Bar {
  readonly reply: Reply;
  readonly rule: string;
}

/** All that a session remembers. No password is in it. */
export interface SessionState {
  readonly phase: Phase;
  readonly remote: string;
  readonly health: boolean;
  readonly tls: TlsState | null;
  readonly helo: string | null;
  readonly esmtp: boolean;
  readonly identity: Identity | null;
  readonly bar: Bar | null;
  /** The verb of the last line, for the log; empty where it had none that we know. */
  readonly command: string;
  readonly refusals: number;
  readonly authFailures: number;
  readonly protocolErrors: number;
  readonly refusedRecipients: number;
  readonly repaired: Repairs;
}

/** A state and what to do. */
export interface Step {
  readonly state: SessionState;
  readonly effects: readonly Effect[];
}

/** The state of a session before its first event. */
export const INITIAL_STATE: SessionState = {
  phase: { at: "connecting" },
  remote: "",
  health: false,
  tls: null,
  helo: null,
  esmtp: false,
  identity: null,
  bar: null,
  command: "",
  refusals: 0,
  authFailures: 0,
  protocolErrors: 0,
  refusedRecipients: 0,
  repaired: new Map(),
};

/** What the count of an error is held against. */
type Counter = "protocolErrors" | "authFailures" | "refusedRecipients";

const LAST_WORDS: Readonly<Record<Counter, Reply>> = {
  protocolErrors: REPLIES.tooManyErrors,
  authFailures: REPLIES.tooManyAuthFailures,
  refusedRecipients: REPLIES.tooManyRefused,
};

/** Sends a reply that refuses nothing. */
export function say(state: SessionState, answer: Reply): Step {
  return { state, effects: [{ kind: "reply", reply: answer, refusal: null }] };
}

/** Moves on without a word. */
export function quietly(state: SessionState, ...effects: readonly Effect[]): Step {
  return { state, effects };
}

/** Changes the phase alone. */
export function at(state: SessionState, phase: Phase): SessionState {
  return { ...state, phase };
}

/** The next id of a refusal. */
export function nextId(state: SessionState, context: SessionContext): string {
  return `${context.sessionId}.${state.refusals + 1}`;
}

/** How a refusal is sent. */
export interface RefuseOptions {
  /** Which count it adds to; `null`: none. Default `protocolErrors`. */
  readonly counts?: Counter | null;
  /** For the log; default the reply's own text. */
  readonly why?: string;
  /** An id taken before by `nextId`. */
  readonly id?: string;
}

/** Sends a 4xx or 5xx with its id. At the limit of what it counts a 421 follows and the session ends. */
export function refuse(
  state: SessionState,
  answer: Reply,
  context: SessionContext,
  options: RefuseOptions = {},
): Step {
  const counts = options.counts === undefined ? "protocolErrors" : options.counts;
  const refused = refusal(state, answer, context, options);
  if (counts === null) return refused;
  const count = refused.state[counts] + 1;
  const counted = { ...refused.state, [counts]: count };
  if (count < context.limits[counts]) return { state: counted, effects: refused.effects };
  const last = closeWith(counted, LAST_WORDS[counts], context);
  return { state: last.state, effects: [...refused.effects, ...last.effects] };
}

/** Sends a last reply and ends the session; a draft under way is dropped. */
export function closeWith(
  state: SessionState,
  answer: Reply,
  context: SessionContext,
  options: Pick<RefuseOptions, "why"> = {},
): Step {
  const refused = refusal(state, answer, context, options);
  const drop: readonly Effect[] = hasDraft(state.phase) ? [{ kind: "drop-content" }] : [];
  return { state: at(refused.state, { at: "closed" }), effects: [...drop, ...refused.effects, { kind: "close" }] };
}

/** Whether TLS has to come before this session may go on as it is. */
export function lacksTls({ tls, identity }: SessionState, { requireTls, weakAuth = false }: SessionContext): boolean {
  return requireTls && tls === null && !(weakAuth && identity !== null);
}

/** The same for AUTH. */
export function lacksTlsForAuth({ tls }: SessionState, { requireTls, weakAuth = false }: SessionContext): boolean {
  return requireTls && tls === null && !weakAuth;
}

/** Whether what the client does wrong is repaired now. */
export function mayRepair({ identity }: SessionState, { repairs }: SessionContext): boolean {
  return repairs?.(identity?.account.name ?? null) === true;
}

/** Counts what was repaired. */
export function repaired(state: SessionState, repairs: readonly Repair[]): SessionState {
  return repairs.length === 0 ? state : { ...state, repaired: countRepairs(state.repaired, repairs) };
}

/** Whether a draft is open in this phase. */
export function hasDraft(phase: Phase): boolean {
  return phase.at === "content" || phase.at === "chunks" ||
    (phase.at === "skipping-chunk" && hasDraft(phase.after));
}

/** The conditions of this connection in which mechanisms are offered. */
export function offerFacts(state: SessionState): OfferFacts {
  return {
    tls: state.tls !== null,
    bound: state.tls?.binding !== null && state.tls?.binding !== undefined,
    remote: state.remote,
    health: state.health,
  };
}

/** Where questions of this session come from. */
export function originOf(state: SessionState, context: SessionContext): Omit<Origin, "mechanism"> {
  const tls = state.tls === null ? null : { version: state.tls.version, cipher: state.tls.cipher };
  return { remote: state.remote, listener: context.listener, tls };
}

function refusal(state: SessionState, answer: Reply, context: SessionContext, options: RefuseOptions): Step {
  const id = options.id ?? nextId(state, context);
  return {
    state: { ...state, refusals: Math.max(state.refusals, Number(id.slice(id.lastIndexOf(".") + 1))) },
    effects: [{
      kind: "reply",
      reply: withId(answer, id),
      refusal: { id, command: state.command, why: options.why ?? answer.lines.join(" ") },
    }],
  };
}
