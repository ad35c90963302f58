import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { openSpool } from "../../src/spool/sqlite_spool.ts";
import { salvage, verifySpool } from "../../src/spool/verify.ts";
import { contentOf, digestOf, envelopeTo, namesIn, openTestSpool, patterned, store, tempDir } from "./fixture.ts";

const PAGE = 4096;

Deno.test("a truncated database is refused and stays as it is, to the octet", async () => {
  await using dir = await tempDir();
  const file = await filledSpool(dir.path, 40);
  const whole = await Deno.readFile(file);
  for (const length of [whole.length - PAGE, whole.length - 1000, whole.length / 2, PAGE + 1, PAGE, 1000, 50, 0]) {
    await Deno.writeFile(file, whole.subarray(0, Math.floor(length)));
    const before = await digestOf(file);
    const problem = await refusal(dir.path);
    assert.equal(problem.kind, "damaged", `${length} octets: ${problem.message}`);
    assert.match(problem.message, /spool\.sqlite.*dokodemo queue verify --salvage NEWFILE/);
    assert.equal(await digestOf(file), before);
  }
  await Deno.writeFile(file, whole);
  await using test = await openTestSpool(dir.path);
  assert.equal((await test.spool.list({}, { after: null, count: 100 })).length, 40);
});

Deno.test("a database that is gone is not made anew over its content files", async () => {
  await using dir = await tempDir();
  const test = await openTestSpool(dir.path);
  const id = await store(test.spool, envelopeTo("a@b.example"), { content: patterned(300 * 1024) });
  await test[Symbol.asyncDispose]();
  await Deno.rename(`${dir.path}/spool.sqlite`, `${dir.path}/moved`);
  assert.equal((await refusal(dir.path)).kind, "damaged");
  assert.deepEqual(namesIn(`${dir.path}/content`), [id]);
  await Deno.rename(`${dir.path}/moved`, `${dir.path}/spool.sqlite`);
  await using again = await openTestSpool(dir.path);
  assert.equal((await again.spool.show(id))?.id, id);
});

Deno.test("a database of something else is refused", async () => {
  await using dir = await tempDir();
  const file = `${dir.path}/spool.sqlite`;
  const other = new DatabaseSync(file);
  other.exec("CREATE TABLE other (a)");
  other.close();
  const before = await digestOf(file);
  assert.equal((await refusal(dir.path)).kind, "damaged");
  assert.equal(await digestOf(file), before);
});

Deno.test("a database of a newer version is refused and stays as it is", async () => {
  await using dir = await tempDir();
  const file = await filledSpool(dir.path, 1);
  const db = new DatabaseSync(file);
  db.exec("PRAGMA user_version = 99");
  db.close();
  const before = await digestOf(file);
  const problem = await refusal(dir.path);
  assert.equal(problem.kind, "newer");
  assert.match(problem.message, /version 99/);
  assert.equal(await digestOf(file), before);
});

Deno.test("a folder that is not there is an error of the system", async () => {
  await using dir = await tempDir();
  assert.equal((await refusal(`${dir.path}/missing`)).kind, "io");
});

Deno.test("verify finds nothing in a spool that is well, and each kind of fault", async () => {
  await using dir = await tempDir();
  const test = await openTestSpool(dir.path);
  const ids: string[] = [];
  for (const size of [10, 20, 300 * 1024, 300 * 1024]) {
    ids.push(await store(test.spool, envelopeTo("a@b.example"), { content: patterned(size) }));
  }
  const empty = { damage: [], mailsWithoutContent: [], filesWithoutMail: [], rowsWithoutMail: 0 };
  // While the spool is open, too.
  assert.deepEqual(verifySpool(dir.path), { ok: true, value: empty });
  await test[Symbol.asyncDispose]();
  assert.deepEqual(verifySpool(dir.path), { ok: true, value: empty });

  const db = new DatabaseSync(`${dir.path}/spool.sqlite`);
  db.exec("UPDATE content SET mail = 99 WHERE mail = 2");
  db.close();
  await Deno.remove(`${dir.path}/content/${ids[2]}`);
  await Deno.truncate(`${dir.path}/content/${ids[3]}`, 5);
  await Deno.writeTextFile(`${dir.path}/content/ORPHAN`, "");
  const report = verifySpool(dir.path);
  assert.deepEqual(report, {
    ok: true,
    value: { ...empty, mailsWithoutContent: ids.slice(1), filesWithoutMail: ["ORPHAN"], rowsWithoutMail: 1 },
  });
  assert.equal(verifySpool(`${dir.path}/missing`).ok, false);
});

Deno.test("salvage brings over all mails but those on a damaged page", async () => {
  await using dir = await tempDir();
  const file = await filledSpool(dir.path, 60);
  // In turn each page but the first, which has the schema.
  const whole = await Deno.readFile(file);
  const pages = whole.length / PAGE;
  let lossy = 0;
  for (let page = 1; page < pages; page += 11) {
    const damaged = whole.slice();
    damaged.fill(0xff, page * PAGE, (page + 1) * PAGE);
    await Deno.writeFile(file, damaged);
    const before = await digestOf(file);
    await using to = await tempDir();
    const salvaged = salvage(file, `${to.path}/spool.sqlite`);
    assert.ok(salvaged.ok, JSON.stringify(salvaged));
    assert.equal(await digestOf(file), before);
    assert.ok(salvaged.value.mails >= 1, `page ${page}`);
    await using test = await openTestSpool(to.path);
    const mails = await test.spool.list({}, { after: null, count: 100 });
    assert.equal(mails.length, salvaged.value.mails);
    for (const { id, sizeOctets } of mails) assert.equal((await contentOf(test.spool, id)).length, sizeOctets);
    if (salvaged.value.lost.length > 0) lossy++;
    if (mails.length < 60) assert.ok(salvaged.value.lost.length > 0, `page ${page}: a loss that is not told`);
  }
  assert.ok(lossy > 0, "no page that mattered was damaged");
});

Deno.test("salvage of a page of content costs the mail on it, and the rest can be delivered", async () => {
  await using dir = await tempDir();
  const file = await filledSpool(dir.path, 60);
  const db = new DatabaseSync(file, { readOnly: true });
  // A leaf of content in the middle: the mails that it holds are the loss.
  const leaf = db.prepare(`
    SELECT pageno, ncell FROM dbstat WHERE name = 'content' AND pagetype = 'leaf' ORDER BY path LIMIT 1 OFFSET 20`)
    .get();
  db.close();
  const pageno = Number(leaf?.["pageno"]);
  const cells = Number(leaf?.["ncell"]);
  const handle = await Deno.open(file, { write: true });
  await handle.seek((pageno - 1) * PAGE, Deno.SeekMode.Start);
  await handle.write(new Uint8Array(PAGE).fill(0xff));
  handle.close();
  assert.equal((await refusal(dir.path)).kind, "damaged");

  const saved = `${dir.path}/saved.sqlite`;
  const salvaged = salvage(file, saved);
  assert.ok(salvaged.ok);
  assert.deepEqual([salvaged.value.mails, salvaged.value.lost.length], [60 - cells, cells]);
  assert.equal(salvage(file, saved).ok, false, "a file that exists is not overwritten");
  await Deno.rename(saved, file);
  await using test = await openTestSpool(dir.path);
  const mails = await test.spool.claim(test.clock.time, 100, 1000);
  assert.equal(mails.length, 60 - cells);
  assert.ok(mails.every(({ id }) => !salvaged.value.lost.includes(id)));
});

/** A spool with so many mails of about 4 KB, closed. */
async function filledSpool(dir: string, count: number): Promise<string> {
  await using test = await openTestSpool(dir);
  for (let at = 0; at < count; at++) {
    await store(test.spool, envelopeTo("a@b.example", "c@d.example"), { content: patterned(3500 + at, at + 1) });
  }
  return `${dir}/spool.sqlite`;
}

async function refusal(dir: string): Promise<{ readonly kind: string; readonly message: string }> {
  const opened = await openSpool(dir, {
    messageSizeLimit: 1024,
    log: () => {},
    clock: { now: () => 1_800_000_000_000 },
    onDue: () => {},
  });
  if (opened.ok) await opened.value[Symbol.asyncDispose]();
  assert.ok(!opened.ok, "it was opened");
  return opened.problem;
}

for (const name of ["spool.sqlite", "spool.sqlite-wal"]) {
  Deno.test(`while ${name} is not the one that was opened no mail is acknowledged`, async () => {
    await using dir = await tempDir();
    await using test = await openTestSpool(dir.path);
    const before = await store(test.spool, envelopeTo("a@b.example"));
    await Deno.rename(`${dir.path}/${name}`, `${dir.path}/moved`);
    const commit = async () => {
      await using draft = await test.spool.draft(envelopeTo("a@b.example"), null, { held: false, source: null });
      await draft.write(patterned(100));
      return await draft.commit();
    };
    assert.deepEqual(await commit(), { ok: false, problem: "unavailable" });
    await Deno.writeFile(`${dir.path}/${name}`, new Uint8Array());
    assert.deepEqual(await commit(), { ok: false, problem: "unavailable" });
    assert.equal((await test.spool.probe()).ok, false);
    const alarms = test.events.flatMap((event) => event.kind === "alarm" ? [event.text] : []);
    assert.equal(alarms.length, 1);
    assert.match(alarms[0] ?? "", /spool\.sqlite was removed or replaced .* until it is restarted$/);
    await Deno.rename(`${dir.path}/moved`, `${dir.path}/${name}`);
    const after = await commit();
    assert.ok(after.ok);
    const mails = await test.spool.list({}, { after: null, count: 10 });
    assert.deepEqual(mails.map(({ id }) => id), [before, after.value]);
  });
}
