import assert from "node:assert/strict";
import { z } from "zod";
import { controlApp } from "../../src/http/app.ts";
import { queueItemSchema } from "../../src/http/queue_item.ts";
import { serveUnix } from "../../src/http/sockets.ts";
import type { QueuedMail } from "../../src/spool/spool.ts";
import { lockDataDir } from "../../src/spool/lock.ts";
import { openSpool } from "../../src/spool/sqlite_spool.ts";
import { keptLog, mapSpool, queuedMail, sidecarParts } from "../http/lib.ts";
import { dataDir, run } from "./lib.ts";

const items = z.array(queueItemSchema);

/** A server with these mails, as far as the commands can see it. */
async function server(...mails: readonly QueuedMail[]) {
  const folder = await dataDir();
  const queue = new Map(mails.map((mail) => [mail.id, mail]));
  const app = controlApp(sidecarParts({ spool: mapSpool(queue) }));
  const served = await serveUnix(`${folder.path}/control.sock`, { mode: 0o660, handler: app.fetch });
  if (!served.ok) throw new Error(served.problem);
  return {
    queue,
    path: folder.path,
    async [Symbol.asyncDispose]() {
      await served.value[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

Deno.test("list shows a table, and with --json one array of all pages", async () => {
  const mails = Array.from({ length: 1001 }, (_, at) => queuedMail(`m${at}`, "waiting"));
  await using it = await server(...mails, queuedMail("last", "delivered", "held", "held"));
  const table = await run(it.path, "queue", "list");
  assert.equal(table.code, 0, table.err);
  const lines = table.out.trimEnd().split("\n");
  assert.match(lines[0] ?? "", /^ID +AGE +SIZE +FROM +TO +STATE +NEXT TRY +LAST REPLY$/);
  assert.match(
    lines.at(-1) ?? "",
    /^last +\d+d +4K +shin@baz\.co\.jp +r1@example\.net \+1 +held +- +451 4\.3\.0 try again$/,
  );
  assert.equal(lines.length, 1 + 1002);
  const json = await run(it.path, "queue", "list", "--json");
  const shown = items.parse(JSON.parse(json.out));
  assert.deepEqual(shown.map(({ id }) => id), [...mails.map(({ id }) => id), "last"]);
});

Deno.test("an empty queue is said, and [] in JSON; the filters reach the server", async () => {
  await using it = await server(queuedMail("a", "waiting"));
  assert.deepEqual(await run(it.path, "queue", "list", "--account", "taro@baz.co.jp"), {
    code: 0,
    out: "The queue is empty\n",
    err: "",
  });
  assert.equal((await run(it.path, "queue", "list", "--domain", "example.org", "--json")).out, "[]\n");
  assert.equal(
    items.parse(JSON.parse((await run(it.path, "queue", "list", "--domain", "example.net", "--json")).out)).length,
    1,
  );
});

Deno.test("show has the envelope and each recipient's history", async () => {
  await using it = await server(queuedMail("a", "relayed", "waiting"));
  const shown = await run(it.path, "queue", "show", "a");
  assert.equal(shown.code, 0, shown.err);
  assert.match(shown.out, /^Mail: +a\nFrom: +shin@baz\.co\.jp\n/);
  assert.match(shown.out, /\nr0@example\.net +relayed +2 +- +451 4\.3\.0 try again\n/);
  assert.match(
    shown.out,
    /\nr1@example\.net +waiting +2 +2026-01-02T03:05:05\.000Z \((now|in \w+)\) +451 4\.3\.0 try again\n/,
  );
  const json = items.parse(JSON.parse((await run(it.path, "queue", "show", "a", "--json")).out));
  assert.deepEqual(json.map(({ id, recipients }) => [id, recipients.length]), [["a", 2]]);
});

Deno.test("hold, release, retry and delete change the queue of the server", async () => {
  await using it = await server(queuedMail("a", "waiting"), queuedMail("b", "waiting"));
  const state = () => it.queue.get("a")?.recipients[0]?.state;
  assert.deepEqual(await run(it.path, "queue", "hold", "a"), { code: 0, out: "a is held\n", err: "" });
  assert.equal(state(), "held");
  assert.deepEqual(await run(it.path, "queue", "retry", "a"), {
    code: 1,
    out: "",
    err: "dokodemo: Cannot retry a: nothing of it waits (what is held has to be released first)\n",
  });
  const again = await run(it.path, "queue", "hold", "a");
  assert.deepEqual(again, { code: 1, out: "", err: "dokodemo: Cannot hold a: it is held already\n" });
  assert.deepEqual(await run(it.path, "queue", "release", "a"), { code: 0, out: "a is released\n", err: "" });
  assert.equal(state(), "waiting");
  assert.equal((await run(it.path, "queue", "release", "a")).err, "dokodemo: Cannot release a: it is not held\n");
  assert.deepEqual(await run(it.path, "queue", "retry", "a"), { code: 0, out: "a is tried now\n", err: "" });
  assert.deepEqual(await run(it.path, "queue", "retry"), { code: 0, out: "2 mails are tried now\n", err: "" });
  const deleted = await run(it.path, "queue", "delete", "a", "nothing", "b");
  assert.equal(deleted.code, 65);
  assert.match(deleted.err, /There is no mail nothing in the queue/);
  assert.equal(it.queue.size, 0);
});

Deno.test("an id that could be a path is no id", async () => {
  await using it = await server(queuedMail("a", "waiting"));
  for (const id of ["..", ".", "a/../a", "a?b", "", "%2e"]) {
    for (const verb of ["show", "delete", "retry"]) {
      assert.equal((await run(it.path, "queue", verb, id)).code, 65, `${verb} ${id}`);
    }
  }
  assert.equal(it.queue.size, 1);
});

Deno.test("mistakes on the command line are 64", async () => {
  await using folder = await dataDir();
  for (const args of [[], ["lsit"], ["delete"], ["show"], ["list", "--jsno"], ["show", "a", "b"]]) {
    assert.equal((await run(folder.path, "queue", ...args)).code, 64, args.join(" "));
  }
});

Deno.test("without a server and with the lock held it is 75, without a data_dir 69", async () => {
  await using folder = await dataDir();
  const lock = await lockDataDir(folder.path);
  assert.ok(lock.ok);
  await using _lock = lock.value;
  const held = await run(folder.path, "queue", "list");
  assert.equal(held.code, 75);
  assert.match(held.err, new RegExp(`^dokodemo: Cannot lock ${folder.path}/lock: `));
  const absent = await run(`${folder.path}/nothing`, "queue", "list");
  assert.deepEqual(absent, { code: 69, out: "", err: `dokodemo: There is no data_dir ${folder.path}/nothing\n` });
});

Deno.test("a configuration that was named and cannot be read is not replaced by the default", async () => {
  const { code, err } = await run("", "queue", "list", "--config", "/nonexistent/dokodemo.toml");
  assert.equal(code, 78, err);
  assert.match(err, /Cannot read \/nonexistent\/dokodemo\.toml/);
});

Deno.test("without a server the command works on the files, a stale socket beside them or not", async () => {
  await using folder = await dataDir();
  const id = await storeMail(folder.path);
  const listener = Deno.listen({ transport: "unix", path: `${folder.path}/gone` });
  await Deno.rename(`${folder.path}/gone`, `${folder.path}/control.sock`);
  listener.close();
  const listed = await run(folder.path, "queue", "list", "--json");
  assert.equal(listed.code, 0, listed.err);
  const [item] = items.parse(JSON.parse(listed.out));
  assert.deepEqual([item?.id, item?.state, item?.reversePath, item?.sizeOctets], [id, "held", null, 9]);
  assert.deepEqual(await run(folder.path, "queue", "release", id), { code: 0, out: `${id} is released\n`, err: "" });
  assert.match((await run(folder.path, "queue", "show", id)).out, /\nshin@baz\.co\.jp +waiting +0 /);
  assert.equal((await run(folder.path, "queue", "delete", id)).code, 0);
  assert.equal((await run(folder.path, "queue", "list", "--json")).out, "[]\n");
  assert.equal((await run(folder.path, "queue", "delete", id)).code, 65);
});

Deno.test("verify: a whole queue is 0, a damaged one 65 and left as it is, and salvage saves what is whole", async () => {
  await using folder = await dataDir();
  const id = await storeMail(folder.path);
  assert.deepEqual(await run(folder.path, "queue", "verify"), { code: 0, out: "The queue is whole\n", err: "" });
  const [report] = JSON.parse((await run(folder.path, "queue", "verify", "--json")).out);
  assert.deepEqual(report, { damage: [], mailsWithoutContent: [], filesWithoutMail: [], rowsWithoutMail: 0 });

  const saved = `${folder.path}/saved.sqlite`;
  const salvaged = await run(folder.path, "queue", "verify", "--salvage", saved);
  assert.equal(salvaged.code, 0, salvaged.err);
  assert.match(salvaged.out, /^1 mail is in /);
  assert.equal((await run(folder.path, "queue", "verify", "--salvage", saved)).code, 73);
  const nowhere = await run(folder.path, "queue", "verify", "--salvage", `${folder.path}/nothing/saved.sqlite`);
  assert.equal(nowhere.code, 73);
  assert.match(nowhere.err, /^dokodemo: Cannot make .*: there is no such folder\n$/);

  const file = `${folder.path}/spool.sqlite`;
  await Deno.writeTextFile(file, "no database at all, but long enough to be looked at".repeat(100));
  const before = await Deno.readFile(file);
  for (const args of [["verify"], ["list"]]) {
    const damaged = await run(folder.path, "queue", ...args);
    assert.equal(damaged.code, 65, damaged.err);
    assert.match(damaged.err, /--salvage/);
  }
  const hopeless = await run(folder.path, "queue", "verify", "--salvage", `${folder.path}/more.sqlite`);
  assert.deepEqual([hopeless.code, hopeless.out], [65, ""]);
  assert.match(hopeless.err, /^dokodemo: Cannot save anything of .*spool\.sqlite: file is not a database; take it/);
  assert.deepEqual(await Deno.readFile(file), before);

  await Deno.rename(saved, file);
  const listed = items.parse(JSON.parse((await run(folder.path, "queue", "list", "--json")).out));
  assert.deepEqual(listed.map((item) => item.id), [id]);
});

Deno.test("salvage needs the lock, verify does not", async () => {
  await using folder = await dataDir();
  await storeMail(folder.path);
  const lock = await lockDataDir(folder.path);
  assert.ok(lock.ok);
  await using _lock = lock.value;
  assert.equal((await run(folder.path, "queue", "verify")).code, 0);
  assert.equal((await run(folder.path, "queue", "verify", "--salvage", `${folder.path}/saved`)).code, 75);
});

/** Leaves one held mail in the spool of a `data_dir`. */
async function storeMail(path: string): Promise<string> {
  const lock = await lockDataDir(path);
  assert.ok(lock.ok);
  await using _lock = lock.value;
  const opened = await openSpool(path, {
    messageSizeLimit: 1024,
    log: keptLog().log,
    clock: { now: () => Date.now() },
    onDue: () => {},
  });
  assert.ok(opened.ok);
  await using spool = opened.value;
  const envelope = {
    reversePath: null,
    recipients: [{ id: 0, forwardPath: "shin@baz.co.jp", notify: null, orcpt: null }],
    body: "7bit",
    smtputf8: false,
    declaredSizeOctets: null,
    ret: null,
    envid: null,
  } as const;
  await using draft = await spool.draft(envelope, null, { held: true, source: null });
  await draft.write(new TextEncoder().encode("A: b\r\n\r\nc"));
  const committed = await draft.commit();
  assert.ok(committed.ok);
  return committed.value;
}
