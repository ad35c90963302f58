import assert from "node:assert/strict";
import { contentOf, envelopeTo, namesIn, openTestSpool, patterned, store, tempDir } from "./fixture.ts";
import { TextLineStream } from "./lines.ts";

const LEASE_MS = 60_000;
const REPLY = "250 2.1.5 Expanded into 2 addresses";

function member(forwardPath: string) {
  return { forwardPath, notify: null, orcpt: "rfc822;staff@baz.co.jp" };
}

Deno.test("expand puts members in the place of an alias, each address once, and they know it", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const { spool, clock } = test;
  const mail = await store(spool, envelopeTo("staff@baz.co.jp", "taro@example.net"));
  await spool.claim(clock.time, 10, LEASE_MS);
  const members = [
    member("shin@baz.co.jp"),
    member("Taro@Example.net"),
    member("shin@BAZ.co.jp"),
    member("staff@baz.co.jp"),
  ];
  const added = await spool.expand(mail, 0, { reply: REPLY, members, copies: [] }, { notice: null });
  assert.deepEqual(added.map(({ id, forwardPath, alias }) => [id, forwardPath, alias]), [
    [2, "shin@baz.co.jp", "staff@baz.co.jp"],
    [3, "staff@baz.co.jp", "staff@baz.co.jp"],
  ]);
  const shown = await spool.show(mail);
  assert.deepEqual(shown?.recipients.map(({ state, lastReply }) => [state, lastReply]), [
    ["delivered", REPLY],
    ["waiting", null],
    ["waiting", null],
    ["waiting", null],
  ]);
  assert.deepEqual(shown?.recipients.slice(2), added);
  // Once more, as after a crash of whoever asked: nothing comes of it.
  assert.deepEqual(await spool.expand(mail, 0, { reply: REPLY, members, copies: [] }, { notice: null }), []);
  await spool.unclaim(mail);
  const [claimed] = await spool.claim(clock.time, 10, LEASE_MS);
  assert.deepEqual(claimed, shown);
});

Deno.test("expand copies the mail for a list with an owner, its content in a row or in a file", async () => {
  for (const length of [100, 300 * 1024]) {
    await using dir = await tempDir();
    await using test = await openTestSpool(dir.path);
    const content = patterned(length);
    const mail = await store(test.spool, envelopeTo("staff@baz.co.jp"), { content });
    const copy = { ...envelopeTo("shin@baz.co.jp"), reversePath: "owner-staff@baz.co.jp" };
    await test.spool.expand(mail, 0, { reply: REPLY, members: [], copies: [copy] }, { notice: null });
    // The last recipient is done, and the mail with its content gone; the copy has a content of its own.
    assert.equal(await test.spool.show(mail), null);
    const [made, ...others] = await test.spool.list({}, { after: null, count: 10 });
    assert.deepEqual(others, []);
    assert.ok(made !== undefined);
    assert.equal(made.envelope.reversePath, "owner-staff@baz.co.jp");
    assert.equal(made.account, "shin@baz.co.jp");
    assert.deepEqual(made.recipients.map(({ forwardPath, alias }) => [forwardPath, alias]), [
      ["shin@baz.co.jp", "staff@baz.co.jp"],
    ]);
    assert.deepEqual(await contentOf(test.spool, made.id), content);
    assert.deepEqual(namesIn(`${dir.path}/content`), length > 256 * 1024 ? [made.id] : []);
  }
});

Deno.test("expand leaves a mail alone that was held, and rejects for one that is gone", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const mail = await store(test.spool, envelopeTo("staff@baz.co.jp"));
  await test.spool.hold(mail);
  const expansion = { reply: REPLY, members: [member("shin@baz.co.jp")], copies: [envelopeTo("x@y.example")] };
  assert.deepEqual(await test.spool.expand(mail, 0, expansion, { notice: null }), []);
  assert.deepEqual((await test.spool.show(mail))?.recipients.map(({ state }) => state), ["held"]);
  assert.equal((await test.spool.list({}, { after: null, count: 10 })).length, 1);
  await test.spool.remove(mail);
  await assert.rejects(test.spool.expand(mail, 0, expansion, { notice: null }), { problem: "not-there" });
});

Deno.test("kill -9 in the middle of expansions: each alias is either there or all of its members are, once", async () => {
  await using dir = await tempDir();
  const script = new URL("./expander.ts", import.meta.url).pathname;
  for (let round = 0; round < 3; round++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--unstable-worker-options", script, dir.path],
      stdout: "piped",
    }).spawn();
    let lines = 0;
    for await (const _ of child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
      if (++lines === 40 + 17 * round) child.kill("SIGKILL");
    }
    assert.equal((await child.status).signal, "SIGKILL");
  }
  await using test = await openTestSpool(dir.path);
  const mails = await test.spool.list({}, { after: null, count: 100_000 });
  const copies = Map.groupBy(
    mails.filter(({ envelope }) => envelope.reversePath?.startsWith("owner-")),
    ({ envelope }) => envelope.envid,
  );
  let expanded = 0;
  for (const { envelope, recipients } of mails) {
    if (envelope.reversePath?.startsWith("owner-")) continue;
    const [alias, ...members] = recipients;
    const whole = alias?.state === "delivered";
    if (whole) expanded++;
    assert.deepEqual(members.map(({ forwardPath }) => forwardPath), whole ? ["a@b.example", "c@d.example"] : []);
    assert.equal(copies.get(envelope.envid)?.length ?? 0, whole ? 1 : 0);
  }
  assert.ok(expanded > 100);
});
