import { deepEqual, equal, ok } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type DatabaseShape, openDatabase, readNumber } from "../../src/accounts/database.ts";
import { openAccountStore } from "../../src/accounts/sqlite_account_store.ts";
import { ACCOUNT_DATABASE } from "../../src/accounts/schema.ts";
import { openStore, OPTIONS, SHIN, temporaryFolder } from "./lib.ts";

const modes = (folder: string) =>
  [...Deno.readDirSync(folder)].map(({ name }) => [name, (Deno.statSync(`${folder}/${name}`).mode ?? 0) & 0o777]);

const problemOf = (file: string) => {
  const opened = openAccountStore(file, OPTIONS);
  ok(!opened.ok);
  return opened.problem;
};

Deno.test("the file and its companions have mode 600 whatever the umask says", async () => {
  using folder = temporaryFolder();
  const before = Deno.umask(0);
  try {
    await using store = openStore(`${folder.path}/sasldb`);
    await store.add(SHIN, "secret");
    deepEqual(modes(folder.path).sort(), [["sasldb", 0o600], ["sasldb-shm", 0o600], ["sasldb-wal", 0o600]]);
  } finally {
    Deno.umask(before);
  }
  deepEqual(modes(folder.path), [["sasldb", 0o600]]);
});

Deno.test("a file that others can read is closed to them when it is opened", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  await openStore(file)[Symbol.asyncDispose]();
  await Deno.chmod(file, 0o644);
  await openStore(file)[Symbol.asyncDispose]();
  deepEqual(modes(folder.path), [["sasldb", 0o600]]);
});

Deno.test("a change is durable: WAL and synchronous=FULL", () => {
  using folder = temporaryFolder();
  const opened = openDatabase(`${folder.path}/sasldb`, ACCOUNT_DATABASE);
  ok(opened.ok);
  equal(readNumber(opened.value, "PRAGMA synchronous"), 2);
  deepEqual(Object.values(opened.value.prepare("PRAGMA journal_mode").get() ?? {}), ["wal"]);
  opened.value.close();
});

Deno.test("a version of the future is refused and left as it is", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  await openStore(file)[Symbol.asyncDispose]();
  const database = new DatabaseSync(file);
  database.exec("PRAGMA user_version=99");
  database.close();
  const before = await Deno.readFile(file);
  equal(problemOf(file).kind, "newer");
  deepEqual(await Deno.readFile(file), before);
});

Deno.test("an older version is migrated forward, with its rows", () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/db`;
  const first: DatabaseShape = {
    what: "test",
    applicationId: 7,
    migrations: ["CREATE TABLE t (a); INSERT INTO t VALUES (1)"],
  };
  const second = { ...first, migrations: [...first.migrations, "ALTER TABLE t ADD COLUMN b DEFAULT 2"] };
  for (const shape of [first, second, second]) {
    const opened = openDatabase(file, shape);
    ok(opened.ok);
    equal(readNumber(opened.value, "PRAGMA user_version"), shape.migrations.length);
    equal(readNumber(opened.value, shape === first ? "SELECT a FROM t" : "SELECT b FROM t"), shape === first ? 1 : 2);
    opened.value.close();
  }
});

Deno.test("a migration that fails changes nothing", () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/db`;
  const first: DatabaseShape = { what: "test", applicationId: 7, migrations: ["CREATE TABLE t (a)"] };
  const made = openDatabase(file, first);
  ok(made.ok);
  made.value.close();
  const bad = { ...first, migrations: [...first.migrations, "CREATE TABLE u (a); CREATE TABLE t (a)"] };
  equal(openDatabase(file, bad).ok, false);
  const again = openDatabase(file, first);
  ok(again.ok);
  equal(readNumber(again.value, "SELECT count(*) FROM sqlite_schema"), 1);
  again.value.close();
});

Deno.test("what is no account store is refused and left as it is", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  const refuse = (kind: string) => {
    const before = Deno.readFileSync(file);
    const problem = problemOf(file);
    equal(problem.kind, kind, problem.message);
    ok(problem.message.includes(file), problem.message);
    deepEqual(Deno.readFileSync(file), before);
    deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["sasldb"]);
  };
  await Deno.writeTextFile(file, "shin:secret\n".repeat(1000));
  refuse("damaged");
  await Deno.writeTextFile(file, "");
  refuse("damaged");

  await Deno.remove(file);
  const foreign = new DatabaseSync(file);
  foreign.exec("CREATE TABLE moz_places (a); PRAGMA user_version=1");
  foreign.close();
  refuse("damaged");

  await Deno.remove(file);
  await using store = openStore(file);
  await store.add(SHIN, "secret");
  await store[Symbol.asyncDispose]();
  await Deno.truncate(file, (await Deno.stat(file)).size >> 1);
  refuse("damaged");
});

Deno.test("a folder that is not there is a problem, and is not made", () => {
  using folder = temporaryFolder();
  equal(problemOf(`${folder.path}/missing/sasldb`).kind, "io");
  equal(problemOf(folder.path).kind, "io");
  deepEqual([...Deno.readDirSync(folder.path)], []);
});
