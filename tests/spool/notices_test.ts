/**
 * What is to be told of a mail, between the outcome that causes it and the mail that tells it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { salvage } from "../../src/spool/verify.ts";
import type { DeliveryOutcome, Notice } from "../../src/spool/spool.ts";
import { SpoolError } from "../../src/spool/spool_error.ts";
import { contentOf, envelopeTo, namesIn, noticeOf, openTestSpool, patterned, store, tempDir } from "./fixture.ts";

const LEASE_MS = 60_000;
const FAILED: DeliveryOutcome = { kind: "failed", reply: "550 5.1.1 No", enhanced: "5.1.1" };
const DEFERRED: DeliveryOutcome = { kind: "deferred", reply: "451 4.3.0 Later", cause: "refused" };
const DELIVERED: DeliveryOutcome = { kind: "delivered", reply: "250 2.0.0 Ok" };
const NO_NOTICE = { due: 0, notice: null };
const FAILURE = { due: 0, notice: noticeOf("failed") };

function report(size: number): Notice {
  return { envelope: { ...envelopeTo("shin@baz.co.jp"), reversePath: null }, content: patterned(size) };
}

Deno.test("an outcome and its notice are kept together; the mail stays until that is told, once", async () => {
  for (const size of [500, 300 * 1024]) {
    await using dir = await tempDir();
    await using test = await openTestSpool(dir.path);
    const { spool, clock } = test;
    const id = await store(spool, envelopeTo("a@b.example", "c@d.example"), { content: patterned(size) });
    await spool.claim(clock.time, 1, LEASE_MS);
    for (const recipient of [0, 1]) await spool.settle(id, recipient, FAILED, FAILURE);
    await spool.settle(id, 0, FAILED, FAILURE);
    assert.deepEqual(await spool.mailsToNotify(), [id]);
    const due = await spool.dueNotices(id);
    assert.deepEqual(due?.notices, [0, 1].map((recipient) => ({ recipient, ...noticeOf("failed") })));
    assert.deepEqual(await contentOf(spool, id), patterned(size));
    assert.deepEqual(await spool.claim(clock.time, 10, LEASE_MS), [], "nobody is to get it any more");

    const calls = test.due.count;
    await spool.notify(id, due?.notices ?? [], [report(size)]);
    assert.equal(test.due.count, calls + 1);
    assert.deepEqual([await spool.show(id), await spool.dueNotices(id)], [null, null]);
    assert.deepEqual(await spool.mailsToNotify(), []);
    const [bounce, ...rest] = await spool.claim(clock.time, 10, LEASE_MS);
    assert.ok(bounce !== undefined);
    assert.deepEqual(rest, []);
    assert.deepEqual([bounce.envelope, bounce.account, bounce.notice], [report(size).envelope, null, true]);
    assert.deepEqual(await contentOf(spool, bounce.id), report(size).content);
    await spool.remove(bounce.id);
    assert.deepEqual(namesIn(`${dir.path}/content`), []);
  }
});

Deno.test("what is told already is refused whole, and leaves nothing behind", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const id = await store(spool, envelopeTo("a@b.example", "c@d.example"));
  await spool.settle(id, 0, FAILED, FAILURE);
  const told = [{ recipient: 0, action: "failed" }] as const;
  await spool.notify(id, told, [report(300)]);
  const refused = (error: unknown) => error instanceof SpoolError && error.problem === "not-there";
  await assert.rejects(spool.notify(id, told, [report(300 * 1024)]), refused);
  await spool.settle(id, 1, FAILED, FAILURE);
  await assert.rejects(spool.notify(id, [...told, { recipient: 1, action: "failed" }], [report(300)]), refused);
  assert.deepEqual((await spool.dueNotices(id))?.notices.map(({ recipient }) => recipient), [1]);
  const claimed = await spool.claim(clock.time, 10, LEASE_MS);
  assert.deepEqual(claimed.map(({ notice }) => notice), [true], "one report");
  // The content of a refused one goes with the next COMMIT.
  assert.deepEqual(namesIn(`${dir.path}/content`), []);
});

Deno.test("a delay is told once, also over a restart; a failure after it is told as well", async () => {
  await using dir = await tempDir();
  const delay = { due: 1_800_000_000_000, notice: noticeOf("delayed") };
  let id = "";
  {
    await using test = await openTestSpool(dir.path);
    id = await store(test.spool, envelopeTo("a@b.example"));
    await test.spool.settle(id, 0, DEFERRED, delay);
  }
  await using test = await openTestSpool(dir.path);
  const { spool } = test;
  assert.deepEqual(await spool.mailsToNotify(), [id], "what the earlier process has left");
  await spool.notify(id, [{ recipient: 0, action: "delayed" }], [report(100)]);
  await spool.settle(id, 0, DEFERRED, delay);
  assert.deepEqual(await spool.mailsToNotify(), []);
  await spool.settle(id, 0, FAILED, FAILURE);
  const due = await spool.dueNotices(id);
  assert.deepEqual(due?.notices.map(({ action }) => action), ["failed"]);
  await spool.notify(id, due?.notices ?? [], []);
  assert.equal(await spool.show(id), null);
});

Deno.test("a mail that is deleted with notices due goes when they are told", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const id = await store(spool, envelopeTo("a@b.example", "c@d.example", "e@f.example"));
  await spool.settle(id, 0, FAILED, FAILURE);
  await spool.settle(id, 1, DEFERRED, { due: clock.time, notice: noticeOf("delayed") });
  assert.equal(await spool.remove(id), true);
  assert.deepEqual((await spool.show(id))?.recipients.map(({ state }) => state), ["failed"]);
  assert.deepEqual(await spool.claim(clock.time, 10, LEASE_MS), []);
  const due = await spool.dueNotices(id);
  await spool.notify(id, due?.notices ?? [], [report(100)]);
  assert.equal(await spool.show(id), null);
  assert.equal(await spool.remove(id), false);
});

Deno.test("without notices a mail ends with its last recipient, whatever was told before", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const id = await store(spool, envelopeTo("a@b.example"));
  await spool.settle(id, 0, DEFERRED, { due: clock.time, notice: noticeOf("delayed") });
  await spool.notify(id, [{ recipient: 0, action: "delayed" }], []);
  await spool.settle(id, 0, DELIVERED, NO_NOTICE);
  assert.equal(await spool.show(id), null);
});

Deno.test("salvage keeps what is due to be told", async () => {
  await using dir = await tempDir();
  let id = "";
  {
    await using test = await openTestSpool(dir.path);
    id = await store(test.spool, envelopeTo("a@b.example"));
    await test.spool.settle(id, 0, FAILED, FAILURE);
  }
  await using other = await tempDir();
  const saved = salvage(`${dir.path}/spool.sqlite`, `${other.path}/spool.sqlite`);
  assert.deepEqual(saved, { ok: true, value: { mails: 1, lost: [] } });
  await using test = await openTestSpool(other.path);
  assert.deepEqual(await test.spool.mailsToNotify(), [id]);
  assert.equal((await test.spool.dueNotices(id))?.notices.length, 1);
});
