import assert from "node:assert/strict";
import { SpoolError } from "../../src/spool/spool_error.ts";
import { fill, requireMount, tinyDisk } from "../lib/tiny_disk.ts";
import { contentOf, envelopeTo, namesIn, openTestSpool, patterned, store } from "./fixture.ts";

const MIB = 1024 * 1024;
const LEASE_MS = 60_000;

const test = await requireMount();

test(
  "a full disk: new mail is refused, outcomes are kept from the reserve, then delivery stops, then it goes on",
  async () => {
    await using disk = await tinyDisk(112 * MIB);
    await using opened = await openTestSpool(disk.path);
    const { spool, clock, events } = opened;
    assert.equal(spool.hasSpace(), true);
    assert.ok(namesIn(disk.path).includes("reserve"));
    const ids = await Promise.all(
      Array.from(
        { length: 20 },
        (_, at) => store(spool, envelopeTo("a@b.example", "c@d.example"), { content: patterned(9000, at + 1) }),
      ),
    );
    const claimed = await spool.claim(clock.time, 10, LEASE_MS);
    assert.equal(claimed.length, 10);
    const [mail = ""] = ids;

    await fill(disk.path, "first");
    // The room was asked for a moment ago and is taken to be there still: only the disk itself says no.
    for (let rounds = 0; (await spool.probe()).ok; rounds++) assert.ok(rounds < 2000, "the disk was never full");
    clock.time += 2000;
    assert.equal(spool.hasSpace(), false);
    assert.equal((await spool.probe()).ok, false);
    // Small mail in the row, large in a file: refused, and nothing is left of it.
    const problems = new Set<string>();
    for (const size of [200 * 1024, 3 * MIB]) {
      await using draft = await spool.draft(envelopeTo("a@b.example"), null, { held: false, source: null });
      await draft.write(patterned(size));
      const committed = await draft.commit();
      assert.ok(!committed.ok);
      problems.add(committed.problem);
    }
    assert.deepEqual([...problems], ["no-space"]);
    assert.deepEqual(namesIn(`${disk.path}/content`), []);
    assert.ok(namesIn(disk.path).includes("reserve"), "new mail must not spend the reserve");

    // What became of a mail is written with the room of the reserve.
    for (let rounds = 0; namesIn(disk.path).includes("reserve"); rounds++) {
      assert.ok(rounds < 2000, "the reserve was never needed");
      await spool.attempt(mail, [0]);
      await spool.settle(mail, 0, { kind: "deferred", reply: "451", cause: "refused" }, {
        due: clock.time,
        notice: null,
      });
    }
    const kept = (await spool.show(mail))?.recipients[0]?.attempts ?? 0;
    assert.ok(kept > 0);

    // That is gone, too: delivery stops.
    await fill(disk.path, "second");
    let settled = kept;
    const problem = await (async () => {
      for (;;) {
        try {
          await spool.settle(mail, 0, { kind: "deferred", reply: "451", cause: "refused" }, {
            due: clock.time,
            notice: null,
          });
          settled++;
          assert.ok(settled < kept + 2000, "the disk was never full");
        } catch (error) {
          return error;
        }
      }
    })();
    assert.ok(problem instanceof SpoolError);
    assert.equal(problem.problem, "no-space");
    assert.ok(events.some((event) => event.kind === "alarm" && event.text.includes("delivery stops")));
    assert.deepEqual(await spool.claim(clock.time, 10, LEASE_MS), []);
    assert.equal(await spool.nextDue(), null);
    assert.equal((await spool.show(mail))?.recipients[0]?.attempts, settled, "what was acknowledged is kept, no more");

    // Room again: the reserve is taken anew and delivery goes on by itself.
    const back = new Promise<void>((resolve) => opened.due.call = resolve);
    await Deno.remove(`${disk.path}/first`);
    await Deno.remove(`${disk.path}/second`);
    clock.time += 2000;
    await back;
    assert.ok(namesIn(disk.path).includes("reserve"));
    assert.equal(spool.hasSpace(), true);
    assert.equal((await spool.claim(clock.time, 100, LEASE_MS)).length, 10);
    await spool.settle(mail, 0, { kind: "delivered", reply: "250" }, { due: 0, notice: null });
    for (const [at, id] of ids.entries()) assert.deepEqual(await contentOf(spool, id), patterned(9000, at + 1));
  },
);

test("a spool opens and delivers on a full disk", async () => {
  await using disk = await tinyDisk(48 * MIB);
  const first = await openTestSpool(disk.path);
  const id = await store(first.spool, envelopeTo("a@b.example"));
  await first.spool.claim(first.clock.time, 1, LEASE_MS);
  await first.spool.attempt(id, [0]);
  await first[Symbol.asyncDispose]();
  await fill(disk.path, "filler");
  await using second = await openTestSpool(disk.path);
  assert.equal(second.spool.hasSpace(), false);
  assert.deepEqual((await second.spool.claim(second.clock.time, 1, LEASE_MS)).map((mail) => mail.id), [id]);
  await second.spool.attempt(id, [0]);
  await second.spool.settle(id, 0, { kind: "delivered", reply: "250" }, { due: 0, notice: null });
  assert.equal(await second.spool.show(id), null);
});
