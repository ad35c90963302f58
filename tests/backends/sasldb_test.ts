import { deepEqual, equal, ok } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { BACKENDS } from "../../backends/registry.ts";
import { SASLDB } from "../../backends/sasldb.ts";
import type { Backend, Origin } from "../../src/backend.ts";
import type { SqliteAccountStore } from "../../src/accounts/sqlite_account_store.ts";
import { openStore, SHIN, temporaryFolder } from "../accounts/lib.ts";
import { backendContract } from "./contract.ts";

const NAME = "shin@baz.co.jp";
const ORIGIN: Origin = { remote: "192.0.2.1", listener: "MSA", tls: null, mechanism: "PLAIN" };

async function open(store: SqliteAccountStore): Promise<Backend> {
  const host = { dataDir: "/nowhere", defaultRealm: "baz.co.jp", accounts: () => store };
  return await SASLDB.open("mine", SASLDB.schema.parse({}), host);
}

const never = () => new AbortController().signal;

const FOREIGN = { user: { local: "søren.田中", realm: "baz.co.jp" }, password: "grüße 密码" };

backendContract("sasldb", {
  open: async () => {
    const folder = temporaryFolder();
    const store = openStore(`${folder.path}/sasldb`);
    ok((await store.add(SHIN, "tanstaaf 42")).ok);
    ok((await store.add(FOREIGN.user, FOREIGN.password)).ok);
    return {
      backend: await open(store),
      [Symbol.asyncDispose]: async () => {
        await store[Symbol.asyncDispose]();
        folder[Symbol.dispose]();
      },
    };
  },
  right: { user: SHIN, password: "tanstaaf 42" },
  foreign: FOREIGN,
  unknown: { local: "taro", realm: "baz.co.jp" },
  deadlineMs: 10_000,
  // A scrypt each.
  crowd: 60,
  peer: null,
});

Deno.test("the section sasldb has a file, by default sasldb, and nothing else", () => {
  equal(BACKENDS.get("sasldb"), SASLDB);
  equal(BACKENDS.get("constructor"), undefined);
  deepEqual(SASLDB.schema.parse({}), { file: "sasldb" });
  for (const wrong of [{ file: "" }, { file: 1 }, { path: "x" }]) equal(SASLDB.schema.safeParse(wrong).success, false);
});

Deno.test("sasldb answers passwords", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  await using backend = await open(store);
  const ask = (local: string, password: string) =>
    backend.ask({ kind: "password", user: { local, realm: "baz.co.jp" }, password, origin: ORIGIN }, never());
  const added = await store.add(SHIN, "tanstaaf");
  ok(added.ok);
  const { id, version } = added.value.credentials[0]!;
  const account = { name: NAME, backend: "mine", addresses: [], groups: [], attributes: {} };
  deepEqual(await ask("shin", "tanstaaf"), { kind: "accepted", account, credential: id, version });
  for (const wrong of ["tanstaa", "", "tanstaaf\0", "'; DROP TABLE account; --"]) {
    deepEqual(await ask("shin", wrong), { kind: "rejected", why: "wrong-secret" });
  }
  for (const unknown of ["taro", "constructor", "", "shin\0", "%", "shin' OR 1=1"]) {
    deepEqual(await ask(unknown, "tanstaaf"), { kind: "rejected", why: "unknown-user" });
  }
  await store.setDisabled(SHIN, true);
  deepEqual(await ask("shin", "tanstaaf"), { kind: "rejected", why: "disabled" });
  deepEqual(await ask("shin", "guess"), { kind: "rejected", why: "disabled" });
});

Deno.test("sasldb answers verifiers and look-ups, of disabled accounts too", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  await using backend = await open(store);
  await store.add(SHIN, "tanstaaf");
  deepEqual([...backend.answers.schemes].sort(), ["cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256"]);
  for (const disabled of [false, true]) {
    await store.setDisabled(SHIN, disabled);
    for (const scheme of backend.answers.schemes) {
      const answer = await backend.ask({ kind: "verifiers", user: SHIN, scheme, origin: ORIGIN }, never());
      ok(answer.kind === "verifiers" && answer.verifiers.length === 1 && !answer.decoy);
      deepEqual([answer.account?.name, answer.account?.backend], [NAME, "mine"]);
    }
    const known = await backend.ask({ kind: "lookup", user: SHIN }, never());
    equal(known.kind, "known");
    equal((await backend.local?.standing(SHIN))?.disabled, disabled);
  }
  const taro = { local: "taro", realm: "baz.co.jp" };
  const unknown = { kind: "rejected", why: "unknown-user" };
  deepEqual(await backend.ask({ kind: "verifiers", user: taro, scheme: "cram-md5", origin: ORIGIN }, never()), unknown);
  deepEqual(await backend.ask({ kind: "lookup", user: taro }, never()), unknown);
  equal(await backend.local?.standing(taro), null);
  const token = { kind: "token", scheme: "xoauth2", octets: new Uint8Array(), handle: null, origin: ORIGIN } as const;
  equal((await backend.ask(token, never())).kind, "rejected");
});

Deno.test("an account without the verifier asked for is not allowed in by it", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`, { legacyVerifiers: false });
  await using backend = await open(store);
  await store.add(SHIN, "tanstaaf");
  deepEqual([...backend.answers.schemes], ["scram-sha-1", "scram-sha-256"]);
  deepEqual(await backend.ask({ kind: "verifiers", user: SHIN, scheme: "cram-md5", origin: ORIGIN }, never()), {
    kind: "rejected",
    why: "not-allowed",
  });
});

Deno.test("a file that cannot be read is an outage, not a wrong password", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  await using store = openStore(file);
  await using backend = await open(store);
  await store.add(SHIN, "tanstaaf");
  const database = new DatabaseSync(file);
  database.exec("DROP TABLE verifier; DROP TABLE credential; DROP TABLE account_address; DROP TABLE account");
  database.close();
  for (
    const question of [
      { kind: "password", user: SHIN, password: "tanstaaf", origin: ORIGIN },
      { kind: "verifiers", user: SHIN, scheme: "cram-md5", origin: ORIGIN },
      { kind: "lookup", user: SHIN },
    ] as const
  ) deepEqual(await backend.ask(question, never()), { kind: "unavailable", cause: "no such table: account" });
  deepEqual(await backend.probe(never()), {
    ok: false,
    problem: "Cannot read the account store: no such table: account",
  });
});

Deno.test("an aborted question leaves the line for scrypt", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  await using backend = await open(store);
  await store.add(SHIN, "tanstaaf");
  const abort = new AbortController();
  const ask = (signal: AbortSignal) =>
    backend.ask({ kind: "password", user: SHIN, password: "tanstaaf", origin: ORIGIN }, signal);
  const first = [ask(never()), ask(never())];
  const waiting = ask(abort.signal).then(() => "answered", () => "left");
  await Promise.resolve();
  abort.abort();
  equal(await waiting, "left");
  deepEqual((await Promise.all(first)).map(({ kind }) => kind), ["accepted", "accepted"]);
});
