import assert from "node:assert/strict";
import { contentOf, envelopeTo, namesIn, openTestSpool, patterned, store, tempDir } from "./fixture.ts";

const LEASE_MS = 60_000;
const REFUSED = { kind: "deferred", reply: "451 4.7.1 Later", cause: "refused" } as const;
const DELIVERED = { kind: "relayed", reply: "250 2.0.0 Taken" } as const;
const HOP = { route: "smarthost", host: "smtp.example.net" };

Deno.test("what was tried is told by recipient, the last 20 times, and goes with the mail", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const id = await store(spool, envelopeTo("a@b.example", "c@d.example"));
  assert.deepEqual(await spool.history(id), []);
  const first = clock.time;
  for (let round = 0; round < 25; round++) {
    await spool.settle(id, 0, { ...REFUSED, reply: `451 ${round}` }, { due: clock.time, notice: null, hop: HOP });
    clock.time += 1000;
  }
  await spool.settle(id, 1, { kind: "failed", reply: "550 5.1.1 No", enhanced: "5.1.1" }, { due: 0, notice: null });
  // An outcome that changes nothing is no attempt.
  await spool.settle(id, 1, DELIVERED, { due: 0, notice: null, hop: HOP });
  const history = await spool.history(id);
  assert.deepEqual(history.filter(({ recipient }) => recipient === 1), [
    { recipient: 1, at: clock.time, route: null, host: null, outcome: "failed", reply: "550 5.1.1 No" },
  ]);
  const tried = history.filter(({ recipient }) => recipient === 0);
  assert.deepEqual(tried.map(({ reply }) => reply), Array.from({ length: 20 }, (_, at) => `451 ${at + 5}`));
  assert.deepEqual(tried[0], {
    ...{ recipient: 0, at: first + 5000, ...HOP, outcome: "deferred", reply: "451 5" },
  });
  await spool.settle(id, 0, DELIVERED, { due: 0, notice: null, hop: HOP });
  assert.deepEqual(await spool.history(id), []);
  assert.equal(await spool.show(id), null);
});

Deno.test("many mails are changed at once, whole or for some recipients", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const both = await store(spool, envelopeTo("a@b.example", "c@d.example"));
  const one = await store(spool, envelopeTo("a@b.example"));
  const later = clock.time + 5000;
  for (const recipient of [0, 1]) await spool.settle(both, recipient, REFUSED, { due: later, notice: null });
  const states = async (id: string) => (await spool.show(id))?.recipients.map(({ state, due }) => [state, due]);

  assert.deepEqual(
    await spool.change("retry", [{ mail: both, recipients: [1] }, { mail: "nobody", recipients: null }]),
    ["changed", "unknown"],
  );
  assert.deepEqual(await states(both), [["waiting", later], ["waiting", clock.time]]);
  assert.deepEqual(
    await spool.change("hold", [{ mail: both, recipients: [0] }, { mail: one, recipients: null }]),
    ["changed", "changed"],
  );
  assert.deepEqual(await states(both), [["held", later], ["waiting", clock.time]]);
  assert.deepEqual(await spool.change("hold", [{ mail: one, recipients: null }]), ["unchanged"]);
  assert.deepEqual((await spool.claim(clock.time, 10, LEASE_MS)).map(({ id }) => id), [both]);
  await spool.unclaim(both);
  const due = test.due.count;
  assert.deepEqual(await spool.change("release", [{ mail: one, recipients: null }]), ["changed"]);
  assert.ok(test.due.count > due, "nobody was told that it is due");
  assert.deepEqual(new Set((await spool.claim(clock.time, 10, LEASE_MS)).map(({ id }) => id)), new Set([both, one]));

  // The other recipient goes on.
  assert.deepEqual(await spool.change("delete", [{ mail: both, recipients: [1] }]), ["changed"]);
  assert.deepEqual(await states(both), [["held", later]]);
  assert.equal(await spool.renew(both, LEASE_MS), true, "it is still in work");
  assert.deepEqual(
    await spool.change("delete", [{ mail: both, recipients: [0, 1] }, { mail: one, recipients: null }]),
    ["changed", "changed"],
  );
  assert.deepEqual(await spool.list({}, { after: null, count: 10 }), []);
});

Deno.test("the queue is looked through piece by piece, however few mails fit", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool } = test;
  const ids = [];
  for (let at = 0; at < 25; at++) {
    ids.push(
      await store(spool, envelopeTo(`x@${at % 10 === 7 ? "Rare" : "common"}.example`), { account: `u${at % 2}` }),
    );
  }
  const pieces = [];
  for (let after: string | null = null;;) {
    const { mails, next } = await spool.scan({ domain: "rare.EXAMPLE" }, { after, count: 10 });
    pieces.push(mails.map(({ id }) => id));
    if (next === null) break;
    after = next;
  }
  assert.deepEqual(pieces, [[ids[7]], [ids[17]], []]);
  const { mails, next } = await spool.scan({ account: "u1" }, { after: null, count: 1000 });
  assert.deepEqual(mails.map(({ id }) => id), ids.filter((_, at) => at % 2 === 1));
  assert.equal(next, null);
  // As many as were asked for, to the last: the next look finds the end.
  const all = await spool.scan({}, { after: null, count: 25 });
  assert.equal(all.next, ids[24]);
  assert.deepEqual(await spool.scan({}, { after: all.next, count: 25 }), { mails: [], next: null });
});

Deno.test("a mail is taken back by its account alone, and not while it is handed over", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const id = await store(spool, envelopeTo("a@b.example", "c@d.example"), { content: patterned(400_000) });
  assert.equal(await spool.cancel(id, "yuki@baz.co.jp"), "unknown");
  assert.equal(await spool.cancel("nobody", "shin@baz.co.jp"), "unknown");
  await spool.claim(clock.time, 1, LEASE_MS);
  await spool.attempt(id, [1]);
  assert.equal(await spool.cancel(id, "shin@baz.co.jp"), "attempting");
  assert.equal((await contentOf(spool, id)).length, 400_000);
  await spool.settle(id, 1, REFUSED, { due: clock.time, notice: null });
  // In work, but the dot is not sent yet: from here on it must not be.
  assert.equal(await spool.cancel(id, "shin@baz.co.jp"), "removed");
  await assert.rejects(spool.attempt(id, [0]), { problem: "not-there" });
  assert.deepEqual(namesIn(`${dir.path}/content`), []);
  assert.equal(await spool.cancel(id, "shin@baz.co.jp"), "unknown");
  const ours = await store(spool, envelopeTo("a@b.example"), { account: null });
  assert.equal(await spool.cancel(ours, ""), "unknown");
});
