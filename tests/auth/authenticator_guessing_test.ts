import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { LocalAccounts, UserName } from "../../src/backend.ts";
import { createAuthenticator } from "../../src/auth/create_authenticator.ts";
import { createSuccessCache } from "../../src/auth/success_cache.ts";
import { account, bench, ends, KEY, never, ORIGIN, outcomeOf, scripted, SHIN, withPassword } from "./lib.ts";

const NAME = "shin@baz.co.jp";
const STRANGER = { remote: "198.51.100.7" };
const user = (local: string): UserName => ({ local, realm: "baz.co.jp" });

Deno.test("mailu_2283: no mechanism is a way around the count", async () => {
  await using setup = bench({ backends: [withPassword("test", [NAME], "secret")] });
  const origin = STRANGER;
  await setup.login(SHIN, "1", { origin });
  await setup.login(SHIN, "2", { origin: { ...origin, mechanism: "LOGIN" } });
  for (const scheme of ["cram-md5", "digest-md5", "scram-sha-256"] as const) {
    await setup.prove(SHIN, false, { origin, scheme });
  }
  equal((await setup.login(SHIN, "3", { origin })).verdict.kind, "rejected", "the first after five has the slot");
  equal((await setup.login(SHIN, "secret", { origin })).verdict.kind, "delayed");
  equal((await setup.prove(SHIN, true, { origin })).verdict.kind, "delayed");
  equal((await setup.prove(SHIN, true, { origin: { ...origin, mechanism: "SCRAM-SHA-1" } })).event.result, "delayed");
  setup.clock.time += 10_000;
  equal((await setup.prove(SHIN, true, { origin })).verdict.kind, "accepted", "a right proof in its slot");
});

Deno.test("without the slot no backend sees the password", async () => {
  let asked = 0;
  await using setup = bench({
    backends: [scripted("test", () => {
      asked++;
      return { kind: "rejected", why: "wrong-secret" };
    })],
  });
  for (let guess = 0; guess < 20; guess++) await setup.login(SHIN, `${guess}`, { origin: STRANGER });
  equal(asked, 6);
  const delayed = ends(setup.events).filter(({ result }) => result === "delayed");
  equal(delayed.length, 14);
  ok(delayed.every(({ chain }) => chain.length === 0));
});

Deno.test("many guesses at once get no more than the free ones and the slot", async () => {
  const gate = Promise.withResolvers<void>();
  await using setup = bench({
    backends: [scripted("test", async (question) => {
      await gate.promise;
      const right = question.kind === "password" && question.password === "49";
      return right
        ? { kind: "accepted", account: account(NAME), credential: "c", version: "1" }
        : { kind: "rejected", why: "wrong-secret" };
    })],
  });
  const exchanges = Array.from({ length: 50 }, () => setup.authenticator.begin({ ...ORIGIN, ...STRANGER }, "s"));
  const answers = exchanges.map((exchange, at) =>
    exchange.ask({ kind: "password", user: SHIN, password: `${at}`, origin: ORIGIN }, never())
  );
  gate.resolve();
  const verdicts: string[] = [];
  for (const [at, exchange] of exchanges.entries()) {
    const outcome = outcomeOf(await answers[at]!, { user: SHIN, authzid: "" });
    verdicts.push((await exchange.conclude(outcome, `s.${at}`)).kind);
  }
  equal(verdicts.filter((kind) => kind === "rejected").length, 6);
  equal(verdicts.at(-1), "delayed", "the right one among them, too");
});

Deno.test("guesses that end in the same moment get no more than the free ones and the slot", async () => {
  await using setup = bench({ backends: [withPassword("test", [NAME], "secret")] });
  const proofs = Array.from({ length: 40 }, (_, at) => setup.prove(SHIN, at === 39, { origin: STRANGER }));
  const verdicts = (await Promise.all(proofs)).map(({ verdict }) => verdict.kind);
  equal(verdicts.filter((kind) => kind === "rejected").length, 6);
  equal(verdicts.at(-1), "delayed", "the right one among them, too");
});

Deno.test("two hundred right logins at once from a new network are all accepted", async () => {
  await using setup = bench({ backends: [withPassword("test", [NAME], "secret")] });
  const logins = Array.from({ length: 100 }, () => [
    setup.authenticator.begin({ ...ORIGIN, ...STRANGER }, "s"),
    setup.authenticator.begin({ ...ORIGIN, ...STRANGER, mechanism: "CRAM-MD5" }, "s"),
  ]).flat();
  const verdicts = await Promise.all(logins.map(async (exchange, at) => {
    const question = at % 2 === 0
      ? { kind: "password", user: SHIN, password: "secret", origin: ORIGIN } as const
      : { kind: "verifiers", user: SHIN, scheme: "cram-md5", origin: ORIGIN } as const;
    const answer = await exchange.ask(question, never());
    const proved = {
      kind: "proved",
      authcid: SHIN,
      authzid: "",
      account: account(NAME),
      credential: "c",
      proof: "password",
    } as const;
    ok(answer.kind === "accepted" || answer.kind === "verifiers");
    return (await exchange.conclude(proved, `s.${at}`)).kind;
  }));
  equal(verdicts.filter((kind) => kind === "accepted").length, 200);
});

Deno.test("a wrong secret is counted while another backend is down, though the answer is 454", async () => {
  const down = scripted("down", () => ({ kind: "unavailable", cause: "down" }));
  await using setup = bench({ backends: [withPassword("test", [NAME], "secret"), down] });
  for (let guess = 0; guess < 5; guess++) {
    deepEqual((await setup.login(SHIN, `${guess}`, { origin: STRANGER })).verdict, { kind: "unavailable" });
  }
  equal((await setup.login(SHIN, "5", { origin: STRANGER })).verdict.kind, "unavailable");
  equal((await setup.login(SHIN, "secret", { origin: STRANGER })).verdict.kind, "delayed");
});

Deno.test("an outage alone is nobody's guess", async () => {
  let down = true;
  const right = withPassword("test", [NAME], "secret");
  await using setup = bench({
    backends: [
      scripted(
        "test",
        (question, signal) => down ? { kind: "unavailable", cause: "down" } : right.ask(question, signal),
      ),
    ],
  });
  for (let attempt = 0; attempt < 30; attempt++) await setup.login(SHIN, `${attempt}`, { origin: STRANGER });
  for (let attempt = 0; attempt < 30; attempt++) await setup.login(user(`u${attempt}`), "x", { origin: STRANGER });
  down = false;
  equal((await setup.login(SHIN, "secret", { origin: STRANGER })).verdict.kind, "accepted");
  ok(setup.waits.every((ms) => ms < 1000));
});

Deno.test("the case of a name is no way around the count", async () => {
  await using setup = bench({ backends: [withPassword("test", [NAME], "secret")] });
  for (const [at, local] of ["shin", "Shin", "SHIN", "sHin", "shIn"].entries()) {
    await setup.login(user(local), `${at}`, { origin: STRANGER });
  }
  await setup.login(SHIN, "x", { origin: STRANGER });
  equal((await setup.login(SHIN, "secret", { origin: STRANGER })).verdict.kind, "delayed");
});

Deno.test("a guessing network waits a minute for each reply, fifty connections at most; the next get 454", async () => {
  const [allHeld, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let waiting = 0;
  await using setup = bench({
    backends: [withPassword("test", [NAME], "secret")],
    wait: (ms) => {
      if (ms < 60_000) return Promise.resolve();
      if (++waiting === 50) allHeld.resolve();
      return gate.promise;
    },
  });
  for (let account = 0; account < 19; account++) await setup.login(user(`u${account}`), "x", { origin: STRANGER });
  const held = Array.from({ length: 50 }, (_, at) => setup.login(user(`h${at}`), "x", { origin: STRANGER }));
  await allHeld.promise;
  const beyond = await setup.authenticator.begin({ ...ORIGIN, ...STRANGER }, "s").conclude(
    { kind: "failed", authcid: user("more"), why: "wrong-secret", detail: "" },
    "s.1",
  );
  deepEqual(beyond, { kind: "delayed" });
  equal(
    (await setup.login(SHIN, "secret", { origin: STRANGER })).verdict.kind,
    "accepted",
    "a right password does not wait",
  );
  gate.resolve();
  ok((await Promise.all(held)).every(({ verdict }) => verdict.kind === "rejected"));
  match(ends(setup.events).find(({ reason }) => reason.includes("waits"))?.reason ?? "", /reply waits 60 s$/);
});

Deno.test("a wait ends when the client goes or the authenticator is disposed", async () => {
  for (const how of ["exchange", "authenticator"] as const) {
    const setup = bench({ backends: [withPassword("test", [], "")] });
    const guessing = { ...setup.guessing, failed: () => Promise.resolve({ delayMs: 3_600_000 }) };
    const held = Promise.withResolvers<void>();
    const authenticator = createAuthenticator({
      config: {
        defaultRealm: "baz.co.jp",
        backends: [],
        sasl: {
          ...{ pwcheckMethod: [], realms: [], trustMech: [], userCaseSensitive: true, outageIsRejection: false },
          ...{ legacyVerifiers: true, appPasswordOutage: false },
        },
      },
      backends: [],
      guessing,
      cache: createSuccessCache({ key: KEY }),
      log: () => held.resolve(),
      clock: setup.clock,
      key: KEY,
    });
    const exchange = authenticator.begin(ORIGIN, "s");
    const verdict = exchange.conclude({ kind: "failed", authcid: SHIN, why: "wrong-secret", detail: "" }, "s.1");
    await held.promise;
    if (how === "exchange") exchange[Symbol.dispose]();
    else await authenticator[Symbol.asyncDispose]();
    deepEqual(await verdict, { kind: "rejected" });
    await setup[Symbol.asyncDispose]();
  }
});

Deno.test("a counter that fails keeps nobody out and raises an alarm", async () => {
  await using setup = bench({ backends: [withPassword("test", [NAME], "secret")] });
  const broken = () => Promise.reject(new Error("database or disk is full"));
  Object.assign(setup.guessing, { slot: broken, failed: broken, failedWithoutSlot: broken, succeeded: broken });
  equal((await setup.login(SHIN, "secret")).verdict.kind, "accepted");
  equal((await setup.login(SHIN, "guess")).verdict.kind, "rejected");
  ok(setup.events.some((event) => event.kind === "alarm" && event.text.includes("disk is full")));
});

Deno.test("no password is in any event, whatever happens", async () => {
  const password = "Tr0ub4dor&3";
  const local: LocalAccounts = {
    standing: () => Promise.reject(new Error(`no row for ${password}`)),
    used: () => {},
    spend: () => Promise.reject(new Error(password)),
  };
  for (const accepted of [true, false]) {
    await using setup = bench({ backends: [{ ...withPassword("test", accepted ? [NAME] : [], password), local }] });
    await setup.login(SHIN, password);
    await setup.login(SHIN, password);
    ok(setup.events.some(({ kind }) => kind === "bug"));
    ok(!JSON.stringify(setup.events).includes(password));
  }
});
