/**
 * The contract of a SASL mechanism (RFC 4422 section 5): a state machine over plain values, without I/O, clock or randomness.
 *
 * @module
 */

import type { Account, Answer, Origin, Question, UserName, VerifierScheme } from "../backend.ts";

/** What an exchange needs from outside, drawn by the caller. */
export interface ExchangeInit {
  /** Unpredictable octets, fresh for each exchange; at least 16. */
  readonly nonce: Uint8Array;
  readonly hostname: string;
  readonly service: "smtp";
  readonly realms: readonly string[];
  readonly defaultRealm: string;
  /** `tls-server-end-point` (RFC 5929) of the certificate shown on this connection. */
  readonly binding: Uint8Array | null;
  /** Whether a -PLUS form was offered: a client that says `y` then is under attack (RFC 5802 section 6). */
  readonly plusOffered: boolean;
  readonly origin: Omit<Origin, "mechanism">;
}

/** What can happen to an exchange. */
export type ExchangeInput =
  /** `null`: none was sent; empty: it was "=". */
  | { readonly kind: "initial"; readonly response: Uint8Array | null }
  | { readonly kind: "response"; readonly response: Uint8Array }
  | { readonly kind: "answer"; readonly answer: Answer };

/** What an exchange does next. */
export type ExchangeStep<State> =
  | { readonly kind: "challenge"; readonly state: State; readonly challenge: Uint8Array }
  | { readonly kind: "ask"; readonly state: State; readonly question: Question }
  /**
   * The end. It makes no reply: the session turns it into `conclude`, and only the verdict makes 235, 535, 534 or 454.
   * `final`: SCRAM server-final, DIGEST-MD5 rspauth; null elsewhere and for each failure. The session concludes first: only after
   * `accepted` it sends `final` as a 334, waits for the empty response, then sends 235 and takes the identity. Any other verdict: its reply,
   * and `final` is never sent ("*" or a non-empty response there: 501, no identity).
   */
  | { readonly kind: "end"; readonly outcome: ExchangeOutcome; readonly final: Uint8Array | null };

/** How an exchange ended, before locks, states and scopes are looked at. */
export type ExchangeOutcome =
  | {
    readonly kind: "proved";
    readonly authcid: UserName;
    /** As the client sent it; empty where it sent none. */
    readonly authzid: string;
    readonly account: Account;
    readonly credential: string;
    readonly proof: "password" | "verifier" | "token";
  }
  | {
    readonly kind: "failed";
    readonly authcid: UserName | null;
    readonly why: "malformed" | "wrong-secret" | "rejected" | "downgrade" | "unavailable" | "cancelled";
    /** For the log, never for the client; holds no secret. */
    readonly detail: string;
  };

/** One SASL mechanism. `step` never throws. */
export interface Mechanism<State = unknown> {
  /** The registered name, in upper case. */
  readonly name: string;
  /** The secret crosses the wire as it is. */
  readonly cleartext: boolean;
  readonly needs: { readonly password: true } | { readonly scheme: VerifierScheme } | { readonly token: string };
  /** The server speaks first: an initial response is an error (LOGIN, as clients use it, is the exception and says false). */
  readonly serverFirst: boolean;
  start(init: ExchangeInit): State;
  step(state: State, input: ExchangeInput): ExchangeStep<State>;
}
