import assert from "node:assert/strict";
import { SpoolError } from "../../src/spool/spool_error.ts";
import type { Spool } from "../../src/spool/spool.ts";
import { contentOf, envelopeTo, namesIn, openTestSpool, patterned, store, tempDir } from "./fixture.ts";

const startWorker = (): Worker => new Worker(new URL("./dying_worker.ts", import.meta.url), { type: "module" });

Deno.test("when the Worker dies each waiting caller gets unavailable, and it is started again", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path, { startWorker });
  const { spool, events } = test;
  const id = await store(spool, envelopeTo("a@b.example"));
  await spool.claim(test.clock.time, 1, 60_000);
  // The first is under way alone; the others gather behind it and are one batch.
  const [first, doomed, waiting, attempt, list] = await Promise.all([
    spool.show(id),
    commit(spool, "dies-before"),
    commit(spool, "innocent"),
    problemOf(spool.attempt(id, [0])),
    problemOf(spool.list({}, { after: null, count: 10 })),
  ]);
  const unavailable = { ok: false, problem: "unavailable" };
  assert.equal(first?.id, id);
  assert.deepEqual([doomed, waiting], [unavailable, unavailable]);
  assert.deepEqual([attempt, list], ["unavailable", "unavailable"]);
  assert.ok(events.some((event) => event.kind === "alarm" && event.text.includes("dies before the batch")));

  assert.equal((await commit(spool, "innocent")).ok, true);
  assert.deepEqual((await spool.list({}, { after: null, count: 10 })).map((mail) => mail.account), [
    "shin@baz.co.jp",
    "innocent",
  ]);
  // The delivery in work goes on: its lease is still there, nobody else gets the mail, and its outcome can be kept.
  assert.ok((await spool.claim(test.clock.time, 10, 60_000)).every((mail) => mail.id !== id));
  await spool.settle(id, 0, { kind: "delivered", reply: "250" }, { due: 0, notice: null });
  assert.equal(await spool.show(id), null);
});

Deno.test("a mail that was committed but not acknowledged keeps its content file", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path, { startWorker });
  const content = patterned(300 * 1024);
  const committed = await commit(test.spool, "dies-after", content);
  assert.deepEqual(committed, { ok: false, problem: "unavailable" });
  test.clock.time += 10_000;
  const [mail] = await test.spool.list({}, { after: null, count: 10 });
  assert.ok(mail !== undefined);
  assert.deepEqual(await contentOf(test.spool, mail.id), content);
  assert.deepEqual(namesIn(`${dir.path}/content`), [mail.id]);
});

Deno.test("a Worker that ends without a word is noticed at the deadline", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path, { startWorker, batchDeadlineMs: 3000 });
  assert.deepEqual(await commit(test.spool, "dies-silently"), { ok: false, problem: "unavailable" });
  assert.equal((await commit(test.spool, "innocent")).ok, true);
});

Deno.test("while the Worker cannot start again everything is unavailable, and later it works", async () => {
  await using dir = await tempDir();
  let broken = false;
  const test = await openTestSpool(dir.path, {
    startWorker: () => {
      const script = broken ? "./not_there.ts" : "./dying_worker.ts";
      return new Worker(new URL(script, import.meta.url), { type: "module" });
    },
  });
  await using _open = test;
  const id = await store(test.spool, envelopeTo("a@b.example"));
  broken = true;
  assert.equal((await commit(test.spool, "dies-before")).ok, false);
  assert.equal(await problemOf(test.spool.show(id)), "unavailable");
  assert.equal((await test.spool.probe()).ok, false);
  broken = false;
  test.clock.time += 10_000;
  assert.equal((await test.spool.show(id))?.id, id);
  const alarms = test.events.filter(({ kind }) => kind === "alarm");
  assert.equal(alarms.length, 2, JSON.stringify(alarms));
});

async function commit(spool: Spool, account: string, content = patterned(100)) {
  await using draft = await spool.draft(envelopeTo("a@b.example"), account, { held: false, source: null });
  await draft.write(content);
  return await draft.commit();
}

async function problemOf(promise: Promise<unknown>): Promise<string | null> {
  try {
    await promise;
    return null;
  } catch (error) {
    assert.ok(error instanceof SpoolError);
    return error.problem;
  }
}
