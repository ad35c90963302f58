import assert from "node:assert/strict";
import type { AccountAdmin } from "../../../src/accounts/account_store.ts";
import { openAccountStore } from "../../../src/accounts/sqlite_account_store.ts";
import { accountOperations } from "../../../src/http/operations/accounts.ts";
import { keptLog, sidecarParts } from "../lib.ts";

const ACTOR = { who: "shin@baz.co.jp", from: "192.0.2.1" };
const TARO = { local: "taro", realm: "example.jp" };

function openStore(folder: string, file: string) {
  const opened = openAccountStore(`${folder}/${file}`, {
    ...{ defaultRealm: "example.jp", realms: [], legacyVerifiers: false, userCaseSensitive: true },
    now: Date.now,
  });
  assert.ok(opened.ok);
  return opened.value;
}

function partsWith(stores: Readonly<Record<string, AccountAdmin>>) {
  const kept = keptLog();
  const given = sidecarParts({ log: kept.log });
  const forgotten: string[] = [];
  const forget = ({ local, realm }: typeof TARO) => Promise.resolve(void forgotten.push(`${local}@${realm}`));
  const appPasswords = { ...given.current().appPasswords, forget };
  const current = () => ({ ...given.current(), stores: new Map(Object.entries(stores)), appPasswords });
  return { parts: { ...given, current }, events: kept.events, forgotten };
}

Deno.test("accountOperations() takes the only store, or the one that is named", async () => {
  const folder = await Deno.makeTempDir({ prefix: "dokodemo-operations-" });
  {
    await using one = openStore(folder, "one");
    await using two = openStore(folder, "two");
    const list = (stores: Readonly<Record<string, AccountAdmin>>, backend?: string) =>
      accountOperations(partsWith(stores).parts, ACTOR, backend).list({}, { after: null, count: 10 });
    const problem = async (stores: Readonly<Record<string, AccountAdmin>>, backend?: string) => {
      const listed = await list(stores, backend);
      return listed.ok ? null : listed.problem;
    };
    assert.deepEqual(await problem({}), { kind: "no-store" });
    assert.deepEqual(await problem({ one, two }), { kind: "which-store", backends: ["one", "two"] });
    assert.deepEqual(await problem({ one, two }, "three"), { kind: "unknown-store", backends: ["one", "two"] });
    assert.deepEqual(await problem({ one, two }, "two"), null);
    // Two sections with one file are one store.
    assert.deepEqual(await problem({ one, again: one }), null);

    const { parts } = partsWith({ one, two });
    const added = await accountOperations(parts, ACTOR, "two").add(TARO, "secret");
    assert.ok(added.ok);
    assert.equal(await one.show(TARO), null);
    assert.notEqual(await two.show(TARO), null);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a store that cannot be read is an outage, told in the log, and nothing is in the audit log", async () => {
  const folder = await Deno.makeTempDir({ prefix: "dokodemo-operations-" });
  {
    await using store = openStore(folder, "store");
    const failing: AccountAdmin = Object.assign(Object.create(store), {
      setPassword: () => Promise.reject(Object.assign(new Error("disk I/O error"), { code: "ERR_SQLITE_ERROR" })),
      setDisabled: () => Promise.reject(new TypeError("a bug")),
    });
    const { parts, events } = partsWith({ failing });
    const before = parts.records.audit.list({ before: null, count: 100 }).length;
    const set = await accountOperations(parts, ACTOR).setPassword(TARO, "secret");
    assert.deepEqual(set, { ok: false, problem: { kind: "unavailable" } });
    assert.deepEqual(events, [
      { kind: "warning", about: "accounts", text: "The account store failed: disk I/O error" },
    ]);
    await assert.rejects(accountOperations(parts, ACTOR).setDisabled(TARO, true), /a bug/);
    assert.equal(parts.records.audit.list({ before: null, count: 100 }).length, before);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("remove() takes everything that hangs on the account, and leaves the rest", async () => {
  const folder = await Deno.makeTempDir({ prefix: "dokodemo-operations-" });
  {
    await using store = openStore(folder, "store");
    const { parts, events, forgotten } = partsWith({ store });
    const { records: { sessions, administrators, audit } } = parts;
    const acts = accountOperations(parts, ACTOR);
    for (const local of ["taro", "jiro"]) assert.ok((await acts.add({ local, realm: "example.jp" }, "secret")).ok);
    const begin = (account: string) =>
      sessions.add({
        ...{ account, backend: "store", version: null, administrator: false, remote: "192.0.2.9", userAgent: "" },
      }, Date.now()).secret;
    const [gone, stays] = [begin("taro@example.jp"), begin("jiro@example.jp")];
    administrators.enrol("taro@example.jp", Date.now());
    assert.ok((await acts.remove(TARO)).ok);
    assert.equal(sessions.check(gone, Date.now()), null);
    assert.notEqual(sessions.check(stays, Date.now()), null);
    assert.equal(administrators.has("taro@example.jp"), false);
    assert.deepEqual(forgotten, ["taro@example.jp"]);
    assert.deepEqual(await acts.remove(TARO), { ok: false, problem: { kind: "unknown-account" } });
    const [last] = audit.list({ before: null, count: 1 });
    assert.deepEqual({ ...last, seq: 0, at: 0 }, {
      ...{ seq: 0, at: 0, ...ACTOR, what: "account.delete", target: "taro@example.jp", detail: "" },
    });
    assert.deepEqual(events.at(-1), {
      ...{ kind: "account-changed", account: "taro@example.jp", what: "delete", by: ACTOR.who },
    });
  }
  await Deno.remove(folder, { recursive: true });
});
