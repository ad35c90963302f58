import assert from "node:assert/strict";
import { envelopeTo, openTestSpool, store, tempDir } from "./fixture.ts";

const LEASE_MS = 60_000;

Deno.test("claim passes over crowded accounts and comes back to them, in turn, when there is room", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const bulk: string[] = [];
  for (let at = 0; at < 5; at++) bulk.push(await store(spool, envelopeTo("a@b.example"), { account: "bulk@b.jp" }));
  const single = await store(spool, envelopeTo("a@b.example"), { account: "shin@b.jp" });
  const nobody = await store(spool, envelopeTo("a@b.example"), { account: null });
  const claim = async (limit: number, ...crowded: string[]) =>
    (await spool.claim(clock.time, limit, LEASE_MS, { crowded })).map(({ id }) => id);
  assert.deepEqual(await claim(2), bulk.slice(0, 2));
  assert.deepEqual(await claim(10, "bulk@b.jp", ""), [single]);
  assert.deepEqual(await claim(10, "bulk@b.jp", ""), []);
  assert.deepEqual(await claim(2), [bulk[2], nobody]);
  await spool.remove(bulk[3] ?? "");
  assert.deepEqual(await claim(10), [bulk[4]]);
  assert.deepEqual(await claim(10), []);
});

Deno.test("claim: what was passed over and is due later, or was held, waits for that", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const mail = await store(spool, envelopeTo("a@b.example"), { account: "bulk@b.jp" });
  const claim = async (...crowded: string[]) =>
    (await spool.claim(clock.time, 10, LEASE_MS, { crowded })).map(({ id }) => id);
  assert.deepEqual(await claim("bulk@b.jp"), []);
  await spool.hold(mail);
  assert.deepEqual(await claim(), []);
  await spool.release(mail);
  assert.deepEqual(await claim(), [mail]);
});
