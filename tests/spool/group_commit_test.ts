import assert from "node:assert/strict";
import { Reserve } from "../../src/spool/content_folder.ts";
import { openDatabase } from "../../src/spool/database.ts";
import { GroupCommit } from "../../src/spool/group_commit.ts";
import type { NewMail, Request } from "../../src/spool/protocol.ts";
import { Store } from "../../src/spool/store.ts";
import { envelopeTo, namesIn, patterned, tempDir } from "./fixture.ts";

Deno.test("a mail of a group that fails is undone alone, the others are committed", async () => {
  await using dir = await tempDir();
  const { group, db } = openGroup(dir.path);
  await Deno.writeTextFile(`${dir.path}/content/C`, "x");
  const reply = group.run([
    commit("A"),
    // The second recipient breaks the primary key: the mail's first rows are written by then.
    commit("B", { recipients: [0, 0] }),
    commit("C", { recipients: [0, 0], content: { kind: "file" } }),
    commit("A"),
    { kind: "attempt", mail: "A", recipients: [0] },
    { kind: "remove", mail: "NOTTHERE" },
    { kind: "show", mail: "B" },
  ]);
  const unavailable = { ok: false, problem: "unavailable" };
  assert.deepEqual(reply.answers, [
    { ok: true, value: "A" },
    unavailable,
    unavailable,
    unavailable,
    { ok: true, value: undefined },
    { ok: true, value: false },
    { ok: true, value: null },
  ]);
  assert.match(reply.trouble ?? "", /UNIQUE/);
  assert.equal(reply.mails, 1);
  const counts = ["mail", "recipient", "content"].map((table) =>
    db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"]
  );
  assert.deepEqual(counts, [1, 1, 1]);
  assert.deepEqual(namesIn(`${dir.path}/content`), []);
  db.close();
});

Deno.test("when COMMIT fails nothing is acknowledged, and a content file goes only after a later COMMIT", async () => {
  await using dir = await tempDir();
  const { group, db } = openGroup(dir.path);
  await Deno.writeTextFile(`${dir.path}/content/B`, "x");
  db.exec("PRAGMA query_only = ON");
  const reply = group.run([commit("A"), commit("B", { content: { kind: "file" } })]);
  assert.deepEqual(reply.answers.map(({ ok }) => ok), [false, false]);
  assert.equal(reply.mails, 0);
  assert.equal(db.isTransaction, false);
  db.exec("PRAGMA query_only = OFF");
  // A deferred constraint is the one thing that fails at COMMIT itself.
  db.exec("PRAGMA foreign_keys = ON");
  db.exec("CREATE TABLE parent (id INTEGER PRIMARY KEY)");
  db.exec("CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)");
  db.exec("CREATE TRIGGER fail AFTER INSERT ON mail WHEN new.id = 'D' BEGIN INSERT INTO child VALUES (1); END");
  await Deno.writeTextFile(`${dir.path}/content/B`, "x");
  const failed = group.run([commit("C"), commit("D"), commit("B", { content: { kind: "file" } })]);
  assert.deepEqual(failed.answers, Array(3).fill({ ok: false, problem: "unavailable" }));
  assert.deepEqual(namesIn(`${dir.path}/content`), ["B"]);
  assert.equal(db.prepare("SELECT count(*) AS n FROM mail").get()?.["n"], 0);
  assert.deepEqual(group.run([commit("C")]).answers, [{ ok: true, value: "C" }]);
  assert.deepEqual(namesIn(`${dir.path}/content`), []);
  db.close();
});

function openGroup(dir: string) {
  const opened = openDatabase(dir);
  assert.ok(opened.ok);
  const db = opened.value;
  return { db, group: new GroupCommit({ dir, db, store: new Store(db), reserve: new Reserve(dir) }) };
}

function commit(
  id: string,
  { recipients = [0], content = { kind: "row", octets: patterned(10) } }: {
    readonly recipients?: readonly number[];
    readonly content?: NewMail["content"];
  } = {},
): Request<"commit"> {
  const envelope = envelopeTo("a@b.example");
  const mail = {
    id,
    envelope: {
      ...envelope,
      recipients: recipients.map((id) => ({ id, forwardPath: "a@b.example", notify: null, orcpt: null })),
    },
    account: null,
    held: false,
    source: null,
    received: 1,
    sizeOctets: 10,
    has8bit: false,
    notice: false,
    content,
  };
  return { kind: "commit", mail };
}
