import { deepEqual, equal, throws } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { temporaryFolder } from "../accounts/lib.ts";
import { inOtherProcess, NOW, open } from "./lib.ts";

const ACT = { who: "shin@baz.co.jp", from: "192.0.2.7", what: "account.add", target: "hana@baz.co.jp" };

Deno.test("acts are listed with the newest first, page by page", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  for (let at = 0; at < 5; at++) records.audit.add({ ...ACT, detail: `number ${at}` }, NOW + at);
  const details = (before: number | null) =>
    records.audit.list({ before, count: 2 }).map(({ seq, detail }) => [seq, detail]);
  deepEqual(details(null), [[5, "number 4"], [4, "number 3"]]);
  deepEqual(details(4), [[3, "number 2"], [2, "number 1"]]);
  deepEqual(details(2), [[1, "number 0"]]);
  deepEqual(details(1), []);
  deepEqual(records.audit.list({ before: 2, count: 1 }), [{ ...ACT, detail: "number 0", seq: 1, at: NOW }]);
});

Deno.test("acts of several processes stand in one log", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  await using records = open(file);
  const script = (who: string) =>
    `for (let n = 0; n < 50; n++) records.audit.add({ who: "${who}", from: "local", what: "x", target: String(n) }, n);`;
  await Promise.all(["a", "b", "c"].map((who) => inOtherProcess(file, script(who))));
  const all = records.audit.list({ before: null, count: 1000 });
  equal(all.length, 150);
  for (const who of ["a", "b", "c"]) {
    deepEqual(
      all.filter((each) => each.who === who).map(({ target }) => Number(target)),
      Array.from({ length: 50 }, (_, n) => 49 - n),
    );
  }
});

Deno.test("SQLite refuses to change, delete or replace a row", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  await using records = open(file);
  records.audit.add(ACT, NOW);
  records.audit.add(ACT, NOW + 1);
  // As somebody would who has the file and SQLite.
  const database = new DatabaseSync(file);
  for (
    const sql of [
      "UPDATE audit SET who = 'x'",
      "UPDATE audit SET seq = 9 WHERE seq = 1",
      "DELETE FROM audit",
      "DELETE FROM audit WHERE seq = 2",
      "REPLACE INTO audit (seq, at, who, source, what, target, detail) VALUES (1, 0, '', '', '', '', '')",
      "INSERT INTO audit (seq, at, who, source, what, target, detail) VALUES (1, 0, '', '', '', '', '') ON CONFLICT DO UPDATE SET who = 'x'",
    ]
  ) throws(() => database.exec(sql), /the audit log can only grow/, sql);
  database.close();
  deepEqual(records.audit.list({ before: null, count: 9 }).map(({ seq, who }) => [seq, who]), [
    [2, ACT.who],
    [1, ACT.who],
  ]);
});

Deno.test("an act that begins no new line in a listing", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  records.audit.add({ ...ACT, target: "a\nb", detail: "x".repeat(2000) }, NOW);
  const [act] = records.audit.list({ before: null, count: 1 });
  deepEqual([act?.target, act?.detail.length], ["a?b", 1003]);
});
