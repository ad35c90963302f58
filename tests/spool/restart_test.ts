import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { salvage } from "../../src/spool/verify.ts";
import { TextLineStream } from "./lines.ts";
import { contentOf, envelopeTo, namesIn, openTestSpool, patterned, store, tempDir } from "./fixture.ts";

const LEASE_MS = 60_000;

Deno.test("a restart goes on where the last process ended", async () => {
  await using dir = await tempDir();
  const content = patterned(300 * 1024);
  const first = await openTestSpool(dir.path);
  const id = await store(first.spool, envelopeTo("a@b.example", "c@d.example", "e@f.example"), { content });
  const held = await store(first.spool, envelopeTo("a@b.example"), { held: true });
  await first.spool.claim(first.clock.time, 10, LEASE_MS);
  await first.spool.attempt(id, [0]);
  await first.spool.settle(id, 1, { kind: "relayed", reply: "250 Ok" }, { due: 0, notice: null });
  const due = first.clock.time + 5000;
  await first.spool.settle(id, 2, { kind: "deferred", reply: "450", cause: "tls" }, { due, notice: null });
  const before = await first.spool.list({}, { after: null, count: 10 });
  await first[Symbol.asyncDispose]();

  await using second = await openTestSpool(dir.path);
  const after = await second.spool.list({}, { after: null, count: 10 });
  assert.deepEqual(before[0]?.recipients.map(({ state }) => state), ["attempting", "relayed", "waiting"]);
  assert.deepEqual(after[0]?.recipients.map(({ state }) => state), ["waiting", "relayed", "waiting"]);
  assert.deepEqual(after[0]?.recipients[2], before[0]?.recipients[2]);
  assert.deepEqual(after[1], before[1]);
  assert.equal(after[1]?.id, held);
  // The lease ended with the process, and the administrator is told of a possible duplicate.
  assert.deepEqual((await second.spool.claim(second.clock.time, 10, LEASE_MS)).map((mail) => mail.id), [id]);
  assert.deepEqual(await contentOf(second.spool, id), content);
  const [warning, ...rest] = second.events;
  assert.ok(warning?.kind === "warning" && warning.text.includes(id));
  assert.deepEqual(rest, []);
});

Deno.test("a database of version 1 is brought forward with its mails, and what is salvaged of one too", async () => {
  await using dir = await tempDir();
  const file = `${dir.path}/spool.sqlite`;
  const first = await openTestSpool(dir.path);
  const id = await store(first.spool, envelopeTo("a@b.example"));
  await first[Symbol.asyncDispose]();
  {
    using db = new DatabaseSync(file);
    db.exec(`
      ALTER TABLE mail DROP COLUMN notice;
      ALTER TABLE recipient DROP COLUMN alias;
      DROP TABLE notice_due;
      DROP TABLE attempt;
      PRAGMA user_version = 1`);
  }
  await using saved = await tempDir();
  assert.deepEqual(salvage(file, `${saved.path}/spool.sqlite`), { ok: true, value: { mails: 1, lost: [] } });
  for (const path of [dir.path, saved.path]) {
    await using second = await openTestSpool(path);
    const mails = await second.spool.list({}, { after: null, count: 10 });
    assert.deepEqual(mails.map((mail) => [mail.id, mail.notice]), [[id, false]]);
  }
});

Deno.test("kill -9 in the middle of commits: each acknowledged mail is there, octet for octet", async () => {
  await using dir = await tempDir();
  const script = new URL("./committer.ts", import.meta.url).pathname;
  const acknowledged: string[] = [];
  for (let round = 0; round < 4; round++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--unstable-worker-options", script, dir.path, String(round * 1_000_000 + 1)],
      stdout: "piped",
    }).spawn();
    const enough = acknowledged.length + 150 + 37 * round;
    for await (const line of child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
      acknowledged.push(line);
      if (acknowledged.length === enough) child.kill("SIGKILL");
    }
    assert.equal((await child.status).signal, "SIGKILL");
  }
  await using test = await openTestSpool(dir.path);
  for (const line of acknowledged) {
    const [id = "", seed, length] = line.split(" ");
    assert.deepEqual(await contentOf(test.spool, id), patterned(Number(length), Number(seed)), line);
  }
  const all = await test.spool.list({}, { after: null, count: 1_000_000 });
  assert.ok(all.length >= acknowledged.length);
  const filed = all.filter(({ sizeOctets }) => sizeOctets > 256 * 1024).map(({ id }) => id);
  assert.deepEqual(namesIn(`${dir.path}/content`), filed);
});

Deno.test("content files that no row names go at the start, others stay", async () => {
  await using dir = await tempDir();
  const first = await openTestSpool(dir.path);
  const id = await store(first.spool, envelopeTo("a@b.example"), { content: patterned(300 * 1024) });
  await first[Symbol.asyncDispose]();
  await Deno.writeTextFile(`${dir.path}/content/ORPHAN`, "never committed");
  await Deno.mkdir(`${dir.path}/content/lost+found`);
  await Deno.writeTextFile(`${dir.path}/other`, "not ours");
  await using _second = await openTestSpool(dir.path);
  assert.deepEqual(namesIn(`${dir.path}/content`), [id, "lost+found"]);
  assert.equal(await Deno.readTextFile(`${dir.path}/other`), "not ours");
});

Deno.test("a mail without its content file raises an alarm at the start", async () => {
  await using dir = await tempDir();
  const first = await openTestSpool(dir.path);
  const id = await store(first.spool, envelopeTo("a@b.example"), { content: patterned(300 * 1024) });
  await first[Symbol.asyncDispose]();
  await Deno.remove(`${dir.path}/content/${id}`);
  await using second = await openTestSpool(dir.path);
  const [alarm] = second.events;
  assert.ok(alarm?.kind === "alarm" && alarm.text.includes(id));
});

Deno.test("nobody else can read what the spool writes", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  const id = await store(test.spool, envelopeTo("a@b.example"), { content: patterned(300 * 1024) });
  const modes = ["spool.sqlite", "spool.sqlite-wal", "spool.sqlite-shm", "reserve", "content", `content/${id}`].map(
    (name) => {
      const { mode } = Deno.statSync(`${dir.path}/${name}`);
      return `${name} ${((mode ?? 0) & 0o777).toString(8)}`;
    },
  );
  assert.deepEqual(modes, [
    "spool.sqlite 600",
    "spool.sqlite-wal 600",
    "spool.sqlite-shm 600",
    "reserve 600",
    "content 700",
    `content/${id} 600`,
  ]);
});

Deno.test("the log of the database stays bounded under load and the database can shrink", async () => {
  await using dir = await tempDir();
  await using test = await openTestSpool(dir.path);
  for (let round = 0; round < 12; round++) {
    const content = patterned(200 * 1024, round + 1);
    await Promise.all(Array.from({ length: 20 }, () => store(test.spool, envelopeTo("a@b.example"), { content })));
    const mails = await test.spool.list({}, { after: null, count: 100 });
    await Promise.all(mails.map(({ id }) => test.spool.remove(id)));
  }
  // 48 MB went through it.
  assert.ok((await Deno.stat(`${dir.path}/spool.sqlite-wal`)).size < 32 * 1024 * 1024);
});
