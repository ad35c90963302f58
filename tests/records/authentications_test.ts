import { deepEqual, equal, match, ok } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { listQuery } from "../../src/records/authentication_row.ts";
import type { AuthenticationFilter } from "../../src/records/records.ts";
import { temporaryFolder } from "../accounts/lib.ts";
import { DAY, failure, HOUR, login, MINUTE, NOW, open, SECOND } from "./lib.ts";

const ALL = { before: null, count: 1000 };

Deno.test("an event is listed as it was told", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  records.authentications.note(login(), NOW);
  records.authentications.note(failure({ tls: null, authcid: null, authzid: "x", reason: "malformed", ms: 1.6 }), NOW);
  const [failed, accepted] = records.authentications.list({}, ALL);
  const { kind: _, ...expected } = login();
  deepEqual(accepted, { ...expected, seq: 1, at: NOW });
  const { kind: __, ...unlike } = failure({ tls: null, authcid: null, authzid: "x", reason: "malformed", ms: 2 });
  deepEqual(failed, { ...unlike, seq: 2, at: NOW });
});

Deno.test("events come into the file by themselves, within two seconds or so, and when it is closed", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  const records = open(file);
  using database = new DatabaseSync(file, { readOnly: true });
  const count = () => database.prepare("SELECT count(*) AS n FROM authentication").get()?.n;
  records.authentications.note(login(), NOW);
  equal(count(), 0);
  while (count() === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  equal(count(), 1);
  records.authentications.note(login(), NOW);
  await records[Symbol.asyncDispose]();
  equal(count(), 2);
});

Deno.test("filters, alone and together, and pages", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { authentications } = records;
  const hana = { account: "hana@baz.co.jp", authcid: "hana@baz.co.jp" };
  authentications.note(login(), NOW);
  authentications.note(login({ ...hana, mechanism: "PLAIN" }), NOW + 1);
  authentications.note(failure({ mechanism: "PLAIN" }), NOW + 2);
  authentications.note(failure({ authcid: "hana@baz.co.jp", remote: "2001:db8::1" }), NOW + 3);
  authentications.note(login({ result: "too-weak", mechanism: "PLAIN" }), NOW + 4);
  const seqs = (filter: AuthenticationFilter, page: { readonly before?: number; readonly count?: number } = {}) =>
    authentications.list(filter, { ...ALL, ...page }).map(({ seq }) => seq);
  deepEqual(seqs({}), [5, 4, 3, 2, 1]);
  deepEqual(seqs({ account: "shin@baz.co.jp" }), [5, 3, 1]);
  deepEqual(seqs({ account: "hana@baz.co.jp" }), [4, 2]);
  deepEqual(seqs({ account: "nobody@baz.co.jp" }), []);
  deepEqual(seqs({ remote: "2001:db8::1" }), [4]);
  deepEqual(seqs({ result: "rejected" }), [4, 3]);
  deepEqual(seqs({ mechanism: "PLAIN" }), [5, 3, 2]);
  deepEqual(seqs({ since: NOW + 3 }), [5, 4]);
  deepEqual(seqs({ since: NOW + 5 }), []);
  deepEqual(seqs({ account: "shin@baz.co.jp", mechanism: "PLAIN", result: "rejected" }), [3]);
  deepEqual(seqs({ account: "shin@baz.co.jp", remote: "192.0.2.7", since: NOW + 1 }), [5, 3]);
  deepEqual(seqs({}, { count: 2 }), [5, 4]);
  deepEqual(seqs({}, { before: 4, count: 2 }), [3, 2]);
  deepEqual(seqs({ account: "shin@baz.co.jp" }, { before: 5, count: 1 }), [3]);
  deepEqual(seqs({ account: "shin@baz.co.jp" }, { before: 3, count: 5 }), [1]);
});

Deno.test("a failure is found by its name in any case and form, a login by its account alone", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { authentications } = records;
  authentications.note(failure({ authcid: "Shin@baz.co.jp" }), NOW);
  authentications.note(login({ account: "Shin@baz.co.jp", authcid: "Shin@baz.co.jp" }), NOW);
  authentications.note(failure({ authcid: "shin@例え.jp" }), NOW);
  deepEqual(authentications.list({ account: "shin@baz.co.jp" }, ALL).map(({ seq }) => seq), [1]);
  deepEqual(authentications.list({ account: "Shin@baz.co.jp" }, ALL).map(({ seq }) => seq), [2, 1]);
  deepEqual(authentications.list({ account: "shin@xn--r8jz45g.jp" }, ALL).map(({ seq }) => seq), [3]);
});

Deno.test("each filter is answered by an index, without sorting", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  await open(file)[Symbol.asyncDispose]();
  using database = new DatabaseSync(file);
  const each = { account: "a@b", remote: "r", mechanism: "m", result: "accepted", since: 1 } as const;
  const keys = ["account", "remote", "mechanism", "result", "since"] as const;
  for (let chosen = 1; chosen < 2 ** keys.length; chosen++) {
    const filter = Object.fromEntries(
      keys.filter((_, bit) => (chosen & 2 ** bit) !== 0).map((key) => [key, each[key]]),
    );
    const { sql, values } = listQuery(filter, { before: 5, count: 10 });
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values).map(({ detail }) => detail).join("\n");
    const name = JSON.stringify(filter);
    ok(!/SCAN|TEMP B-TREE/.test(plan), `${name}: ${plan}`);
    if ("account" in filter) {
      match(plan, /authentication_account/, name);
      match(plan, /authentication_name/, name);
    } else if ("remote" in filter) match(plan, /authentication_remote/, name);
  }
});

Deno.test("of failures that concern no account 200 a second are kept, the others counted", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { authentications } = records;
  const second = Math.floor(NOW / SECOND) * SECOND;
  for (let n = 0; n < 250; n++) {
    authentications.note(failure({ authcid: `x${n}@baz.co.jp`, reason: "unknown-user; `x` exists elsewhere" }), second);
  }
  authentications.note(failure({ authcid: null, reason: "no base64", result: "malformed" }), second);
  equal(authentications.dropped, 51);
  // Those of people are kept all the same.
  for (let n = 0; n < 250; n++) authentications.note(failure(), second);
  authentications.note(login(), second);
  equal(authentications.dropped, 51);
  authentications.note(failure({ reason: "unknown-user" }), second + SECOND);
  equal(authentications.list({}, ALL).length, 200 + 250 + 1 + 1);
});

Deno.test("what waits in memory is bounded, also while the file cannot be written, and is written later", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  const limits = { waiting: 10, nobodysPerSecond: 1000, rows: 1000 };
  await using records = open(file, { limits });
  const { authentications } = records;
  {
    using database = new DatabaseSync(file);
    // Each write fails at once, as on a full disk.
    database.exec("CREATE TRIGGER full BEFORE INSERT ON authentication BEGIN SELECT RAISE(ABORT, 'full'); END");
    for (let n = 0; n < 25; n++) {
      authentications.note(login({ id: `s.${n}` }), NOW);
      if (n === 5) authentications.flush();
    }
    equal(authentications.dropped, 15);
    deepEqual(authentications.list({}, ALL), []);
    database.exec("DROP TRIGGER full");
  }
  const ids = authentications.list({}, ALL).map(({ id }) => id);
  deepEqual(ids, Array.from({ length: 10 }, (_, n) => `s.${9 - n}`));
  authentications.note(login({ id: "later" }), NOW);
  equal(authentications.list({}, ALL).length, 11);
});

Deno.test("the file has a bound: failures of invented names make room first, then the oldest", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`, { limits: { waiting: 100, nobodysPerSecond: 100, rows: 10 } });
  const { authentications } = records;
  const write = (count: number, name: string, nobodys = false) => {
    for (let n = 0; n < count; n++) {
      const event = nobodys ? failure({ reason: "unknown-user" }) : login();
      authentications.note({ ...event, id: `${name}${n}` }, NOW);
    }
    authentications.flush();
  };
  const ids = () => authentications.list({}, ALL).map(({ id }) => id).toReversed().join(" ");
  write(6, "a");
  write(4, "n", true);
  equal(ids(), "a0 a1 a2 a3 a4 a5 n0 n1 n2 n3");
  write(3, "m", true);
  equal(ids(), "a0 a1 a2 a3 a4 a5 n3 m0 m1 m2");
  write(5, "b");
  equal(ids(), "a1 a2 a3 a4 a5 b0 b1 b2 b3 b4");
  write(20, "c");
  equal(authentications.list({}, ALL).length, 10);
});

Deno.test("a sweep keeps the days asked for, and the bound of a file that another process filled", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  const day = { authenticationDays: 1 };
  await using records = open(file);
  for (const at of [0, HOUR, DAY]) records.authentications.note(login({ id: `at ${at}` }), NOW + at);
  records.sweep(NOW + DAY, day);
  equal(records.authentications.list({}, ALL).length, 3);
  records.sweep(NOW + DAY + 1, day);
  deepEqual(records.authentications.list({}, ALL).map(({ id }) => id), [`at ${DAY}`, `at ${HOUR}`]);

  await using small = open(file, { limits: { waiting: 100, nobodysPerSecond: 100, rows: 1 } });
  small.sweep(NOW + DAY + 1, day);
  deepEqual(records.authentications.list({}, ALL).map(({ id }) => id), [`at ${DAY}`]);
});

Deno.test("a sweep of very much removes some of it at a time, oldest first, and gives its room back", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  await using records = open(file);
  {
    using database = new DatabaseSync(file);
    database.exec(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
       INSERT INTO authentication (at, id, remote, listener, mechanism, nobody, result, reason, chain, ms)
       SELECT i, 's', '192.0.2.1', 'MSA', 'PLAIN', 0, 'accepted', '', '[]', 1 FROM n`,
    );
  }
  const left = () => records.authentications.list({}, { before: null, count: 100_000 });
  records.sweep(NOW, { authenticationDays: 0 });
  deepEqual([left().length, left().at(-1)?.at], [2000, 10_001]);
  // Each later write takes along twice as many as it adds.
  for (let n = 0; n < 100; n++) records.authentications.note(login(), NOW);
  deepEqual([left().length, left().at(-1)?.at], [1900, 10_201]);
  using database = new DatabaseSync(file);
  const pages = () => Number(database.prepare("PRAGMA page_count").get()?.page_count);
  const full = pages();
  records.sweep(NOW, { authenticationDays: 0 });
  deepEqual(left().map(({ at }) => at), Array(100).fill(NOW));
  ok(pages() < 200, `${full} pages, then ${pages()}`);
});

Deno.test("events noted later have later places in the log", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  for (let n = 0; n < 100; n++) records.authentications.note(login({ id: `s.${n}` }), NOW + n * MINUTE);
  const listed = records.authentications.list({}, ALL);
  deepEqual(listed.map(({ id }) => id), Array.from({ length: 100 }, (_, n) => `s.${99 - n}`));
});
