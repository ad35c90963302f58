import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Answer } from "../../src/backend.ts";
import { account, bench, ORIGIN, scripted, SHIN, withPassword } from "./lib.ts";

const NAME = "shin@baz.co.jp";
const saying = (name: string, answer: Answer) => scripted(name, () => answer);
const no = (why: Extract<Answer, { kind: "rejected" }>["why"]): Answer => ({ kind: "rejected", why });
const DOWN: Answer = { kind: "unavailable", cause: "connection refused" };
const yes = (backend: string): Answer => {
  return { kind: "accepted", account: account(NAME, backend), credential: "c", version: "1" };
};

Deno.test("backends are asked in the order of pwcheck_method until one says yes", async () => {
  await using setup = bench({
    backends: [
      saying("a", no("unknown-user")),
      saying("b", no("wrong-secret")),
      saying("c", DOWN),
      saying("d", yes("d")),
      saying("e", DOWN),
    ],
  });
  const { verdict, event } = await setup.login(SHIN, "secret");
  ok(verdict.kind === "accepted");
  equal(verdict.identity.account.backend, "d");
  deepEqual(event.chain.map(({ backend, answer }) => [backend, answer]), [
    ["a", "rejected:unknown-user"],
    ["b", "rejected:wrong-secret"],
    ["c", "unavailable:connection refused"],
    ["d", "accepted"],
  ]);
});

Deno.test("an outage anywhere makes a no unavailable", async () => {
  for (const answers of [[DOWN], [DOWN, no("unknown-user")], [no("wrong-secret"), DOWN]]) {
    await using setup = bench({ backends: answers.map((answer, at) => saying(`b${at}`, answer)) });
    const { verdict, event } = await setup.login(SHIN, "secret");
    deepEqual(verdict, { kind: "unavailable" });
    deepEqual([event.result, event.reason], ["unavailable", "connection refused"]);
  }
});

Deno.test("disabled answers for the whole chain", async () => {
  await using setup = bench({ backends: [saying("a", DOWN), saying("b", no("disabled")), saying("c", yes("c"))] });
  const { verdict, event } = await setup.login(SHIN, "secret");
  deepEqual(verdict, { kind: "rejected" });
  deepEqual([event.reason, event.chain.length], ["disabled", 2]);
});

Deno.test("the log names the most telling reason", async () => {
  for (
    const [first, second, reason] of [
      ["wrong-secret", "unknown-user", "wrong-secret"],
      ["unknown-user", "wrong-secret", "wrong-secret"],
      ["wrong-secret", "expired", "expired"],
      ["must-change", "not-allowed", "must-change"],
      ["unknown-user", "unknown-user", "unknown-user"],
    ] as const
  ) {
    await using setup = bench({ backends: [saying("a", no(first)), saying("b", no(second))] });
    equal((await setup.login(SHIN, "secret")).event.reason, reason);
  }
});

Deno.test("a wrong proof to one backend is told as such, whatever those before it said", async () => {
  await using setup = bench({ backends: [saying("a", no("unknown-user")), withPassword("b", [NAME], "secret")] });
  const { event } = await setup.prove(SHIN, false);
  deepEqual([event.result, event.reason], ["rejected", "the proof fits no verifier"]);
});

Deno.test("a backend that throws is unavailable, and its bug is logged without what it was asked", async () => {
  const password = "Tr0ub4dor";
  await using setup = bench({
    backends: [scripted("a", (question) => {
      throw new RangeError(`cannot bind with ${question.kind === "password" ? question.password : ""}`);
    })],
  });
  const { verdict, event } = await setup.login(SHIN, password);
  deepEqual(verdict, { kind: "unavailable" });
  equal(event.chain[0]?.answer, "unavailable:bug: RangeError");
  const bug = setup.events.find((each) => each.kind === "bug");
  ok(bug?.kind === "bug");
  match(bug.text, /^RangeError at .*chain_test\.ts/);
  ok(!JSON.stringify(setup.events).includes(password));
});

Deno.test("a backend that rejects later, with anything, is unavailable", async () => {
  await using setup = bench({ backends: [scripted("a", () => Promise.reject("nonsense"))] });
  deepEqual((await setup.login(SHIN, "secret")).verdict, { kind: "unavailable" });
});

Deno.test("a backend that hangs is aborted at its deadline, and the next is asked", async () => {
  const aborted = Promise.withResolvers<void>();
  await using setup = bench({
    deadlineMs: 5,
    backends: [
      scripted("hangs", (_, signal) => {
        signal.addEventListener("abort", () => aborted.resolve());
        return new Promise(() => {});
      }),
      saying("b", yes("b")),
    ],
  });
  const { verdict, event } = await setup.login(SHIN, "secret");
  await aborted.promise;
  equal(verdict.kind, "accepted");
  equal(event.chain[0]?.answer, "unavailable:no answer within 5 ms");
});

Deno.test("a client that goes aborts the backend", async () => {
  const asked = Promise.withResolvers<AbortSignal>();
  await using setup = bench({
    backends: [scripted("hangs", (_, signal) => {
      asked.resolve(signal);
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    })],
  });
  const client = new AbortController();
  using exchange = setup.authenticator.begin(ORIGIN, "s");
  const answer = exchange.ask({ kind: "password", user: SHIN, password: "secret", origin: ORIGIN }, client.signal);
  const signal = await asked.promise;
  client.abort();
  deepEqual(await answer, { kind: "unavailable", cause: "given up by the client" });
  equal(signal.aborted, true);
  deepEqual(setup.events, [], "no bug");
});

Deno.test("an answer that fits no such question is a bug and opens nothing", async () => {
  const known: Answer = { kind: "known", account: account(NAME, "a") };
  const decoy: Answer = { kind: "verifiers", account: account(NAME, "a"), verifiers: [], decoy: true };
  for (const answer of [known, decoy]) {
    await using setup = bench({ backends: [saying("a", answer)] });
    deepEqual((await setup.login(SHIN, "secret")).verdict, { kind: "unavailable" });
    deepEqual((await setup.prove(SHIN, true)).verdict, { kind: "unavailable" });
    equal(setup.events.filter(({ kind }) => kind === "bug").length, 2);
  }
});

Deno.test("a backend is not asked what it cannot answer", async () => {
  const answers = { password: false, lookup: false, schemes: new Set<never>(), tokens: new Set<string>() };
  await using setup = bench({
    backends: [scripted("a", () => DOWN, { answers }), withPassword("b", [NAME], "secret")],
  });
  equal((await setup.login(SHIN, "secret")).verdict.kind, "accepted");
  equal((await setup.prove(SHIN, true)).verdict.kind, "accepted");
  equal((await setup.authenticator.lookup(SHIN, new AbortController().signal)).kind, "known");
});

Deno.test("lookup goes through the chain and tells an outage from nobody", async () => {
  const signal = new AbortController().signal;
  const taro = { local: "taro", realm: "baz.co.jp" };
  {
    await using setup = bench({ backends: [withPassword("a", [], ""), withPassword("b", [NAME], "")] });
    equal((await setup.authenticator.lookup(SHIN, signal)).kind, "known");
    deepEqual(await setup.authenticator.lookup(taro, signal), no("unknown-user"));
    deepEqual(setup.events, []);
  }
  await using setup = bench({ backends: [saying("a", DOWN), withPassword("b", [NAME], "")] });
  equal((await setup.authenticator.lookup(SHIN, signal)).kind, "known");
  deepEqual(await setup.authenticator.lookup(taro, signal), DOWN);
});

Deno.test("a name in a realm that is not served is unknown without asking anybody", async () => {
  const stranger = { local: "shin", realm: "elsewhere.jp" };
  let asked = 0;
  const backend = scripted("a", () => {
    asked++;
    return yes("a");
  });
  await using setup = bench({ backends: [backend], realms: ["foobar.co.jp", "xn--r8jz45g.jp"] });
  const { verdict, event } = await setup.login(stranger, "secret");
  deepEqual([verdict.kind, event.reason, asked], ["rejected", "unknown-user", 0]);
  equal(event.chain[0]?.answer, "rejected:realm not served");
  const { answer } = await setup.prove(stranger, true);
  ok(answer.kind === "verifiers" && answer.decoy);
  deepEqual(await setup.authenticator.lookup(stranger, new AbortController().signal), no("unknown-user"));
  for (const realm of ["baz.co.jp", "foobar.co.jp", "例え.jp"]) {
    equal((await setup.login({ local: "shin", realm }, "secret")).verdict.kind, "accepted", realm);
  }
});
