import assert from "node:assert/strict";
import type { DeliveryOutcome, QueuedMail } from "../../src/spool/spool.ts";
import { SpoolError } from "../../src/spool/spool_error.ts";
import { envelopeTo, namesIn, noticeOf, openTestSpool, patterned, store, tempDir } from "./fixture.ts";

const LEASE_MS = 60_000;
const DELIVERED: DeliveryOutcome = { kind: "delivered", reply: "250 2.0.0 Ok" };
const DEFERRED: DeliveryOutcome = { kind: "deferred", reply: "451 4.3.0 Later", cause: "refused" };
const FAILED: DeliveryOutcome = { kind: "failed", reply: "550 5.1.1 No", enhanced: "5.1.1" };
const NO_NOTICE = { due: 0, notice: null };

Deno.test("a leased mail is nobody else's until it is given back or the lease ends", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const id = await store(spool, envelopeTo("a@b.example"));
  assert.equal(await spool.nextDue(), clock.time);
  const [claims, others] = await Promise.all([
    spool.claim(clock.time, 10, LEASE_MS),
    spool.claim(clock.time, 10, LEASE_MS),
  ]);
  assert.deepEqual([idsOf(claims), idsOf(others)], [[id], []]);
  assert.equal(await spool.nextDue(), null);
  assert.equal(await spool.renew(id, 2 * LEASE_MS), true);
  clock.time += LEASE_MS;
  assert.deepEqual(await spool.claim(clock.time, 10, LEASE_MS), []);
  clock.time += LEASE_MS;
  assert.deepEqual(idsOf(await spool.claim(clock.time, 10, LEASE_MS)), [id]);
  await spool.unclaim(id);
  assert.equal(await spool.renew(id, LEASE_MS), false);
  assert.deepEqual(idsOf(await spool.claim(clock.time, 10, LEASE_MS)), [id]);
});

Deno.test("claims respect the limit and take what is due longest first, but nothing that is not due", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const ids: string[] = [];
  for (let at = 0; at < 5; at++) {
    ids.push(await store(spool, envelopeTo("a@b.example", "c@d.example")));
    clock.time += 10;
  }
  assert.deepEqual(idsOf(await spool.claim(clock.time - 20, 3, LEASE_MS)), ids.slice(0, 3));
  assert.deepEqual(idsOf(await spool.claim(clock.time - 20, 3, LEASE_MS)), ids.slice(3, 4));
  assert.deepEqual(await spool.claim(clock.time, 0, LEASE_MS), []);
  assert.equal(await spool.nextDue(), clock.time - 10);
});

Deno.test("a deferred recipient waits with one attempt more; the mail ends with its last recipient", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const content = patterned(300 * 1024);
  const id = await store(spool, envelopeTo("a@b.example", "c@d.example"), { content });
  await spool.claim(clock.time, 1, LEASE_MS);
  await spool.attempt(id, [0, 1]);
  assert.deepEqual((await spool.show(id))?.recipients.map(({ state }) => state), ["attempting", "attempting"]);
  await spool.settle(id, 0, DELIVERED, NO_NOTICE);
  const due = clock.time + 300_000;
  await spool.settle(id, 1, DEFERRED, { due, notice: null });
  await spool.unclaim(id);
  const [first, second] = (await spool.show(id))?.recipients ?? [];
  assert.deepEqual([first?.state, first?.lastReply], ["delivered", DELIVERED.reply]);
  assert.deepEqual([second?.state, second?.attempts, second?.due], ["waiting", 1, due]);
  assert.equal(second?.lastReply, DEFERRED.reply);
  assert.equal(await spool.nextDue(), due);
  assert.deepEqual(await spool.claim(due - 1, 1, LEASE_MS), []);
  assert.deepEqual(idsOf(await spool.claim(due, 1, LEASE_MS)), [id]);
  await spool.settle(id, 1, DELIVERED, NO_NOTICE);
  assert.equal(await spool.show(id), null);
  assert.equal(await spool.renew(id, LEASE_MS), false);
  assert.deepEqual(namesIn(`${dir.path}/content`), []);
});

Deno.test("two recipients with one forward-path have their own states", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const envelope = envelopeTo("a@b.example", "a@b.example");
  const id = await store(test.spool, envelope);
  await test.spool.settle(id, 1, DELIVERED, NO_NOTICE);
  const mail = await test.spool.show(id);
  assert.deepEqual(mail?.recipients.map(({ state }) => state), ["waiting", "delivered"]);
  assert.deepEqual(mail.envelope, envelope);
});

Deno.test("an attempt of a recipient that was removed, held or finished is refused whole", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool } = test;
  const id = await store(spool, envelopeTo("a@b.example", "c@d.example"));
  await spool.settle(id, 1, DELIVERED, NO_NOTICE);
  const refused = (error: unknown) => error instanceof SpoolError && error.problem === "not-there";
  await assert.rejects(spool.attempt(id, [0, 1]), refused);
  assert.equal((await spool.show(id))?.recipients[0]?.state, "waiting");
  await spool.hold(id);
  await assert.rejects(spool.attempt(id, [0]), refused);
  await spool.remove(id);
  await assert.rejects(spool.attempt(id, [0]), refused);
  await spool.settle(id, 0, FAILED, { due: 0, notice: noticeOf("failed") });
  assert.deepEqual(await spool.list({}, { after: null, count: 10 }), []);
});

Deno.test("a held mail is not claimed until it is released; held during an attempt, it stays held", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const id = await store(spool, envelopeTo("a@b.example"), { held: true });
  assert.equal(test.due.count, 0);
  assert.equal(await spool.nextDue(), null);
  assert.deepEqual(await spool.claim(clock.time, 10, LEASE_MS), []);
  assert.equal(await spool.retry(id), 0);
  assert.equal(await spool.hold(id), false, "it is held already");
  assert.equal(await spool.release(id), true);
  assert.equal(await spool.release(id), false, "it is not held any more");
  assert.deepEqual(idsOf(await spool.claim(clock.time, 10, LEASE_MS)), [id]);
  await spool.attempt(id, [0]);
  assert.equal(await spool.hold(id), true);
  await spool.settle(id, 0, DEFERRED, { due: clock.time + 1, notice: null });
  await spool.unclaim(id);
  assert.deepEqual((await spool.show(id))?.recipients.map(({ state, attempts }) => [state, attempts]), [["held", 1]]);
  assert.deepEqual(await spool.claim(clock.time + 1, 10, LEASE_MS), []);
});

Deno.test("retry makes what waits due now, of one mail or of all", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const ids = [];
  for (let at = 0; at < 3; at++) {
    const id = await store(spool, envelopeTo("a@b.example", "c@d.example"));
    for (const recipient of [0, 1]) {
      await spool.settle(id, recipient, DEFERRED, { due: clock.time + 5000, notice: null });
    }
    ids.push(id);
  }
  assert.equal(await spool.nextDue(), clock.time + 5000);
  const calls = test.due.count;
  assert.equal(await spool.retry(ids[1] ?? ""), 1);
  assert.equal(test.due.count, calls + 1);
  assert.deepEqual(idsOf(await spool.claim(clock.time, 10, LEASE_MS)), [ids[1]]);
  assert.equal(await spool.retry(null), 3);
  assert.deepEqual(idsOf(await spool.claim(clock.time, 10, LEASE_MS)), [ids[0], ids[2]]);
});

Deno.test("what was being attempted and has no lease any more is claimed as waiting", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const id = await store(spool, envelopeTo("a@b.example"));
  await spool.claim(clock.time, 1, LEASE_MS);
  await spool.attempt(id, [0]);
  await spool.unclaim(id);
  assert.equal(await spool.nextDue(), clock.time);
  const [again] = await spool.claim(clock.time, 1, LEASE_MS);
  assert.equal(again?.recipients[0]?.state, "waiting");
  await spool.attempt(id, [0]);
});

Deno.test("a second commit with one source is the first mail, also at the same moment and after its end", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool } = test;
  const content = patterned(300 * 1024);
  const options = { content, source: "pickup/1" };
  const [first, second] = await Promise.all([
    store(spool, envelopeTo("a@b.example"), options),
    store(spool, envelopeTo("a@b.example"), options),
  ]);
  assert.equal(first, second);
  assert.deepEqual(namesIn(`${dir.path}/content`), [first]);
  assert.notEqual(await store(spool, envelopeTo("a@b.example"), { source: "pickup/2" }), first);
  await spool.remove(first);
  assert.equal(await store(spool, envelopeTo("a@b.example"), options), first);
  assert.equal(await spool.show(first), null);
  assert.deepEqual(namesIn(`${dir.path}/content`), []);
});

Deno.test("list goes page by page in order of arrival, by account and by domain", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const ids: string[] = [];
  for (const [at, domain] of ["b.example", "B.EXAMPLE", "xn--bcher-kva.example", "bücher.example"].entries()) {
    clock.time++;
    ids.push(
      await store(spool, envelopeTo("x@other.example", `a@${domain}`), { account: at % 2 === 0 ? "even@r" : "odd@r" }),
    );
  }
  const page = { after: null, count: 10 };
  assert.deepEqual(idsOf(await spool.list({}, page)), ids);
  assert.deepEqual(idsOf(await spool.list({}, { after: null, count: 2 })), ids.slice(0, 2));
  await spool.remove(ids[1] ?? "");
  assert.deepEqual(idsOf(await spool.list({}, { after: ids[1] ?? "", count: 2 })), ids.slice(2));
  assert.deepEqual(idsOf(await spool.list({ account: "even@r" }, page)), [ids[0], ids[2]]);
  assert.deepEqual(idsOf(await spool.list({ domain: "b.Example" }, page)), [ids[0]]);
  assert.deepEqual(idsOf(await spool.list({ domain: "Bücher.example" }, page)), [ids[2], ids[3]]);
  assert.deepEqual(idsOf(await spool.list({ domain: "bücher.example", account: "odd@r" }, page)), [ids[3]]);
});

function idsOf(mails: readonly QueuedMail[]): readonly string[] {
  return mails.map(({ id }) => id);
}
