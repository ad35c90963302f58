/**
 * The contract of a password backend: a question, and one of three kinds of answer. With `backend_module.ts` and `src/lib`
 * this is all of `src/` that a backend may import.
 *
 * @module
 */

import type { Result } from "./lib/result.ts";

/** Where a question comes from; PAM_RHOST, RADIUS Calling-Station-Id and rules by network need it. */
export interface Origin {
  /** The client's address, after PROXY from a trusted peer; `local` for a change of password on this machine. */
  readonly remote: string;
  /** The name of the listener, or `local`. */
  readonly listener: string;
  /** What TLS agreed on, or `null` without it. */
  readonly tls: { readonly version: string; readonly cipher: string } | null;
  /** The SASL mechanism in use. */
  readonly mechanism: string;
}

/** A name as the client gave it, split; `realm` is filled by `default_realm` where the client gave none. */
export interface UserName {
  /** The part before the last `@`, exactly as prepared. */
  readonly local: string;
  /** The realm, in lower case. */
  readonly realm: string;
}

/** What the core may ask a backend. Names are prepared (SASLprep) and hold no control characters. */
export type Question =
  /** PLAIN and LOGIN: is this the password? Never empty. */
  | { readonly kind: "password"; readonly user: UserName; readonly password: string; readonly origin: Origin }
  /** CRAM-MD5, DIGEST-MD5, SCRAM: the stored verifiers of this user for one mechanism. */
  | { readonly kind: "verifiers"; readonly user: UserName; readonly scheme: VerifierScheme; readonly origin: Origin }
  /** OAUTHBEARER, XOAUTH2, GSSAPI, OTP: octets for the backend to judge; `handle` goes on with an earlier `continue`. */
  | {
    readonly kind: "token";
    readonly scheme: string;
    readonly octets: Uint8Array;
    readonly handle: string | null;
    readonly origin: Origin;
  }
  /**
   * Does this account exist? Recipients at RCPT, the realm doctor, the sender rule. No secret involved. With `login`, as app passwords ask it:
   * and may it log in, as far as that can be told without its password? Without, a locked account is known: it gets mail.
   */
  | { readonly kind: "lookup"; readonly user: UserName; readonly login?: boolean };

/** The kinds of stored verifier. */
export type VerifierScheme = "cram-md5" | "digest-md5" | "scram-sha-1" | "scram-sha-256";

/** One stored verifier; an account can have several (main password, app passwords), all with one SCRAM salt for each hash. */
export type Verifier =
  /** The MD5 states after the inner and the outer pad of HMAC: 16 octets each, little-endian words A, B, C, D. */
  | { readonly scheme: "cram-md5"; readonly credential: string; readonly inner: Uint8Array; readonly outer: Uint8Array }
  /** HA1 in each form that clients compute: (user, realm), (user@realm, realm), (user@realm, default_realm), (user@realm, ""), in UTF-8 and, where it differs, ISO-8859-1. */
  | {
    readonly scheme: "digest-md5";
    readonly credential: string;
    readonly realm: string;
    readonly ha1s: readonly Uint8Array[];
  }
  | {
    readonly scheme: "scram-sha-1" | "scram-sha-256";
    readonly credential: string;
    readonly salt: Uint8Array;
    readonly iterations: number;
    readonly storedKey: Uint8Array;
    readonly serverKey: Uint8Array;
  };

/** What is known of an account; policy uses this and never the name as typed. */
export interface Account {
  /** Canonical `user@realm`. */
  readonly name: string;
  /** The name of the backend's section in the configuration. */
  readonly backend: string;
  /** Addresses that it may send as and receive at; `@domain` and `*` allowed. */
  readonly addresses: readonly string[];
  readonly groups: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
}

/** Why a backend says no. The client is told 535 whichever it is; `unknown-user` lets the chain go on. */
export type RejectedBecause =
  | "unknown-user"
  | "wrong-secret"
  /** It was the account's password until some days ago: a forgotten device, and no guess. */
  | "previous-secret"
  | "disabled"
  | "expired"
  | "must-change"
  | "not-allowed";

/** What a backend answers: yes, no, or "I cannot tell now". */
export type Answer =
  | { readonly kind: "accepted"; readonly account: Account; readonly credential: string; readonly version: string }
  /** `decoy`: set by the authenticator alone, never by a backend: the user does not exist in the whole chain; the exchange runs to its end on stable fake values and must fail even if the proof fits. */
  | {
    readonly kind: "verifiers";
    readonly account: Account | null;
    readonly verifiers: readonly Verifier[];
    readonly decoy: boolean;
  }
  | { readonly kind: "continue"; readonly challenge: Uint8Array; readonly handle: string }
  | { readonly kind: "known"; readonly account: Account }
  /** `note`: for the log, what `why` does not tell the administrator; without a secret. */
  | { readonly kind: "rejected"; readonly why: RejectedBecause; readonly note?: string }
  /** 454: an outage, a deadline, a bug. Never counted against the client, never merged with `rejected`. */
  | { readonly kind: "unavailable"; readonly cause: string };

/** A credential as it is judged at the end of an exchange, and as caches are keyed by it. */
export interface CredentialScope {
  readonly id: string;
  /** What is no `password` opens no page and changes no password, whatever its mechanisms. Default `password`. */
  readonly kind?: "password" | "app-password" | "device";
  /** Changes with every change of the secret or its scope. */
  readonly version: string;
  /** Networks from which it is accepted; empty: from everywhere. */
  readonly networks: readonly string[];
  /** Mechanisms with which it is accepted; `null`: with each. */
  readonly mechanisms: readonly string[] | null;
  /** RFC 3339, UTC. */
  readonly expires: string | null;
}

/** An account and its credentials as they are now. */
export interface Standing {
  readonly account: Account;
  readonly disabled: boolean;
  readonly credentials: readonly CredentialScope[];
}

/** What a backend adds whose accounts lie on this machine, where looking again costs microseconds. */
export interface LocalAccounts {
  /** Read anew at each call; `null` for an unknown user. Only what has a standing is kept in the success cache. */
  standing(user: UserName): Promise<Standing | null>;
  /** Remembers a login, `at` milliseconds since the epoch; never waited for. */
  used(standing: Standing, credential: string, at: number, origin: Origin): void;
  /** Takes the time of a wrong password, for a user that is unknown in the whole chain. */
  spend(password: string, signal: AbortSignal): Promise<void>;
  /** For the realm doctor: some accounts with this local part, in whichever realm and case. Without it the log tells of none. */
  namesakes?(local: string): Promise<readonly UserName[]>;
}

/** A place where accounts are. */
export interface Backend extends AsyncDisposable {
  /** The name of the section in the configuration. */
  readonly name: string;
  /** Which questions, and for `verifiers` which schemes, it can answer for every user that it has. */
  readonly answers: {
    readonly password: boolean;
    readonly lookup: boolean;
    readonly schemes: ReadonlySet<VerifierScheme>;
    readonly tokens: ReadonlySet<string>;
  };
  /** A name is the same account in whichever realm it is given: then the section should say which realms are meant. Default false. */
  readonly ignoresRealm?: boolean;
  /**
   * Present where the accounts lie on this machine. Such a backend gives the verifiers of a disabled account too: the exchange runs to its
   * end, and the standing refuses it. Every other one answers `rejected` for what may not log in now.
   */
  readonly local?: LocalAccounts;
  /** Answers a question. Obeys the signal; a rejection counts as `unavailable`. */
  ask(question: Question, signal: AbortSignal): Promise<Answer>;
  /** For `check --connect` and readiness: can it be reached now? The problem is a sentence for the administrator. */
  probe(signal: AbortSignal): Promise<Result<void, string>>;
}
