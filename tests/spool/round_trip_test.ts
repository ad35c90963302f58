import assert from "node:assert/strict";
import fc from "fast-check";
import type { Envelope, Recipient } from "../../src/smtp/envelope.ts";
import { SpoolError } from "../../src/spool/spool_error.ts";
import { contentOf, envelopeTo, namesIn, openTestSpool, patterned, store, tempDir } from "./fixture.ts";

const KIB = 1024;

Deno.test("content comes back octet for octet, in the row or in a file", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const sizes = [0, 1, 256 * KIB, 256 * KIB + 1, 5 * KIB * KIB];
  for (const size of sizes) {
    const content = patterned(size, size);
    const id = await store(test.spool, envelopeTo("a@b.example"), { content });
    assert.deepEqual(await contentOf(test.spool, id), content, `${size} octets`);
    const mail = await test.spool.show(id);
    assert.equal(mail?.sizeOctets, size);
    assert.equal(mail.has8bit, false);
  }
  assert.equal(namesIn(`${dir.path}/content`).length, 2);
});

Deno.test("content is whole when nobody waits for its writes", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const content = patterned(900 * KIB);
  await using draft = await test.spool.draft(envelopeTo("a@b.example"), null, { held: false, source: null });
  const writes = Array.from({ length: 9 }, (_, at) => draft.write(content.slice(at * 100 * KIB, (at + 1) * 100 * KIB)));
  const committed = await draft.commit();
  await Promise.all(writes);
  assert.deepEqual(committed, { ok: true, value: draft.id });
  assert.deepEqual(await contentOf(test.spool, draft.id), content);
});

Deno.test("what is known only at the end stands in the place of the first octets, in the row or in a file", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  for (const size of [10, 256 * KIB, 256 * KIB + 1, 900 * KIB]) {
    const content = patterned(size);
    await using draft = await test.spool.draft(envelopeTo("a@b.example"), null, { held: false, source: null });
    await draft.write(content.slice(0, 3));
    await draft.write(content.slice(3));
    const top = patterned(7, 1);
    assert.deepEqual(await draft.commit(top), { ok: true, value: draft.id });
    const expected = content.slice();
    expected.set(top);
    assert.deepEqual(await contentOf(test.spool, draft.id), expected, `${size} octets`);
    assert.equal((await test.spool.show(draft.id))?.sizeOctets, size);
  }
});

Deno.test("a view into a larger buffer is stored as what it shows", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const buffer = patterned(64 * KIB);
  const id = await store(test.spool, envelopeTo("a@b.example"), { content: buffer.subarray(1000, 1010) });
  assert.deepEqual(await contentOf(test.spool, id), buffer.slice(1000, 1010));
});

Deno.test("octets above 127 are noticed, in the last chunk too", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const content = patterned(300 * KIB);
  content[content.length - 1] = 0x80;
  const id = await store(test.spool, envelopeTo("a@b.example"), { content });
  assert.equal((await test.spool.show(id))?.has8bit, true);
});

Deno.test("300 drafts at once: each is committed with its own content", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const ids = await Promise.all(Array.from({ length: 300 }, (_, at) => {
    const content = patterned(at % 50 === 0 ? 300 * KIB : 4 * KIB, at + 1);
    return store(test.spool, envelopeTo(`r${at}@b.example`), { content });
  }));
  assert.equal(new Set(ids).size, 300);
  for (const [at, id] of ids.entries()) {
    const content = await contentOf(test.spool, id);
    assert.deepEqual(content, patterned(at % 50 === 0 ? 300 * KIB : 4 * KIB, at + 1));
    assert.equal((await test.spool.show(id))?.envelope.recipients[0]?.forwardPath, `r${at}@b.example`);
  }
  assert.equal(test.due.count, 300);
});

Deno.test("a draft that is disposed leaves no trace, small or large", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  for (const size of [10, 600 * KIB]) {
    const draft = await test.spool.draft(envelopeTo("a@b.example"), null, { held: false, source: null });
    await draft.write(patterned(size));
    assert.equal(namesIn(`${dir.path}/content`).length, size > 256 * KIB ? 1 : 0);
    await draft[Symbol.asyncDispose]();
    await draft[Symbol.asyncDispose]();
    await assert.rejects(draft.commit(), TypeError);
  }
  assert.deepEqual(namesIn(`${dir.path}/content`), []);
  assert.deepEqual(await test.spool.list({}, { after: null, count: 10 }), []);
});

Deno.test("a mail that is not there cannot be opened, shown, held or removed", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  await assert.rejects(
    test.spool.open("NOTTHERE"),
    (error) => error instanceof SpoolError && error.problem === "not-there",
  );
  assert.equal(await test.spool.show("NOTTHERE"), null);
  assert.equal(await test.spool.hold("NOTTHERE"), false);
  assert.equal(await test.spool.release("NOTTHERE"), false);
  assert.equal(await test.spool.remove("NOTTHERE"), false);
  assert.equal(await test.spool.retry("NOTTHERE"), 0);
  assert.equal(await test.spool.renew("NOTTHERE", 1000), false);
});

Deno.test("a content file that was cut off is not handed out", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const id = await store(test.spool, envelopeTo("a@b.example"), { content: patterned(300 * KIB) });
  await Deno.truncate(`${dir.path}/content/${id}`, 1000);
  await assert.rejects(test.spool.open(id), (error) => error instanceof SpoolError && error.problem === "unavailable");
});

Deno.test("probe stores something", async () => {
  await using dir = await tempDir();
  const test = await openTestSpool(dir.path);
  assert.equal((await test.spool.probe()).ok, true);
  await test[Symbol.asyncDispose]();
  assert.equal((await test.spool.probe()).ok, false);
});

Deno.test("property: an envelope comes back as it was", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  // Without NUL, at which node:sqlite in Deno ends a text: no control character passes the session.
  const word = fc.string({ unit: "binary", maxLength: 40 }).map((text) => text.replaceAll("\0", ""));
  const recipient: fc.Arbitrary<Omit<Recipient, "id">> = fc.record({
    forwardPath: word,
    notify: fc.option(fc.subarray(["never", "success", "failure", "delay"] as const)),
    orcpt: fc.option(word),
  }, { noNullPrototype: true });
  const envelope: fc.Arbitrary<Envelope> = fc.record({
    reversePath: fc.option(word),
    recipients: fc.array(recipient, { minLength: 1, maxLength: 5 }).map((all) =>
      all.map((one, id) => ({ ...one, id }))
    ),
    body: fc.constantFrom("7bit" as const, "8bitmime" as const),
    smtputf8: fc.boolean(),
    declaredSizeOctets: fc.option(fc.maxSafeNat()),
    ret: fc.option(fc.constantFrom("full" as const, "hdrs" as const)),
    envid: fc.option(word),
  }, { noNullPrototype: true });
  await fc.assert(
    fc.asyncProperty(
      envelope,
      fc.option(word),
      fc.uint8Array({ maxLength: 200 }),
      async (envelope, account, octets) => {
        const content = new Uint8Array(octets);
        const id = await store(test.spool, envelope, { account, content });
        const mail = await test.spool.show(id);
        assert.deepEqual(mail?.envelope, envelope);
        assert.equal(mail.account, account);
        assert.equal(mail.has8bit, content.some((octet) => octet > 127));
        assert.deepEqual(await contentOf(test.spool, id), content);
        await test.spool.remove(id);
      },
    ),
    { numRuns: 100 },
  );
});
