/**
 * What the tests of SASL share: an exchange's beginning, verifiers of a password, and a small world of accounts that answers questions.
 *
 * @module
 */

import assert from "node:assert/strict";
import { pbkdf2Sync } from "node:crypto";
import type { Account, Answer, Question, UserName, Verifier, VerifierScheme } from "../../src/backend.ts";
import { concat, utf8 } from "../../src/lib/octets.ts";
import { cramMd5Contexts, digestMd5Ha1s, scramKeys } from "../../src/sasl/derive.ts";
import type { ExchangeInit, ExchangeOutcome, ExchangeStep, Mechanism } from "../../src/sasl/mechanism.ts";
import { prepare } from "../../src/sasl/saslprep.ts";
import { formatUserName } from "../../src/sasl/user_name.ts";

export const REALMS = { defaultRealm: "baz.co.jp", realms: ["baz.co.jp", "example.org"] };
export const SALT = utf8("0123456789abcdef");
export const ITERATIONS = 4096;
/** The nonce that the recorded clients were given: base64 AQgPFh0kKzI5QEdOVVxjanF4. */
export const NONCE = Uint8Array.from({ length: 18 }, (_, at) => at * 7 + 1);

export function exchangeInit(changes: Partial<ExchangeInit> = {}): ExchangeInit {
  return {
    nonce: NONCE,
    hostname: "mail.baz.co.jp",
    service: "smtp",
    ...REALMS,
    binding: null,
    plusOffered: false,
    origin: { remote: "192.0.2.1", listener: "MSA", tls: null },
    ...changes,
  };
}

export function account(name: UserName): Account {
  return { name: formatUserName(name), backend: "test", addresses: [], groups: [], attributes: {} };
}

export function verifierOf(
  scheme: VerifierScheme,
  user: UserName,
  { password, credential = "main" }: { readonly password: string; readonly credential?: string },
): Verifier {
  switch (scheme) {
    case "cram-md5":
      return { scheme, credential, ...cramMd5Contexts(password) };
    case "digest-md5":
      return { scheme, credential, ...digestMd5Ha1s(user, password, REALMS) };
    case "scram-sha-1":
    case "scram-sha-256": {
      const [hash, octets, digest] = scheme === "scram-sha-1"
        ? ["sha-1", 20, "sha1"] as const
        : ["sha-256", 32, "sha256"] as const;
      const salted = pbkdf2Sync(prepare(password) ?? "", SALT, ITERATIONS, octets, digest);
      return { scheme, credential, salt: SALT, iterations: ITERATIONS, ...scramKeys(hash, salted) };
    }
  }
}

/** Answers as an account store that has one account would, with these credentials. */
export function store(name: UserName, passwords: Readonly<Record<string, string>>): (question: Question) => Answer {
  return (question) => {
    assert(question.kind === "password" || question.kind === "verifiers");
    if (formatUserName(question.user) !== formatUserName(name)) return { kind: "rejected", why: "unknown-user" };
    if (question.kind === "verifiers") {
      const verifiers = Object.entries(passwords).map(([credential, password]) =>
        verifierOf(question.scheme, question.user, { password, credential })
      );
      return { kind: "verifiers", account: account(name), verifiers, decoy: false };
    }
    const found = Object.entries(passwords).find(([, password]) => password === question.password);
    return found === undefined
      ? { kind: "rejected", why: "wrong-secret" }
      : { kind: "accepted", account: account(name), credential: found[0], version: "1" };
  };
}

/** Takes the initial response (`null` for none) and then each response; must end in a question, whose state and text it gives. */
export function untilAsked<State>(
  mechanism: Mechanism<State>,
  responses: readonly (Uint8Array | null)[],
  init: ExchangeInit = exchangeInit(),
): { readonly state: State; readonly question: Question } {
  const step = drive(mechanism, responses, init);
  assert.equal(step.kind, "ask", JSON.stringify(step));
  assert(step.kind === "ask");
  return step;
}

/** Takes the initial response (`null` for none) and then each response; gives the last step. */
export function drive<State>(
  mechanism: Mechanism<State>,
  [initial = null, ...responses]: readonly (Uint8Array | null)[],
  init: ExchangeInit = exchangeInit(),
): ExchangeStep<State> {
  let step = mechanism.step(mechanism.start(init), { kind: "initial", response: initial });
  for (const response of responses) {
    assert.equal(step.kind, "challenge", JSON.stringify(step));
    assert(step.kind === "challenge" && response !== null);
    step = mechanism.step(step.state, { kind: "response", response });
  }
  return step;
}

/** The outcome of an exchange that must have ended. */
export function outcomeOf<State>(step: ExchangeStep<State>): ExchangeOutcome {
  assert(step.kind === "end", JSON.stringify(step));
  return step.outcome;
}

/** Asserts that an exchange failed, and why. */
export function assertFailed<State>(
  step: ExchangeStep<State>,
  why: Extract<ExchangeOutcome, { kind: "failed" }>["why"],
  detail?: string,
): void {
  const outcome = outcomeOf(step);
  assert(outcome.kind === "failed", JSON.stringify(outcome));
  assert.equal(outcome.why, why, outcome.detail);
  if (detail !== undefined) assert.equal(outcome.detail, detail);
  assert(step.kind === "end" && step.final === null);
}

export function octets(...parts: readonly (string | number)[]): Uint8Array {
  return concat(...parts.map((part) => typeof part === "string" ? utf8(part) : Uint8Array.of(part)));
}
