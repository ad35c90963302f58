import assert from "node:assert/strict";
import { envelopeTo, openTestSpool, store, tempDir } from "./fixture.ts";

Deno.test("retryDomain() makes what waits in a domain due, with or without those below it, and nothing else", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const paths = ["a@away.example", "b@Sub.Away.Example", "c@notaway.example", "d@example"];
  for (const path of paths) await store(spool, envelopeTo(path));
  const held = await store(spool, envelopeTo("e@away.example"));
  await spool.hold(held);
  const later = clock.time + 3_600_000;
  const putOff = async () => {
    for (const mail of await spool.claim(clock.time, 10, 60_000)) {
      const outcome = { kind: "deferred", reply: "451 4.3.0 Later", cause: "refused" } as const;
      for (const { id } of mail.recipients) await spool.settle(mail.id, id, outcome, { due: later, notice: null });
      await spool.unclaim(mail.id);
    }
  };
  const due = async () => {
    const mails = await spool.claim(clock.time, 10, 60_000);
    for (const { id } of mails) await spool.unclaim(id);
    return mails.flatMap(({ recipients }) => recipients.map(({ forwardPath }) => forwardPath)).toSorted();
  };
  await putOff();
  assert.deepEqual(await due(), []);
  assert.equal(await spool.retryDomain("away.example", { subdomains: false }), 1);
  assert.deepEqual(await due(), ["a@away.example"]);
  await putOff();
  assert.equal(await spool.retryDomain("AWAY.example", { subdomains: true }), 2);
  assert.deepEqual(await due(), ["a@away.example", "b@Sub.Away.Example"]);
  assert.equal(await spool.retryDomain("other.example", { subdomains: true }), 0);
});
