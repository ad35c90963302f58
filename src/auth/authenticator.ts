/**
 * The contract of the authenticator: it asks the chain, counts every end of an exchange, knows locks and delays.
 * It is the only place that does.
 *
 * @module
 */

import type { Account, Answer, Origin, Question, UserName } from "../backend.ts";
import type { ExchangeOutcome } from "../sasl/mechanism.ts";
import type { ConcludedVerdict } from "../smtp/identity.ts";

export type { ConcludedVerdict, Identity } from "../smtp/identity.ts";

/** Asks the chain, counts every end of an exchange, knows locks and delays. */
export interface Authenticator extends AsyncDisposable {
  /** One for each AUTH; `rules` are those of the place where it happens. The driver concludes it also when the client has gone; disposing it unconcluded counts nothing. */
  begin(origin: Origin, session: string, rules?: LoginRules): AuthenticationExchange;
  /** Outside an exchange: recipients, sender rule, realm doctor. */
  lookup(name: UserName, signal: AbortSignal): Promise<Answer>;
}

/** What holds for a login where it happens, beside what holds for the account. */
export interface LoginRules {
  /** Told of a right proof, before anything else of the account is looked at. */
  readonly proved?: (account: Account) => void;
  /** Whether the account may log in over this channel; else it is told that the mechanism is too weak. */
  readonly admits?: (account: Account) => boolean;
}

/** One exchange, from AUTH to its verdict. */
export interface AuthenticationExchange extends Disposable {
  /** Remembers when it began, each backend's answer, and a keyed hash of the secret where it is seen (to tell distinct wrong ones apart). */
  ask(question: Question, signal: AbortSignal): Promise<Answer>;
  /**
   * Judges the end and logs it under `id`. A backend's `wrong-secret` is counted also when another was unavailable and the reply is 454:
   * an outage gives no free guesses.
   */
  conclude(outcome: ExchangeOutcome, id: string): Promise<ConcludedVerdict>;
}

/** Whether an attempt may be answered now. */
export type Slot = "free" | "slot" | "delayed";

/** Wrong secrets, known networks and slots: shared by all generations of the configuration. Time is milliseconds since the epoch. */
export interface GuessingStore extends AsyncDisposable {
  /**
   * May an attempt for this account from this address look at the secret now? `free`: nothing is limited; `slot`: it is, and this attempt has
   * the slot; `delayed`: another has it.
   */
  slot(account: string, remote: string, now: number): Promise<Slot>;
  /** Counts a wrong secret. `secret` is a keyed hash, `null` where it is not seen. The result is the delay that the reply has to wait. */
  failed(account: string, remote: string, secret: string | null, now: number): Promise<{ readonly delayMs: number }>;
  /**
   * `slot`, and then `failed` unless that said `delayed`, in one step: of many guesses that end at the same moment no more get an answer
   * than the rule allows.
   */
  failedWithoutSlot(
    account: string,
    remote: string,
    secret: string | null,
    now: number,
  ): Promise<{ readonly slot: Slot; readonly delayMs: number }>;
  succeeded(account: string, remote: string, now: number): Promise<void>;
}
