import assert from "node:assert/strict";
import { findFailure, type LoginFacts, loginSteps } from "../../src/http/login_steps.ts";
import { translator } from "../../src/http/pages/language.ts";
import { type AuthenticationEvent, refusedLogin } from "../lib/login_event.ts";

const EN = translator("en");

function factsOf(event: Partial<AuthenticationEvent>, facts: Partial<LoginFacts> = {}): LoginFacts {
  return {
    ...{ mechanism: "PLAIN", offered: true, typed: "shin", user: { local: "shin", realm: "baz.co.jp" }, served: null },
    ...{ event: refusedLogin(event), advice: null, relays: false, standing: null },
    ...facts,
  };
}

const step = (backend: string, answer: string) => ({ backend, answer, ms: 1 });

Deno.test("findFailure names the step for each way in which a login ends", () => {
  const cases: readonly (readonly [Partial<AuthenticationEvent>, string, string])[] = [
    [{ result: "malformed", reason: "unexpected response" }, "mechanism", "unexpected response"],
    [{ result: "cancelled", reason: "the client gave up" }, "mechanism", "the client gave up"],
    [
      { result: "too-weak", reason: "credential is not for this mechanism" },
      "account",
      "credential is not for this mechanism",
    ],
    [
      { result: "unavailable", reason: "busy", chain: [step("a", "unavailable:other"), step("b", "unavailable:busy")] },
      "backend b",
      "busy",
    ],
    [
      { result: "unavailable", reason: "the account cannot be looked at now", chain: [step("a", "accepted")] },
      "account",
      "the account cannot be looked at now",
    ],
    [
      { chain: [step("a", "rejected:unknown-user"), step("b", "rejected:wrong-secret, says the peer")] },
      "password",
      "wrong, says b",
    ],
    [
      { reason: "the proof fits no verifier", chain: [step("a", "verifiers")] },
      "password",
      "wrong: the proof fits no verifier of a",
    ],
    [{ reason: "must-change", chain: [step("a", "rejected:must-change")] }, "account", "must-change, says a"],
    [
      { reason: "expired", chain: [step("a", "rejected:wrong-secret"), step("b", "rejected:expired")] },
      "account",
      "expired, says b",
    ],
    [
      { reason: "credential is not for this network", chain: [step("a", "accepted")] },
      "account",
      "credential is not for this network",
    ],
    [
      { reason: "not-allowed", chain: [step("a", "rejected:not-allowed, not in require_group")] },
      "backend a",
      "rejected: not-allowed, not in require_group",
    ],
    [
      { reason: "not-allowed", chain: [step("chain", "rejected:several must agree")] },
      "mechanism",
      "several backends must agree, and PLAIN cannot be shown to each",
    ],
    [
      { reason: "unknown-user", chain: [step("a", "skipped:no passwords")] },
      "mechanism",
      "no backend for baz.co.jp can answer PLAIN",
    ],
    [
      {
        reason: "unknown-user; `shin` exists in realm x, the client said baz.co.jp",
        chain: [step("a", "rejected:unknown-user")],
      },
      "user",
      "no backend that was asked knows this name",
    ],
  ];
  for (const [event, failed, detail] of cases) {
    assert.deepEqual(findFailure(factsOf(event), EN), { step: failed, detail });
  }
  const digest = factsOf({ reason: "the proof fits no verifier", chain: [step("a", "verifiers")] }, {
    mechanism: "DIGEST-MD5",
    typed: "shin@BAZ.co.jp",
  });
  assert.equal(
    findFailure(digest, EN)?.detail,
    "wrong: the proof fits no verifier of a, or the realm has to be written as baz.co.jp",
  );
  assert.equal(findFailure(factsOf({ result: "accepted", account: "shin@baz.co.jp" }), EN), null);
});

Deno.test("loginSteps marks the step that failed, and those behind it as not reached", () => {
  const facts = factsOf({ chain: [step("a", "skipped:other realms"), step("b", "rejected:wrong-secret")] });
  assert.deepEqual(loginSteps(facts, findFailure(facts, EN), EN).map((each) => [each.step, each.result, each.detail]), [
    ["mechanism", "ok", "PLAIN"],
    ["name", "ok", "user shin, realm baz.co.jp (the default: none was given)"],
    ["realm", "ok", "every realm is served"],
    ["backend a", "none", "skipped: other realms"],
    ["backend b", "no", "rejected: wrong-secret (1 ms)"],
    ["user", "ok", "known to b"],
    ["password", "FAILED", "wrong, says b"],
    ["account", "none", ""],
    ["relay", "none", ""],
  ]);
  const down = factsOf({ result: "unavailable", reason: "busy", chain: [step("b", "unavailable:busy")] });
  const results = loginSteps(down, findFailure(down, EN), EN).map((each) => [each.step, each.result]);
  assert.deepEqual(results.slice(3), [
    ["backend b", "FAILED"],
    ...["user", "password", "account", "relay"].map((each) => [each, "none"]),
  ]);
});

Deno.test("loginSteps tells lock, scope and expiry of an account on this machine", () => {
  const account = { name: "shin@baz.co.jp", backend: "sasldb", addresses: [], groups: [], attributes: {} };
  const credential = {
    id: "c",
    version: "1",
    networks: ["192.0.2.0/24"],
    mechanisms: ["PLAIN"],
    expires: "2027-01-01T00:00:00Z",
  };
  const facts = factsOf(
    { result: "accepted", account: account.name, credential: "c", chain: [step("sasldb", "accepted:cache")] },
    { standing: { account, disabled: false, credentials: [credential] }, relays: true },
  );
  const steps = new Map(loginSteps(facts, null, EN).map((each) => [each.step, each]));
  assert.equal(
    steps.get("account")?.detail,
    "shin@baz.co.jp: not disabled, from 192.0.2.0/24, with PLAIN, until 2027-01-01T00:00:00Z",
  );
  assert.deepEqual([steps.get("user")?.detail, steps.get("relay")?.result], ["known to sasldb", "ok"]);
});
