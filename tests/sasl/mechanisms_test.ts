import assert from "node:assert/strict";
import fc from "fast-check";
import type { Answer, Verifier } from "../../src/backend.ts";
import { CRAM_MD5 } from "../../src/sasl/cram_md5.ts";
import { DIGEST_MD5 } from "../../src/sasl/digest_md5.ts";
import { LOGIN } from "../../src/sasl/login.ts";
import type { ExchangeInput, Mechanism } from "../../src/sasl/mechanism.ts";
import { mechanismNamed, MECHANISMS } from "../../src/sasl/mechanisms.ts";
import { PLAIN } from "../../src/sasl/plain.ts";
import { SCRAM_SHA_256, SCRAM_SHA_256_PLUS } from "../../src/sasl/scram.ts";
import { hasControl } from "../../src/lib/text.ts";
import { utf8 } from "../../src/lib/octets.ts";
import { account, exchangeInit, octets } from "./lib.ts";

const SHIN = account({ local: "shin", realm: "baz.co.jp" });
const PLUS_INIT = exchangeInit({ binding: new Uint8Array(32), plusOffered: true });

Deno.test("MECHANISMS: the strongest first, each found by its name alone", () => {
  assert.deepEqual(MECHANISMS.map(({ name }) => name), [
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-1",
    "DIGEST-MD5",
    "CRAM-MD5",
    "PLAIN",
    "LOGIN",
  ]);
  for (const mechanism of MECHANISMS) assert.equal(mechanismNamed(mechanism.name), mechanism);
  for (const name of ["", "plain", "PLAIN ", "constructor", "__proto__", "EXTERNAL"]) {
    assert.equal(mechanismNamed(name), null);
  }
  assert.deepEqual(MECHANISMS.filter(({ cleartext }) => cleartext).map(({ name }) => name), ["PLAIN", "LOGIN"]);
  assert.deepEqual(MECHANISMS.filter(({ serverFirst }) => serverFirst).map(({ name }) => name), [
    "DIGEST-MD5",
    "CRAM-MD5",
  ]);
});

Deno.test("MECHANISMS: a state goes on with its own mechanism and with no other", () => {
  const plain = mechanismNamed("PLAIN")!;
  const state = plain.start(exchangeInit());
  const input = { kind: "initial", response: octets("\0shin\0x") } as const;
  assert.equal(plain.step(state, input).kind, "ask");
  assert.throws(() => mechanismNamed("LOGIN")!.step(state, input), TypeError);
  assert.throws(() => plain.step({ at: "start", init: exchangeInit() }, input), TypeError);
  assert.throws(() => plain.step(null, input), TypeError);
});

const anyOctets = fc.uint8Array({ maxLength: 80 });
/** Octets that come further than random ones: pieces of real messages, shuffled. */
const anyPieces = fc.array(
  fc.constantFrom(
    ...'\0|shin|shin@baz.co.jp|,|=|n,,|y,,|p=tls-server-end-point,,|n=shin|r=abc|c=biws|p=AAAA|s=|i=4096|m=x| |"|\\|\n|é|漢'
      .split("|"),
    "b913a602c7eda7a495b4e6e7334d3890",
    'username="shin"',
    'realm="x"',
    'nonce="AQgPFh0kKzI5QEdOVVxjanF4"',
    'cnonce="c"',
    "nc=00000001",
    'digest-uri="smtp/x"',
    "response=b913a602c7eda7a495b4e6e7334d3890",
    "charset=utf-8",
    "r=abcAQgPFh0kKzI5QEdOVVxjanF4",
    "p=gSWtoTVD86jasC4fcHy9AD5xo3M=",
    "p=66F7+/vTEfMPMJx1S5AAMMMOjXZcMMCXRrURN1GqSos=",
  ),
  { maxLength: 10 },
).chain((pieces) => fc.constantFrom("", ",").map((between) => utf8(pieces.join(between))));
/** Messages that each mechanism takes, so that the states behind them are reached too. */
const anyValid = fc.constantFrom(
  octets("\0shin\0secret"),
  octets("shin"),
  octets("shin b913a602c7eda7a495b4e6e7334d3890"),
  octets(
    'username="shin",realm="x",nonce="AQgPFh0kKzI5QEdOVVxjanF4",cnonce="c",nc=00000001,digest-uri="smtp/x",response=b913a602c7eda7a495b4e6e7334d3890',
  ),
  octets("n,,n=shin,r=abc"),
  octets("p=tls-server-end-point,,n=shin,r=abc"),
  octets("c=biws,r=abcAQgPFh0kKzI5QEdOVVxjanF4,p=66F7+/vTEfMPMJx1S5AAMMMOjXZcMMCXRrURN1GqSos="),
);
const anyResponse = fc.oneof(anyValid, anyOctets, anyPieces);
const anyVerifier: fc.Arbitrary<Verifier> = fc.oneof(
  fc.record({ scheme: fc.constant("cram-md5"), credential: fc.string(), inner: anyOctets, outer: anyOctets }),
  fc.record({
    scheme: fc.constant("digest-md5"),
    credential: fc.string(),
    realm: fc.string(),
    ha1s: fc.array(anyOctets, { maxLength: 3 }),
  }),
  fc.record({
    scheme: fc.constantFrom("scram-sha-1", "scram-sha-256"),
    credential: fc.string(),
    salt: anyOctets,
    iterations: fc.nat(),
    storedKey: anyOctets,
    serverKey: anyOctets,
  }),
);
const anyAnswer: fc.Arbitrary<Answer> = fc.oneof(
  fc.record({
    kind: fc.constant("verifiers"),
    account: fc.constantFrom(SHIN, null),
    verifiers: fc.array(anyVerifier, { maxLength: 4 }),
    decoy: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("accepted"),
    account: fc.constant(SHIN),
    credential: fc.string(),
    version: fc.string(),
  }),
  fc.record({ kind: fc.constant("rejected"), why: fc.constantFrom("unknown-user", "wrong-secret", "disabled") }),
  fc.record({ kind: fc.constant("unavailable"), cause: fc.string() }),
  fc.record({ kind: fc.constant("continue"), challenge: anyOctets, handle: fc.string() }),
  fc.record({ kind: fc.constant("known"), account: fc.constant(SHIN) }),
);
const anyInput: fc.Arbitrary<ExchangeInput> = fc.oneof(
  fc.record({ kind: fc.constant("initial"), response: fc.option(anyResponse) }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("response"), response: anyResponse }) },
  fc.record({ kind: fc.constant("answer"), answer: anyAnswer }),
);

/** Feeds inputs until the end; `check` sees each step and the input that made it. */
function run<State>(
  mechanism: Mechanism<State>,
  inputs: readonly ExchangeInput[],
  check: (step: ReturnType<typeof mechanism.step>, input: ExchangeInput, again: () => unknown) => void,
): void {
  let state = mechanism.start(PLUS_INIT);
  for (const input of inputs) {
    const before = state;
    const step = mechanism.step(before, input);
    check(step, input, () => mechanism.step(before, input));
    if (step.kind === "end") return;
    state = step.state;
  }
}

for (const mechanism of MECHANISMS) {
  Deno.test(`${mechanism.name}: never throws, asks only for names without control characters, proves only on an answer`, () => {
    fc.assert(
      fc.property(fc.array(anyInput, { maxLength: 6 }), (inputs) => {
        let yes = false;
        run(mechanism, inputs, (step, input) => {
          if (input.kind === "answer" && "account" in input.answer && input.answer.account !== null) yes = true;
          if (step.kind === "ask") {
            const { question } = step;
            assert(question.kind === "password" || question.kind === "verifiers");
            assert.equal(question.origin.mechanism, mechanism.name);
            assert(!hasControl(question.user.local) && !hasControl(question.user.realm));
            assert(question.user.local !== "" && question.user.realm !== "");
            if (question.kind === "password") assert(question.password !== "" && !hasControl(question.password));
          }
          if (step.kind === "end") {
            assert(step.outcome.kind === "failed" || yes);
            if (step.outcome.kind === "failed") assert.equal(step.final, null);
          }
        });
      }),
      { numRuns: 300 },
    );
  });
}

for (const mechanism of [PLAIN, LOGIN, CRAM_MD5, DIGEST_MD5, SCRAM_SHA_256, SCRAM_SHA_256_PLUS]) {
  Deno.test(`${mechanism.name}: a step changes nothing: taken twice it is the same`, () => {
    fc.assert(
      fc.property(fc.array(anyInput, { maxLength: 5 }), (inputs) => {
        run<unknown>(mechanism, inputs, (step, _, again) => assert.deepEqual(again(), step));
      }),
      { numRuns: 100 },
    );
  });
}
