import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { examineDatabase } from "../../src/spool/copy_database.ts";
import { HELD_FOLDER, holdSpool } from "../../src/spool/copy_spool.ts";
import { SPOOL_VERSION } from "../../src/spool/database.ts";
import { envelopeTo, namesIn, openTestSpool, patterned, store, tempDir } from "./fixture.ts";

const LARGE_OCTETS = 300_000;
const DELIVERED = { kind: "delivered", reply: "250" } as const;
const DONE = { due: 0, notice: null };

Deno.test("a moment of the spool keeps its mails, whatever becomes of them", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool } = test;
  const large = await store(spool, envelopeTo("a@b.example"), { content: patterned(LARGE_OCTETS, 3) });
  const small = await store(spool, envelopeTo("a@b.example"));
  const lost = await store(spool, envelopeTo("a@b.example"), { content: patterned(LARGE_OCTETS) });
  await Deno.remove(`${dir.path}/content/${lost}`);
  const copy = `${dir.path}/copy.sqlite`;
  {
    await using moment = await holdSpool(dir.path);
    assert.equal(moment.mails, 3);
    assert.deepEqual([...moment.filed], [[large, LARGE_OCTETS], [lost, LARGE_OCTETS]]);
    assert.deepEqual([...moment.broken], [lost]);
    await spool.settle(large, 0, DELIVERED, DONE);
    await store(spool, envelopeTo("late@b.example"), { content: patterned(LARGE_OCTETS) });
    assert.deepEqual(await Deno.readFile(moment.contentFile(large)), patterned(LARGE_OCTETS, 3));
    await moment.writeDatabase(copy);
  }
  assert.ok(!namesIn(dir.path).includes(HELD_FOLDER));
  // A file by itself, private, whole.
  assert.deepEqual(namesIn(dir.path).filter((name) => name.startsWith("copy")), ["copy.sqlite"]);
  assert.equal((await Deno.stat(copy)).mode! & 0o777, 0o600);
  assert.deepEqual(examineDatabase(copy), { version: SPOOL_VERSION, damage: [] });
  using db = new DatabaseSync(copy, { readOnly: true });
  const ids = db.prepare("SELECT id FROM mail ORDER BY id").all().map(({ id }) => String(id));
  assert.deepEqual(ids, [large, small, lost]);
});

Deno.test("every moment of a busy spool has the content of its mails", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool } = test;
  let [ended, stored] = [false, 0];
  // Each mail is gone a moment after it came.
  const busy = Promise.all(Array.from({ length: 8 }, async () => {
    while (!ended) {
      const id = await store(spool, envelopeTo("a@b.example"), { content: patterned(LARGE_OCTETS) });
      stored++;
      await spool.settle(id, 0, DELIVERED, DONE);
    }
  }));
  let seen = 0;
  // As long as it takes for mails to come and go under the moments, however slow the machine is.
  for (let round = 0; round < 40 || stored <= 40; round++) {
    await using moment = await holdSpool(dir.path);
    assert.deepEqual([...moment.broken], []);
    for (const [id, size] of moment.filed) {
      assert.equal((await Deno.stat(moment.contentFile(id))).size, size);
      seen++;
    }
  }
  ended = true;
  await busy;
  assert.ok(seen > 0, `${stored} stored, none seen`);
});
