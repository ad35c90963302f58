/**
 * An authenticator with backends that do as they are told, a clock that stands still and a wait that only notes how long.
 *
 * @module
 */

import type { AppPasswordFile } from "../../src/accounts/app_password_store.ts";
import type { Account, Answer, Backend, Origin, Question, UserName, VerifierScheme } from "../../src/backend.ts";
import { openKnownNetworks } from "../../src/accounts/known_networks.ts";
import type { ChainMember } from "../../src/auth/ask_backend.ts";
import type { AuthenticationExchange, Authenticator, ConcludedVerdict } from "../../src/auth/authenticator.ts";
import { createAuthenticator } from "../../src/auth/create_authenticator.ts";
import { type ConfigurableGuessingStore, createGuessingStore, type GuessingSettings } from "../../src/auth/guessing.ts";
import type { BackendConfig } from "../../src/config/config.ts";
import { createSuccessCache, type SuccessCache } from "../../src/auth/success_cache.ts";
import type { LogEvent } from "../../src/log/event.ts";
import type { ExchangeOutcome } from "../../src/sasl/mechanism.ts";

export const KEY: Uint8Array = new Uint8Array(32).fill(7);
export const REALM = "baz.co.jp";
export const SHIN: UserName = { local: "shin", realm: REALM };

export const ORIGIN: Origin = {
  remote: "192.0.2.1",
  listener: "MSA",
  tls: { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" },
  mechanism: "PLAIN",
};

export function account(name: string, backend = "test"): Account {
  return { name, backend, addresses: [], groups: [], attributes: {} };
}

/** The time that everything in a test goes by. */
export class Clock {
  time = Date.UTC(2026, 10, 24);
  now(): number {
    return this.time;
  }
}

export type Behaviour = (question: Question, signal: AbortSignal) => Promise<Answer> | Answer;

/** A backend that answers as the function says. */
export function scripted(name: string, behaviour: Behaviour, rest: Partial<Backend> = {}): Backend {
  return {
    name,
    answers: {
      password: true,
      lookup: true,
      schemes: new Set<VerifierScheme>(["cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256"]),
      tokens: new Set(),
    },
    ask: (question, signal) => Promise.try(() => behaviour(question, signal)),
    probe: () => Promise.resolve({ ok: true, value: undefined }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
    ...rest,
  };
}

/** A backend whose users all have one password. */
export function withPassword(name: string, users: readonly string[], password: string): Backend {
  return scripted(name, (question) => {
    if (question.kind === "token") return { kind: "rejected", why: "not-allowed" };
    const user = `${question.user.local}@${question.user.realm}`;
    if (!users.includes(user)) return { kind: "rejected", why: "unknown-user" };
    if (question.kind === "lookup") return { kind: "known", account: account(user, name) };
    if (question.kind === "verifiers") {
      const verifier = {
        scheme: "cram-md5",
        credential: "c",
        inner: new Uint8Array(16),
        outer: new Uint8Array(16),
      } as const;
      return { kind: "verifiers", account: account(user, name), verifiers: [verifier], decoy: false };
    }
    if (question.password !== password) return { kind: "rejected", why: "wrong-secret" };
    return { kind: "accepted", account: account(user, name), credential: "c", version: "1" };
  });
}

/** A backend as it stands in a chain, without a gate. */
export function memberOf(backend: Backend, changes: Partial<ChainMember> = {}): ChainMember {
  return { backend, deadlineMs: 60_000, control: "sufficient", realms: null, gate: null, ...changes };
}

export interface Setup {
  readonly backends: readonly Backend[];
  readonly realms?: readonly string[];
  readonly trustMech?: readonly string[];
  readonly userCaseSensitive?: boolean;
  readonly deadlineMs?: number;
  /** What the sections of some of them say. */
  readonly sections?: Readonly<Record<string, Partial<BackendConfig>>>;
  readonly outageIsRejection?: boolean;
  readonly guessing?: Partial<GuessingSettings>;
  readonly cache?: SuccessCache;
  readonly appPasswords?: AppPasswordFile;
  readonly appPasswordOutage?: boolean;
  /** Waits that end when the test says so; default: at once. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface Bench extends AsyncDisposable {
  readonly authenticator: Authenticator;
  readonly guessing: ConfigurableGuessingStore;
  readonly clock: Clock;
  readonly events: LogEvent[];
  /** How long each reply had to wait. */
  readonly waits: number[];
  /** One login by password, its verdict and the event of its end. */
  login(user: UserName, password: string, options?: LoginOptions): Promise<Login>;
  /** One login by a verifier whose proof is right or wrong. */
  prove(user: UserName, right: boolean, options?: LoginOptions & { readonly scheme?: VerifierScheme }): Promise<Login>;
}

export interface LoginOptions {
  readonly origin?: Partial<Origin>;
  readonly authzid?: string;
}

export interface Login {
  readonly verdict: ConcludedVerdict;
  readonly event: Extract<LogEvent, { readonly kind: "authentication" }>;
  readonly answer: Answer;
}

export function bench(setup: Setup): Bench {
  const { backends, realms = [], trustMech = ["PLAIN"], userCaseSensitive = true, deadlineMs = 60_000 } = setup;
  const clock = new Clock();
  const events: LogEvent[] = [];
  let logged = Promise.withResolvers<void>();
  const waits: number[] = [];
  const known = openKnownNetworks(null);
  if (!known.ok) throw new TypeError(known.problem.message);
  const guessing = createGuessingStore({ enabled: true, exemptNetworks: [], ...setup.guessing }, known.value);
  const authenticator = createAuthenticator({
    config: {
      defaultRealm: REALM,
      backends: backends.map(({ name }) => ({
        ...{ name, type: "test", deadlineMs, control: "sufficient", realms: [], concurrency: 16, options: {} },
        ...setup.sections?.[name],
      })),
      sasl: {
        pwcheckMethod: backends.map(({ name }) => name),
        ...{ realms, trustMech, userCaseSensitive, outageIsRejection: setup.outageIsRejection ?? false },
        ...{ legacyVerifiers: true, appPasswordOutage: setup.appPasswordOutage ?? false },
      },
    },
    backends,
    appPasswords: setup.appPasswords,
    guessing,
    cache: setup.cache ?? createSuccessCache({ key: KEY }),
    log: (event) => {
      events.push(event);
      logged.resolve();
      logged = Promise.withResolvers();
    },
    clock,
    key: KEY,
    wait: (ms, signal) => {
      waits.push(ms);
      return setup.wait?.(ms, signal) ?? Promise.resolve();
    },
  });

  let ended = 0;
  const end = async (exchange: AuthenticationExchange, outcome: ExchangeOutcome, answer: Answer): Promise<Login> => {
    const id = `login.${++ended}`;
    const verdict = await exchange.conclude(outcome, id);
    const logOf = () => ends(events).filter((each) => each.id === id);
    // That of an unknown name comes a moment after the verdict.
    while (logOf().length === 0) await logged.promise;
    const [event, ...more] = logOf();
    if (event === undefined || more.length > 0) throw new TypeError("expected one line for each end");
    return { verdict, event, answer };
  };

  return {
    ...{ authenticator, guessing, clock, events, waits },
    login: async (user, password, { origin = {}, authzid = "" } = {}) => {
      const from = { ...ORIGIN, ...origin };
      using exchange = authenticator.begin(from, "s");
      const answer = await exchange.ask({ kind: "password", user, password, origin: from }, never());
      return await end(exchange, outcomeOf(answer, { user, authzid }), answer);
    },
    prove: async (user, right, { origin = {}, authzid = "", scheme = "cram-md5" } = {}) => {
      const from = { ...ORIGIN, mechanism: scheme.toUpperCase(), ...origin };
      using exchange = authenticator.begin(from, "s");
      const answer = await exchange.ask({ kind: "verifiers", user, scheme, origin: from }, never());
      const proved = right && answer.kind === "verifiers" && !answer.decoy ? answer : null;
      if (proved?.account == null) return await end(exchange, outcomeOf(answer, { user, authzid }), answer);
      const [account, credential] = [proved.account, proved.verifiers[0]?.credential ?? ""];
      return await end(
        exchange,
        { kind: "proved", authcid: user, authzid, account, credential, proof: "verifier" },
        answer,
      );
    },
    [Symbol.asyncDispose]: async () => {
      await authenticator[Symbol.asyncDispose]();
      await guessing[Symbol.asyncDispose]();
    },
  };
}

/** What a mechanism makes of an answer, a proof against verifiers being wrong. */
export function outcomeOf(
  answer: Answer,
  { user, authzid }: { readonly user: UserName; readonly authzid: string },
): ExchangeOutcome {
  const failed = { kind: "failed", authcid: user } as const;
  switch (answer.kind) {
    case "accepted":
      return {
        kind: "proved",
        authcid: user,
        authzid,
        account: answer.account,
        credential: answer.credential,
        proof: "password",
      };
    case "verifiers":
      return { ...failed, why: "wrong-secret", detail: "the proof fits no verifier" };
    case "rejected":
      return { ...failed, why: "rejected", detail: answer.why };
    case "unavailable":
      return { ...failed, why: "unavailable", detail: answer.cause };
    default:
      throw new TypeError(`unexpected ${answer.kind}`);
  }
}

export function ends(events: readonly LogEvent[]): readonly Login["event"][] {
  return events.filter((event) => event.kind === "authentication");
}

export function never(): AbortSignal {
  return new AbortController().signal;
}
