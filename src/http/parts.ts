/**
 * What the HTTP applications are made of. They are functions where a reload changes what they give.
 *
 * @module
 */

import type { AccountAdmin } from "../accounts/account_store.ts";
import type { AppPasswords } from "../auth/app_password_admin.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import type { Enrolments } from "../auth/enrolments.ts";
import type { OfferFacts } from "../auth/offered.ts";
import type { Backend, Origin } from "../backend.ts";
import type { Config, ListenerConfig } from "../config/config.ts";
import type { Result } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import type { AccessRules } from "../policy/access.ts";
import type { AuthenticationEvent, Records } from "../records/records.ts";
import type { Mechanism } from "../sasl/mechanism.ts";
import type { Spool } from "../spool/spool.ts";
import type { HealthReport } from "./health.ts";
import type { LimitOperations } from "./limit_operations.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { PasswordOutcome, PasswordRequest } from "./password.ts";
import type { SignInOutcome, SignInRequest } from "./sign_in.ts";
import type { Simulation, SimulationRequest } from "./simulation.ts";

/** The configuration in force and what it brought to life. */
export interface Current {
  readonly config: Config;
  readonly authenticator: Authenticator;
  readonly backends: readonly Backend[];
  /** The account stores behind backends, by the backend's name. */
  readonly stores: ReadonlyMap<string, AccountAdmin>;
  readonly certificate: { readonly expires: number } | null;
  readonly appPasswords: AppPasswords;
  /** The access rules of now. */
  access(): Promise<AccessRules>;
  /** The mechanisms that a connection to a listener is offered. */
  offered(listener: ListenerConfig, facts: OfferFacts): readonly Mechanism[];
}

/** How busy the server is. */
export interface ServerStatus {
  readonly started: number;
  readonly connections: number;
  readonly listeners: readonly { readonly name: string; readonly address: string; readonly up: boolean }[];
}

/** What every application needs. */
export interface HttpParts {
  readonly health: () => Promise<HealthReport>;
  readonly log: Log;
}

/** What the public socket needs. */
export interface PublicParts extends HttpParts {
  /** Changes a password with the old one, by the generation in force. */
  readonly changePassword: (
    request: PasswordRequest,
    options: { readonly signal: AbortSignal; readonly origin?: Origin },
  ) => Promise<PasswordOutcome>;
}

/** What the control socket and [http] need. */
export interface SidecarParts extends PublicParts {
  readonly spool: Spool;
  /** Somebody asks for mails to be tried now. */
  readonly onRetry: () => void;
  /** The same as SIGHUP; the problem is the list of mistakes that keep the old configuration running. */
  readonly reload: () => Promise<Result<void, readonly string[]>>;
  readonly records: Records;
  readonly limits: LimitOperations;
  /** Windows in which devices are bound. */
  readonly enrolments: Enrolments;
  /** For `/metrics`. */
  readonly metrics: Pick<Metrics, "text">;
  readonly current: () => Current;
  readonly status: () => ServerStatus;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Judges a password; `session` of the request is made here. */
  readonly signIn: (
    request: Omit<SignInRequest, "session">,
    options: { readonly signal: AbortSignal },
  ) => Promise<SignInOutcome>;
  /** A login on trial: what the log would say of it, step by step. It counts as a login. */
  readonly tryLogin: (
    request: Omit<SignInRequest, "session">,
    options: { readonly signal: AbortSignal },
  ) => Promise<AuthenticationEvent | null>;
  /** Plays a session in which nothing is sent, logged or counted. The problem is a sentence about the request. */
  readonly simulate: (
    request: SimulationRequest,
    options: { readonly signal: AbortSignal },
  ) => Promise<Result<Simulation, string>>;
}
