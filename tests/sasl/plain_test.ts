import assert from "node:assert/strict";
import { PLAIN } from "../../src/sasl/plain.ts";
import { account, assertFailed, drive, exchangeInit, octets, outcomeOf, untilAsked } from "./lib.ts";

const SHIN = { local: "shin", realm: "baz.co.jp" };

Deno.test("PLAIN: the examples of RFC 4616 section 4", () => {
  const { question } = untilAsked(PLAIN, [octets("\0tim\0tanstaaftanstaaf")]);
  assert.deepEqual(question, {
    kind: "password",
    user: { local: "tim", realm: "baz.co.jp" },
    password: "tanstaaftanstaaf",
    origin: { remote: "192.0.2.1", listener: "MSA", tls: null, mechanism: "PLAIN" },
  });
  const { state } = untilAsked(PLAIN, [octets("Ursel\0Kurt\0xipj3plmq")]);
  const answer = { kind: "accepted", account: account(SHIN), credential: "main", version: "1" } as const;
  assert.deepEqual(outcomeOf(PLAIN.step(state, { kind: "answer", answer })), {
    kind: "proved",
    authcid: { local: "Kurt", realm: "baz.co.jp" },
    authzid: "Ursel",
    account: account(SHIN),
    credential: "main",
    proof: "password",
  });
});

Deno.test("PLAIN: without an initial response an empty challenge asks for it", () => {
  const step = drive(PLAIN, [null]);
  assert(step.kind === "challenge" && step.challenge.length === 0);
  assert.equal(untilAsked(PLAIN, [null, octets("\0shin@example.org\0x")]).question.kind, "password");
});

Deno.test("opensmtpd_7_8_0 one-character password", () => {
  const { question } = untilAsked(PLAIN, [octets("\0shin\0x")]);
  assert(question.kind === "password" && question.password === "x");
});

Deno.test("smtp_server_3_19 authzid is kept", () => {
  const { state } = untilAsked(PLAIN, [octets("someone else@example.org\0shin\0secret")]);
  const answer = { kind: "accepted", account: account(SHIN), credential: "main", version: "1" } as const;
  const outcome = outcomeOf(PLAIN.step(state, { kind: "answer", answer }));
  assert(outcome.kind === "proved" && outcome.authzid === "someone else@example.org");
});

Deno.test("smtp_server_3_19 control characters in names, opensmtpd_7_8_0 newline in a question", () => {
  for (const bad of ["\n", "\r", "\t", "\x7f", "\x1b", "\u0085", "\u2028"]) {
    assertFailed(drive(PLAIN, [octets(`\0sh${bad}in\0secret`)]), "malformed");
    assertFailed(drive(PLAIN, [octets(`\0shin@baz${bad}\0secret`)]), "malformed");
    assertFailed(drive(PLAIN, [octets(`a${bad}\0shin\0secret`)]), "malformed");
    assertFailed(drive(PLAIN, [octets(`\0shin\0sec${bad}ret`)]), "malformed");
  }
});

Deno.test("PLAIN: wrong forms", () => {
  for (
    const response of [
      octets(),
      octets("shin"),
      octets("\0shin"),
      octets("shin\0secret"),
      octets("\0shin\0secret\0"),
      octets("\0shin\0\0secret"),
      octets("\0\0secret"),
      octets("\0shin\0"),
      octets("\0@baz.co.jp\0secret"),
      octets("\0shin\0p", 0xe4, "ss"),
      octets("\0sh", 0xc3, "\0secret"),
      octets("\0shin\0\u00ad"),
    ]
  ) {
    assertFailed(drive(PLAIN, [response]), "malformed");
    assertFailed(drive(PLAIN, [null, response]), "malformed");
  }
});

Deno.test("PLAIN: the password is asked for as it was typed", () => {
  const { question } = untilAsked(PLAIN, [octets("\0shin\0pa\u0308ss ½ 😀")]);
  assert(question.kind === "password" && question.password === "pa\u0308ss ½ 😀");
});

Deno.test("PLAIN: answers other than accepted", () => {
  const { state } = untilAsked(PLAIN, [octets("\0shin\0secret")]);
  const after = (answer: Parameters<typeof PLAIN.step>[1] & { kind: "answer" }) => PLAIN.step(state, answer);
  for (const why of ["unknown-user", "wrong-secret", "disabled", "expired"] as const) {
    assertFailed(after({ kind: "answer", answer: { kind: "rejected", why } }), "rejected", why);
  }
  const down = { kind: "unavailable", cause: "connection refused" } as const;
  assertFailed(after({ kind: "answer", answer: down }), "unavailable", "connection refused");
  const known = { kind: "known", account: account(SHIN) } as const;
  assertFailed(after({ kind: "answer", answer: known }), "unavailable", 'unexpected answer "known"');
  const verifiers = { kind: "verifiers", account: account(SHIN), verifiers: [], decoy: false } as const;
  assertFailed(after({ kind: "answer", answer: verifiers }), "unavailable");
});

Deno.test("PLAIN: input that cannot come now", () => {
  const start = PLAIN.start(exchangeInit());
  const { state } = untilAsked(PLAIN, [octets("\0shin\0secret")]);
  const response = octets("\0shin\0secret");
  assertFailed(PLAIN.step(start, { kind: "response", response }), "malformed");
  const answer = { kind: "accepted", account: account(SHIN), credential: "main", version: "1" } as const;
  assertFailed(PLAIN.step(start, { kind: "answer", answer }), "malformed");
  assertFailed(PLAIN.step(state, { kind: "response", response }), "malformed");
  assertFailed(PLAIN.step(state, { kind: "initial", response }), "malformed");
});
