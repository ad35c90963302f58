import { deepEqual, equal, match, ok } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { openRecords } from "../../src/records/open_records.ts";
import { temporaryFolder } from "../accounts/lib.ts";
import { failure, inOtherProcess, login, NOW, open } from "./lib.ts";

const [SHIN, HANA] = ["shin@baz.co.jp", "hana@baz.co.jp"];
const modes = (folder: string) =>
  [...Deno.readDirSync(folder)].map(({ name }) => [name, (Deno.statSync(`${folder}/${name}`).mode ?? 0) & 0o777])
    .toSorted();
const ALL = { before: null, count: 100 };

Deno.test("the file and its companions have mode 600 whatever the umask says", async () => {
  using folder = temporaryFolder();
  const before = Deno.umask(0);
  try {
    await using records = open(`${folder.path}/records`);
    records.tokens.add({ label: "x", scopes: [], expires: null }, NOW);
    deepEqual(modes(folder.path), [["records", 0o600], ["records-shm", 0o600], ["records-wal", 0o600]]);
  } finally {
    Deno.umask(before);
  }
});

Deno.test("what is written is there after a kill -9", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  await inOtherProcess(
    file,
    `records.administrators.enrol("${SHIN}", 1);
    records.audit.add({ who: "a", from: "b", what: "c", target: "d" }, 1);
    records.outbox.add({ id: "x", url: "u", body: "{}" }, 1);
    Deno.kill(Deno.pid, "SIGKILL");
    await new Promise(() => {});`,
  ).then(() => ok(false, "it was not killed"), () => {});
  await using records = open(file);
  equal(records.administrators.has(SHIN), true);
  equal(records.audit.list(ALL).length, 1);
  equal(records.outbox.due(NOW, 9).length, 1);
});

Deno.test("another file, a damaged one and one of a newer version are refused", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  const problem = () => {
    const opened = openRecords(file, { now: Date.now });
    ok(!opened.ok);
    match(opened.problem.message, /^Cannot open records /);
    return opened.problem.kind;
  };
  await Deno.writeTextFile(file, "text");
  equal(problem(), "damaged");
  await Deno.remove(file);
  await open(file)[Symbol.asyncDispose]();
  const database = new DatabaseSync(file);
  database.exec("PRAGMA user_version=99");
  database.close();
  equal(problem(), "newer");
});

Deno.test("with an account goes what hangs on it, but not what was done to it", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { sessions, administrators, authentications, audit } = records;
  const session = { backend: "sasldb", version: null, administrator: true, remote: "192.0.2.7", userAgent: "x" };
  for (const account of [SHIN, HANA]) {
    sessions.add({ ...session, account }, NOW);
    administrators.enrol(account, NOW);
    authentications.note(login({ account, authcid: account }), NOW);
    authentications.note(failure({ authcid: account }), NOW);
    audit.add({ who: account, from: "192.0.2.7", what: "account.password", target: account }, NOW);
  }
  authentications.note(failure({ authcid: "other@baz.co.jp" }), NOW);
  records.forgetAccount(SHIN);
  deepEqual([sessions.of(SHIN, NOW).length, sessions.of(HANA, NOW).length], [0, 1]);
  deepEqual(administrators.list().map(({ account }) => account), [HANA]);
  deepEqual(authentications.list({}, ALL).map(({ authcid }) => authcid), ["other@baz.co.jp", HANA, HANA]);
  equal(audit.list(ALL).length, 2);
});

Deno.test("several processes write at once, and nothing is lost", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  await using records = open(file);
  const script = `for (let n = 0; n < 40; n++) {
      const { secret } = records.tokens.add({ label: String(n), scopes: ["queue:read"], expires: null }, n);
      records.tokens.check(secret, n);
      records.authentications.note(${JSON.stringify(login())}, n);
      if (n % 10 === 0) records.sweep(0, { authenticationDays: 1 });
    }`;
  await Promise.all([1, 2, 3].map(() => inOtherProcess(file, script)));
  equal(records.tokens.list().length, 120);
  ok(records.tokens.list().every(({ lastUsed }) => lastUsed !== null));
  equal(records.authentications.list({}, { before: null, count: 1000 }).length, 120);
});

Deno.test("closing twice is no mistake", async () => {
  using folder = temporaryFolder();
  const records = open(`${folder.path}/records`);
  await records[Symbol.asyncDispose]();
  await records[Symbol.asyncDispose]();
});
