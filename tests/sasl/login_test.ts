import assert from "node:assert/strict";
import { latin1 } from "../../src/lib/octets.ts";
import { LOGIN } from "../../src/sasl/login.ts";
import { account, assertFailed, drive, exchangeInit, octets, outcomeOf, untilAsked } from "./lib.ts";

const SHIN = { local: "shin", realm: "baz.co.jp" };

Deno.test("LOGIN: the prompts, exactly", () => {
  const first = drive(LOGIN, [null]);
  assert(first.kind === "challenge" && latin1(first.challenge) === "Username:");
  const second = drive(LOGIN, [null, octets("shin")]);
  assert(second.kind === "challenge" && latin1(second.challenge) === "Password:");
});

Deno.test("LOGIN: the user name as an initial response", () => {
  const step = drive(LOGIN, [octets("shin@example.org")]);
  assert(step.kind === "challenge" && latin1(step.challenge) === "Password:");
  const { question } = untilAsked(LOGIN, [octets("shin@example.org"), octets("a b")]);
  assert.deepEqual(question, {
    kind: "password",
    user: { local: "shin", realm: "example.org" },
    password: "a b",
    origin: { remote: "192.0.2.1", listener: "MSA", tls: null, mechanism: "LOGIN" },
  });
});

Deno.test("LOGIN: proved, without an authorization identity", () => {
  const { state } = untilAsked(LOGIN, [null, octets("shin"), octets("x")]);
  const answer = { kind: "accepted", account: account(SHIN), credential: "phone", version: "1" } as const;
  assert.deepEqual(outcomeOf(LOGIN.step(state, { kind: "answer", answer })), {
    kind: "proved",
    authcid: SHIN,
    authzid: "",
    account: account(SHIN),
    credential: "phone",
    proof: "password",
  });
});

Deno.test("LOGIN: wrong forms", () => {
  assertFailed(drive(LOGIN, [octets()]), "malformed");
  assertFailed(drive(LOGIN, [null, octets()]), "malformed");
  assertFailed(drive(LOGIN, [null, octets("sh\nin")]), "malformed");
  assertFailed(drive(LOGIN, [null, octets("sh\0in")]), "malformed");
  assertFailed(drive(LOGIN, [null, octets(0xff)]), "malformed");
  assertFailed(drive(LOGIN, [null, octets("shin"), octets()]), "malformed");
  assertFailed(drive(LOGIN, [null, octets("shin"), octets("a\0b")]), "malformed");
  assertFailed(drive(LOGIN, [null, octets("shin"), octets("a\nb")]), "malformed");
  assertFailed(drive(LOGIN, [null, octets("shin"), octets(0xe4)]), "malformed");
});

Deno.test("LOGIN: a failure after the user name tells it to the log", () => {
  const outcome = outcomeOf(drive(LOGIN, [null, octets("shin"), octets()]));
  assert(outcome.kind === "failed");
  assert.deepEqual(outcome.authcid, SHIN);
});

Deno.test("LOGIN: answers and input that cannot come now", () => {
  const { state } = untilAsked(LOGIN, [null, octets("shin"), octets("x")]);
  const rejected = { kind: "rejected", why: "must-change" } as const;
  assertFailed(LOGIN.step(state, { kind: "answer", answer: rejected }), "rejected", "must-change");
  const down = { kind: "unavailable", cause: "timed out" } as const;
  assertFailed(LOGIN.step(state, { kind: "answer", answer: down }), "unavailable", "timed out");
  assertFailed(LOGIN.step(state, { kind: "response", response: octets("x") }), "malformed");
  assertFailed(LOGIN.step(LOGIN.start(exchangeInit()), { kind: "answer", answer: down }), "malformed");
  assert.equal(LOGIN.serverFirst, false);
});
