import assert from "node:assert/strict";
import { envelopeTo, openTestSpool, patterned, store, tempDir } from "./fixture.ts";

const LEASE_MS = 60_000;

Deno.test("census counts recipients without a final state by state and domain, and mails with their octets", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const empty = await spool.census();
  assert.deepEqual({ ...empty, freeOctets: 0 }, { recipients: [], mails: 0, octets: 0, oldest: null, freeOctets: 0 });
  assert.ok(empty.freeOctets > 0);

  const first = await store(spool, envelopeTo("a@baz.example", "b@Baz.example", "c@bücher.example"), {
    content: patterned(1000, 1),
  });
  clock.time += 1000;
  await store(spool, envelopeTo("a@baz.example"), { content: patterned(300_000, 2) });
  await store(spool, envelopeTo("postmaster", "d@baz.example"), { content: patterned(10, 3), held: true });
  const sorted = async () => {
    const { recipients, ...rest } = await spool.census();
    const lines = recipients.map(({ state, domain, count }) => `${state} ${domain} ${count}`).toSorted();
    return { lines, rest: { ...rest, freeOctets: 0 } };
  };
  assert.deepEqual(await sorted(), {
    lines: ["held baz.example 1", "held postmaster 1", "waiting baz.example 3", "waiting xn--bcher-kva.example 1"],
    rest: { mails: 3, octets: 301_010, oldest: clock.time - 1000, freeOctets: 0 },
  });

  // What has come to its end is no part of it, though its mail is still there.
  await spool.claim(clock.time, 10, LEASE_MS);
  await spool.attempt(first, [0, 1]);
  await spool.settle(first, 0, { kind: "delivered", reply: "250" }, { due: 0, notice: null });
  assert.deepEqual((await sorted()).lines, [
    "attempting baz.example 1",
    "held baz.example 1",
    "held postmaster 1",
    "waiting baz.example 1",
    "waiting xn--bcher-kva.example 1",
  ]);
  assert.equal((await sorted()).rest.oldest, clock.time - 1000);
  // A mail that somebody holds does not wait.
  await spool.hold(first);
  assert.equal((await sorted()).rest.oldest, clock.time);
  await spool.remove(first);
  assert.equal((await sorted()).rest.mails, 2);
});

Deno.test("onCommit is told how many mails share a COMMIT, and of no batch without any", async () => {
  await using dir = await tempDir();
  const sizes: number[] = [];
  await using test = await openTestSpool(dir.path, { onCommit: (mails) => sizes.push(mails) });
  const { spool, clock } = test;
  await Promise.all(Array.from({ length: 50 }, () => store(spool, envelopeTo("a@b.example"))));
  assert.equal(sizes.reduce((sum, size) => sum + size, 0), 50);
  assert.ok(Math.max(...sizes) > 1, `each alone: ${sizes.join(" ")}`);
  const before = sizes.length;
  await spool.probe();
  await spool.census();
  const [mail] = await spool.claim(clock.time, 1, LEASE_MS);
  assert.ok(mail);
  await spool.attempt(mail.id, [0]);
  await spool.settle(mail.id, 0, { kind: "delivered", reply: "250" }, { due: 0, notice: null });
  assert.equal(sizes.length, before);
});
