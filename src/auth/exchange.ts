/**
 * One exchange: what was asked in it, and the verdict at its end.
 *
 * @module
 */

import { addressKey } from "../accounts/account_name.ts";
import type { Answer, Origin, Question, RejectedBecause, UserName, Verifier, VerifierScheme } from "../backend.ts";
import { encodeBase64 } from "../lib/octets.ts";
import { printable } from "../lib/text.ts";
import type { ChainStep, Log } from "../log/event.ts";
import type { ExchangeOutcome } from "../sasl/mechanism.ts";
import { formatUserName } from "../sasl/user_name.ts";
import type { AuthenticationExchange, ConcludedVerdict, GuessingStore, LoginRules, Slot } from "./authenticator.ts";
import { type ChainMember, traceOf } from "./ask_backend.ts";
import { accountOf, type ChainResult } from "./chain.ts";
import type { Holds } from "./holds.ts";
import { type Grant, judgeProof, type Proof, type ProofVerdict, STALE_PASSWORD } from "./judge_proof.ts";
import { keyedHash } from "./keyed_hash.ts";
import type { AuthenticationEvent } from "./realm_doctor.ts";

/** What every exchange of an authenticator shares. */
export interface ExchangeParts {
  readonly key: Uint8Array;
  readonly defaultRealm: string;
  readonly guessing: GuessingStore;
  readonly holds: Holds;
  readonly log: Log;
  /** Logs the end of a login by a name that nobody knows. */
  readonly logUnknown: (event: AuthenticationEvent, user: UserName) => void;
  readonly now: () => number;
  /** The least time of a failure, counted from the arrival of the secret. */
  readonly floorMs: number;
  /** Whether the client is told of an outage as of a wrong password. It is logged as what it is, and not counted. */
  readonly outageIsRejection: boolean;
  /** Asks the chain. */
  readonly chain: (question: Question, options: ChainCall) => Promise<ChainResult>;
  /** What an unknown user is shown. */
  readonly decoy: (user: UserName, scheme: VerifierScheme) => Verifier;
  /** Takes the time of a wrong password. */
  readonly spend: (password: string, signal: AbortSignal) => Promise<void>;
  /** Those of the place where this one happens. */
  readonly rules?: LoginRules | undefined;
  /** Whether a mechanism permits relaying. */
  readonly trusts: (mechanism: string) => boolean;
}

/** Who asks the chain. */
export interface ChainCall {
  readonly signal: AbortSignal;
  readonly onBug: (text: string) => void;
}

type SecretQuestion = Exclude<Question, { readonly kind: "lookup" }>;

/** A verdict with what the log says of it. */
interface Judgement {
  readonly verdict: ConcludedVerdict;
  readonly result: AuthenticationEvent["result"];
  readonly reason: string;
  /** Longer than the floor: a place among the holds is needed. */
  readonly delayMs: number;
  /** Whether the reply must not come sooner than for any other failure. */
  readonly floored: boolean;
}

const SLOT_TAKEN = delayed("too many wrong secrets, the slot is taken");

/** Up to this much is added to the floor: the same for each attempt on a name, so that no average takes it away. */
const JITTER = 0.2;

/** An exchange of the authenticator. */
export class Exchange implements AuthenticationExchange {
  readonly #parts: ExchangeParts;
  readonly #origin: Origin;
  readonly #session: string;
  readonly #begun: number;
  readonly #ended = new AbortController();
  readonly #steps: ChainStep[] = [];
  #user: UserName | null = null;
  #secret: string | null = null;
  #secretAt: number | null = null;
  #slot: Slot = "free";
  #grant: Grant | null = null;
  /** Of members whose yes was required beside that. */
  #approvals: readonly Grant[] = [];
  #wrongSecret = false;
  #because: RejectedBecause | null = null;
  #concluded = false;

  constructor(parts: ExchangeParts, origin: Origin, session: string) {
    this.#parts = parts;
    this.#origin = origin;
    this.#session = session;
    this.#begun = parts.now();
  }

  async ask(question: Question, signal: AbortSignal): Promise<Answer> {
    const options = { signal, onBug: (text: string) => this.#bug("backend", text) };
    if (question.kind === "lookup") return (await this.#parts.chain(question, options)).answer;
    if (question.kind !== "token") this.#user = question.user;
    if (question.kind === "password" && !await this.#mayLook(question)) {
      return { kind: "unavailable", cause: "delayed" };
    }
    const result = await this.#parts.chain(question, options);
    this.#remember(result);
    return await this.#disguise(question, { result, signal });
  }

  async conclude(outcome: ExchangeOutcome, id: string): Promise<ConcludedVerdict> {
    if (this.#concluded) throw new TypeError(`Cannot conclude ${id}: the exchange is over`);
    this.#concluded = true;
    const arrived = this.#secretAt ?? this.#parts.now();
    const judged = await this.#judge(outcome);
    const { holds, outageIsRejection } = this.#parts;
    const held = judged.delayMs > 0 && holds.take();
    // Nothing is waited for without a place: a thousand slow replies would be a thousand connections that we pay for.
    const judgement = judged.delayMs > 0 && !held ? delayed("network is guessing, too many replies wait") : judged;
    this.#logEnd(outcome, { judgement, id });
    if (held) await holds.hold(judged.delayMs, this.#ended.signal);
    else if (judgement.floored) await this.#waitForFloor(arrived);
    const { verdict } = judgement;
    return verdict.kind === "unavailable" && outageIsRejection ? { kind: "rejected" } : verdict;
  }

  [Symbol.dispose](): void {
    // With a reason, since the exception made without one costs more than all the rest of this.
    this.#ended.abort("over");
  }

  /** Asked before anything looks at the password. */
  async #mayLook({ user, password }: Extract<Question, { readonly kind: "password" }>): Promise<boolean> {
    this.#secretAt = this.#parts.now();
    this.#secret = encodeBase64(keyedHash(this.#parts.key, ["secret", guessedName(user), password]).subarray(0, 15));
    this.#slot = await this.#takeSlot(user);
    return this.#slot !== "delayed";
  }

  #remember({ answer, decidedBy, agreedBy, steps, wrongSecret, because }: ChainResult): void {
    this.#steps.push(...steps);
    this.#wrongSecret ||= wrongSecret;
    // Of a no alone: what one member said does not tell why the proof failed that was shown to another.
    this.#because = answer.kind === "rejected" ? because : null;
    this.#grant = decidedBy === null ? null : grantOf(answer, decidedBy);
    this.#approvals = agreedBy.flatMap(({ answer, member }) => grantOf(answer, member) ?? []);
  }

  /** Gives every no the shape and the time of the others. */
  async #disguise(
    question: SecretQuestion,
    { result: { answer, unknownHere }, signal }: { readonly result: ChainResult; readonly signal: AbortSignal },
  ): Promise<Answer> {
    if (question.kind === "verifiers") {
      // Made for everybody: SCRAM shows a salt before the floor is waited for, and the time of it must not tell who exists.
      const verifiers = [this.#parts.decoy(question.user, question.scheme)];
      if (answer.kind === "rejected") return { kind: "verifiers", account: null, verifiers, decoy: true };
    }
    if (question.kind === "password" && answer.kind !== "accepted" && unknownHere) {
      // Gone clients leave the line for scrypt; nobody measures their time.
      await this.#parts.spend(question.password, signal).catch((error) => {
        if (!signal.aborted) this.#bug("spending a password's time", traceOf(error));
      });
    }
    return answer;
  }

  async #judge(outcome: ExchangeOutcome): Promise<Judgement> {
    const user = outcome.authcid ?? this.#user;
    if (this.#slot === "delayed") return SLOT_TAKEN;
    if (outcome.kind === "failed") return await this.#judgeFailure(outcome, user);
    // Again for a password that was free to look at: of many attempts at once only the first few may be.
    if (user !== null && this.#slot === "free" && await this.#takeSlot(user) === "delayed") return SLOT_TAKEN;
    return await this.#judgeProof(outcome);
  }

  async #judgeFailure(outcome: FailedOutcome, user: UserName | null): Promise<Judgement> {
    if (!isGuess(outcome) && !this.#wrongSecret) return failure(outcome, 0);
    const isStale = this.#because === "previous-secret" && !this.#wrongSecret;
    if (user === null || isStale) return failure(outcome, 0, this.#because);
    const { slot, delayMs } = await this.#countWrongSecret(user);
    return slot === "delayed" ? SLOT_TAKEN : failure(outcome, delayMs, this.#because);
  }

  async #judgeProof(proof: Proof): Promise<Judgement> {
    const grant = this.#grant;
    if (
      grant === null || grant.account.name !== proof.account.name || grant.account.backend !== proof.account.backend
    ) {
      this.#bug("conclude", "a proof for an account that no backend gave");
      return refusal("unavailable", "bug: a proof without an account");
    }
    const now = this.#parts.now();
    this.#parts.rules?.proved?.(grant.account);
    const judged = await this.#judgeGrant(proof, grant, now);
    if (judged.kind !== "accepted") return refusal(judged.kind, judged.reason);
    if (this.#parts.rules?.admits?.(judged.account) === false) {
      return refusal("too-weak", "without TLS this mechanism is for a device here");
    }
    for (const approval of this.#approvals) {
      // The authorization identity is that of the account that logs in; the credential is looked at in each place.
      const { account, credential } = approval;
      const theirs = { ...proof, authzid: "", account, credential: credential ?? proof.credential };
      const approved = await this.#judgeGrant(theirs, approval, now);
      if (approved.kind !== "accepted") return refusal(approved.kind, approved.reason);
    }

    const { account, standing } = judged;
    const [credential, { mechanism, remote }] = [proof.credential, this.#origin];
    if (standing !== null) grant.member.backend.local?.used(standing, credential, now, this.#origin);
    const { guessing } = this.#parts;
    await this.#guarded(() => guessing.succeeded(guessedName(proof.authcid), remote, now), undefined);
    const identity = { account, credential, mechanism, trusted: this.#parts.trusts(mechanism) };
    const verdict = { kind: "accepted", identity } as const;
    return { verdict, result: "accepted", reason: proof.proof, delayMs: 0, floored: false };
  }

  async #judgeGrant(proof: Proof, grant: Grant, now: number): Promise<ProofVerdict> {
    const { defaultRealm } = this.#parts;
    const context = { origin: this.#origin, now, defaultRealm, signal: this.#ended.signal };
    try {
      return await judgeProof(proof, grant, { ...context, onBug: (text) => this.#bug("backend", text) });
    } catch (error) {
      this.#bug("conclude", traceOf(error));
      return { kind: "unavailable", reason: "the account cannot be looked at now" };
    }
  }

  async #countWrongSecret(user: UserName): Promise<{ readonly slot: Slot; readonly delayMs: number }> {
    const { guessing, now } = this.#parts;
    const guess = [guessedName(user), this.#origin.remote, this.#secret, now()] as const;
    const nothing = { slot: this.#slot, delayMs: 0 };
    if (this.#slot === "free") return await this.#guarded(() => guessing.failedWithoutSlot(...guess), nothing);
    return { ...nothing, ...await this.#guarded(() => guessing.failed(...guess), nothing) };
  }

  #takeSlot(user: UserName): Promise<Slot> {
    const { guessing, now } = this.#parts;
    return this.#guarded(() => guessing.slot(guessedName(user), this.#origin.remote, now()), "free");
  }

  /** A counter that fails must keep nobody out. */
  async #guarded<Value>(work: () => Promise<Value>, otherwise: Value): Promise<Value> {
    try {
      return await work();
    } catch (error) {
      const text = `Cannot keep count of wrong passwords: ${error instanceof Error ? error.message : String(error)}`;
      this.#parts.log({ kind: "alarm", about: "guessing", text });
      return otherwise;
    }
  }

  async #waitForFloor(arrived: number): Promise<void> {
    const { key, floorMs, now, holds } = this.#parts;
    const [octet = 0] = keyedHash(key, ["floor", this.#user === null ? "" : guessedName(this.#user)]);
    const least = floorMs * (1 + JITTER * octet / 255);
    const passed = Math.max(0, now() - arrived);
    if (passed < least) await holds.pause(least - passed, this.#ended.signal);
  }

  #logEnd(
    outcome: ExchangeOutcome,
    { judgement: { verdict, result, reason, delayMs }, id }: { readonly judgement: Judgement; readonly id: string },
  ): void {
    const { remote, listener, mechanism, tls } = this.#origin;
    const user = outcome.authcid ?? this.#user;
    const proof = outcome.kind === "proved" ? outcome : null;
    const identity = verdict.kind === "accepted" ? verdict.identity : null;
    const event: AuthenticationEvent = {
      kind: "authentication",
      id,
      remote,
      listener,
      mechanism,
      tls: tls?.version ?? null,
      authcid: user === null ? null : printable(formatUserName(user)),
      authzid: proof === null || proof.authzid === "" ? null : printable(proof.authzid),
      account: identity?.account.name ?? proof?.account.name ?? null,
      credential: identity?.credential ?? proof?.credential ?? null,
      result,
      reason: delayMs > 0 ? `${reason}; network is guessing, reply waits ${delayMs / 1000} s` : reason,
      chain: this.#steps,
      ms: Math.max(0, this.#parts.now() - this.#begun),
    };
    const isUnknown = result === "rejected" && this.#because === "unknown-user";
    if (isUnknown && user !== null) this.#parts.logUnknown(event, user);
    else this.#parts.log(event);
  }

  #bug(where: string, text: string): void {
    this.#parts.log({ kind: "bug", where, id: this.#session, text });
  }
}

function grantOf(answer: Answer, member: ChainMember): Grant | null {
  const account = accountOf(answer);
  if (account === null) return null;
  const accepted = answer.kind === "accepted" ? answer : null;
  return { member, account, credential: accepted?.credential ?? null, version: accepted?.version ?? null };
}

type FailedOutcome = Extract<ExchangeOutcome, { readonly kind: "failed" }>;

/** Whether the end says something about a secret. Else it is a matter of the protocol or an outage, and nobody's guess. */
function isGuess({ why }: FailedOutcome): boolean {
  return why === "wrong-secret" || why === "rejected";
}

function failure(outcome: FailedOutcome, delayMs: number, because: RejectedBecause | null = null): Judgement {
  const { why, detail } = outcome;
  // On decoys the detail would be that of a wrong secret; the chain knows better.
  const told = because === "previous-secret" ? STALE_PASSWORD : because;
  const reason = printable(why === "unavailable" || told === null ? detail || why : told);
  if (why === "unavailable") return { ...refusal("unavailable", reason), delayMs };
  if (isGuess(outcome)) return { ...refusal("rejected", reason), delayMs };
  const result = why === "malformed" || why === "cancelled" ? why : "rejected";
  return { verdict: { kind: "rejected" }, result, reason, delayMs, floored: false };
}

function refusal(kind: "rejected" | "too-weak" | "unavailable", reason: string): Judgement {
  return { verdict: { kind }, result: kind, reason, delayMs: 0, floored: true };
}

function delayed(reason: string): Judgement {
  return { verdict: { kind: "delayed" }, result: "delayed", reason, delayMs: 0, floored: false };
}

/** How guesses on one account are brought together: without case, since many backends compare so. */
function guessedName(user: UserName): string {
  return addressKey(user);
}
