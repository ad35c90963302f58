import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type Entry, Gate } from "../../src/auth/gate.ts";
import type { Answer, Backend } from "../../src/backend.ts";
import { account, bench, never, ORIGIN, scripted, SHIN, withPassword } from "./lib.ts";

const NAME = "shin@baz.co.jp";
const ANSWER = { kind: "answer" } as const;
const NOTHING = { kind: "nothing" } as const;
const OUTAGE = { kind: "outage", cause: "connection refused" } as const;

async function inside(gate: Gate): Promise<Extract<Entry, { readonly kind: "inside" }>> {
  const entry = await gate.enter(never());
  ok(entry.kind === "inside", JSON.stringify(entry));
  return entry;
}

async function refusal(gate: Gate): Promise<string> {
  const entry = await gate.enter(never());
  ok(entry.kind === "refused");
  return entry.cause;
}

Deno.test("so many are inside at a time, and the others come in by their order", async () => {
  const gate = new Gate({ concurrency: 2 });
  const [first, second] = [await inside(gate), await inside(gate)];
  const order: string[] = [];
  const third = inside(gate).then((entry) => (order.push("third"), entry));
  const fourth = inside(gate).then((entry) => (order.push("fourth"), entry));
  await Promise.resolve();
  deepEqual(order, []);
  second.heard(ANSWER);
  second.release();
  await third;
  deepEqual(order, ["third"]);
  first.release();
  await fourth;
  deepEqual(order, ["third", "fourth"]);
});

Deno.test("who waits obeys the signal and leaves no hole; beyond the bound nobody waits", async () => {
  const gate = new Gate({ concurrency: 1, waiting: 2 });
  const first = await inside(gate);
  const leaving = new AbortController();
  const gone = gate.enter(leaving.signal);
  const staying = inside(gate);
  equal(await refusal(gate), "busy: too many questions wait for it");
  leaving.abort();
  deepEqual(await gone, { kind: "refused", cause: "busy: no place became free" });
  first.release();
  (await staying).release();
  (await inside(gate)).release();
});

Deno.test("after an outage one goes in at a time, and everybody else is refused at once with the cause", async () => {
  const changes: (string | null)[] = [];
  const gate = new Gate({ concurrency: 2, onChange: (cause) => changes.push(cause) });
  const [first, second] = [await inside(gate), await inside(gate)];
  const waiting = refusal(gate);
  first.heard(OUTAGE);
  first.release();
  const cause = "not asked while it is down: connection refused";
  equal(await waiting, cause, "who waits is told at once");
  const probe = await inside(gate);
  equal(await refusal(gate), cause);
  probe.heard({ kind: "outage", cause: "no route" });
  probe.release();
  const next = await inside(gate);
  match(await refusal(gate), /no route$/);
  next.heard(NOTHING);
  next.release();
  const last = await inside(gate);
  last.heard(ANSWER);
  last.release();
  deepEqual(changes, ["connection refused", null]);
  second.heard(OUTAGE);
  second.release();
  deepEqual(changes, ["connection refused", null], "who went in before the recovery brings old news");
  const both = [await inside(gate), await inside(gate)];
  equal(both.length, 2);
});

Deno.test("an answer to whoever is still inside ends the outage too", async () => {
  const gate = new Gate({ concurrency: 3 });
  const [first, second] = [await inside(gate), await inside(gate)];
  first.heard(OUTAGE);
  first.release();
  second.heard(ANSWER);
  second.release();
  await inside(gate);
  await inside(gate);
  await inside(gate);
});

Deno.test("questions that a backend does not give back keep their places, also from the probe", async () => {
  const gate = new Gate({ concurrency: 1 });
  const first = await inside(gate);
  first.heard(OUTAGE);
  match(await refusal(gate), /down/);
  first.release();
  (await inside(gate)).release();
});

const yes: Answer = { kind: "accepted", account: account(NAME, "far"), credential: "c", version: "1" };
const down: Answer = { kind: "unavailable", cause: "connection refused" };

/** A backend elsewhere whose questions a test answers one by one. */
function held(name: string): { readonly backend: Backend; readonly asked: ((answer: Answer) => void)[] } {
  const asked: ((answer: Answer) => void)[] = [];
  return { asked, backend: scripted(name, () => new Promise((resolve) => asked.push(resolve))) };
}

/** Lets everything go as far as it can. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("while a backend is down one login waits for it, and the others are told at once", async () => {
  const { backend, asked } = held("far");
  await using setup = bench({ backends: [backend], guessing: { enabled: false } });
  const first = setup.login(SHIN, "secret");
  await settle();
  asked[0]!(down);
  equal((await first).verdict.kind, "unavailable");
  const probe = setup.login(SHIN, "secret");
  await settle();
  equal(asked.length, 2);
  const others = await Promise.all(Array.from({ length: 20 }, () => setup.login(SHIN, "secret")));
  for (const { verdict, event } of others) {
    equal(verdict.kind, "unavailable");
    equal(event.chain[0]?.answer, "unavailable:not asked while it is down: connection refused");
  }
  const looked = await setup.authenticator.lookup(SHIN, never());
  equal(looked.kind, "unavailable", "a look-up is told at once too");
  equal(asked.length, 2);
  asked[1]!(yes);
  equal((await probe).verdict.kind, "accepted");
  const many = Array.from({ length: 16 }, () => setup.login(SHIN, "secret"));
  await settle();
  equal(asked.length, 18);
  for (const answer of asked) answer(yes);
  for (const { verdict } of await Promise.all(many)) equal(verdict.kind, "accepted");
  const told = setup.events.filter(({ kind }) => kind === "backend-down" || kind === "backend-up");
  deepEqual(told, [
    { kind: "backend-down", backend: "far", reason: "connection refused" },
    { kind: "backend-up", backend: "far" },
  ]);
});

Deno.test("the section's concurrency is the cap, and the wait for a place is part of the deadline", async () => {
  const { backend, asked } = held("far");
  const sections = { far: { concurrency: 2, deadlineMs: 50 } };
  await using setup = bench({ backends: [backend], sections, guessing: { enabled: false } });
  const logins = Array.from({ length: 5 }, () => setup.login(SHIN, "secret"));
  await settle();
  equal(asked.length, 2);
  const answers = (await Promise.all(logins)).map(({ event }) => event.chain[0]?.answer);
  deepEqual(answers.filter((answer) => answer === "unavailable:no answer within 50 ms").length, 2);
  ok(answers.every((answer) => answer?.startsWith("unavailable:")), JSON.stringify(answers));
  equal(asked.length, 2, "the backend never gave a place back");
  for (const answer of asked) answer(yes);
  await settle();
  const after = setup.login(SHIN, "secret");
  await settle();
  asked[2]!(yes);
  equal((await after).verdict.kind, "accepted");
});

Deno.test("a question that a backend stumbles over closes the gate for nobody", async () => {
  const backend = scripted("far", (question) => {
    if (question.kind === "password" && question.password === "poison") throw new RangeError("bug");
    return yes;
  });
  await using setup = bench({ backends: [backend], guessing: { enabled: false } });
  const [bad, good] = await Promise.all([setup.login(SHIN, "poison"), setup.login(SHIN, "secret")]);
  deepEqual([bad.verdict.kind, good.verdict.kind], ["unavailable", "accepted"]);
  ok(!setup.events.some(({ kind }) => kind === "backend-down"));
});

Deno.test("a client that goes says nothing of the backend", async () => {
  const { backend, asked } = held("far");
  await using setup = bench({ backends: [backend] });
  const client = new AbortController();
  using exchange = setup.authenticator.begin(ORIGIN, "s");
  const question = { kind: "password", user: SHIN, password: "secret", origin: ORIGIN } as const;
  const answer = exchange.ask(question, client.signal);
  await settle();
  client.abort();
  equal((await answer).kind, "unavailable");
  const next = setup.login(SHIN, "secret");
  await settle();
  for (const each of asked) each(yes);
  equal((await next).verdict.kind, "accepted");
  ok(!setup.events.some(({ kind }) => kind === "backend-down"));
});

Deno.test("a backend on this machine has no gate", async () => {
  let most = 0;
  let now = 0;
  const slow = scripted("here", async () => {
    most = Math.max(most, ++now);
    await settle();
    now--;
    return { ...yes, account: account(NAME, "here") };
  }, {
    local: { standing: () => Promise.resolve(null), used: () => {}, spend: () => Promise.resolve() },
  });
  await using setup = bench({ backends: [slow], sections: { here: { concurrency: 1 } }, guessing: { enabled: false } });
  await Promise.all(Array.from({ length: 5 }, () => setup.login(SHIN, "secret")));
  equal(most, 5);
});

Deno.test("with one backend down the accounts of the other log in at once, and no answer is wrong", async () => {
  const far = scripted("far", () => down);
  const setup = bench({ backends: [far, withPassword("here", [NAME], "secret")], guessing: { enabled: false } });
  await using _setup = setup;
  const hanako = { local: "hanako", realm: "baz.co.jp" };
  const logins = await Promise.all(
    Array.from({ length: 30 }, (_, at) => at % 3 === 0 ? setup.login(hanako, "x") : setup.login(SHIN, "secret")),
  );
  for (const [at, { verdict }] of logins.entries()) equal(verdict.kind, at % 3 === 0 ? "unavailable" : "accepted");
});
