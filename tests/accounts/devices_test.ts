import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { AppPasswordFile } from "../../src/accounts/app_password_store.ts";
import { checkDevice, type DeviceSettings, makeDevicePassword } from "../../src/accounts/device.ts";
import { ACCOUNT_DATABASE } from "../../src/accounts/schema.ts";
import { openAccountStore } from "../../src/accounts/sqlite_account_store.ts";

const SETTINGS: DeviceSettings = {
  ...{ sender: "Scan@Foobar.co.jp", networks: ["192.0.2.7"], recipients: ["@Baz.co.jp"], perDay: 2 },
  ...{ channel: "login", repair: true },
};
const NAME = { local: "scanner", realm: "baz.co.jp" };
const OPTIONS = { defaultRealm: "baz.co.jp", realms: [], legacyVerifiers: false, userCaseSensitive: true };

Deno.test("checkDevice() writes settings in one form, and names what is wrong", () => {
  const checked = checkDevice(SETTINGS);
  assert.ok(checked.ok);
  assert.deepEqual([checked.value.sender, checked.value.recipients], ["scan@foobar.co.jp", ["@baz.co.jp"]]);
  const problem = (change: Partial<DeviceSettings>) => {
    const result = checkDevice({ ...SETTINGS, ...change });
    return result.ok ? null : result.problem.kind;
  };
  assert.equal(problem({ sender: "@foobar.co.jp" }), "bad-sender");
  assert.equal(problem({ sender: "*" }), "bad-sender");
  assert.equal(problem({ networks: ["192.0.2.0/33"] }), "bad-network");
  assert.equal(problem({ networks: ["192.0.2.0/24"] }), "one-address");
  assert.equal(problem({ networks: ["192.0.2.7/32"] }), null);
  assert.equal(problem({ networks: ["192.0.2.7", "192.0.2.8"] }), "one-address");
  assert.equal(problem({ networks: ["192.0.2.0/24"], channel: "cram-md5" }), null);
  assert.equal(problem({ recipients: ["*"] }), "bad-recipient");
  assert.equal(problem({ perDay: 0 }), "bad-per-day");
});

Deno.test("makeDevicePassword() gives what keys can type", () => {
  assert.match(makeDevicePassword({ keypad: true }), /^\d{16}$/);
  assert.match(makeDevicePassword({ keypad: false }), /^[abcdefghjkmnpqrstuvwxyz]{16}$/);
});

Deno.test("a store of version 1 gets devices, whose day is counted and forgotten, and whose people's doors stay shut", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/sasldb`;
  const old = new DatabaseSync(file);
  old.exec(`PRAGMA application_id=${ACCOUNT_DATABASE.applicationId}; ${ACCOUNT_DATABASE.migrations[0]}`);
  old.exec("PRAGMA user_version=1");
  old.close();
  let now = Date.UTC(2026, 10, 24, 23, 59);
  const opened = openAccountStore(file, { ...OPTIONS, now: () => now });
  assert.ok(opened.ok);
  await using store = opened.value;
  const made = await store.devices.add(NAME, SETTINGS, { keypad: true });
  assert.ok(made.ok);
  const credential = await store.checkPassword("scanner@baz.co.jp", made.value.password);
  assert.deepEqual([credential?.kind, credential?.networks], ["device", ["192.0.2.7"]]);
  assert.equal((await store.verifiers("scanner@baz.co.jp", "cram-md5")).length, 1);
  store.devices.countMail("scanner@baz.co.jp", now);
  store.devices.countMail("scanner@baz.co.jp", now);
  assert.equal(store.devices.show(NAME)?.mailsToday, 2);
  now += 60_000;
  assert.equal(store.devices.all()[0]?.mailsToday, 0);
  store.devices.countMail("scanner@baz.co.jp", now);
  assert.equal(store.devices.all()[0]?.mailsToday, 1);
  store.devices.countRepairs("scanner@baz.co.jp", new Map([["bare-lf", 3]]), now);
  store.devices.countRepairs("scanner@baz.co.jp", new Map([["bare-lf", 4]]), now);
  assert.deepEqual(store.devices.show(NAME)?.repairs, [{
    what: "bare-lf",
    count: 7,
    last: "2026-11-25T00:00:00.000Z",
  }]);
  assert.equal((await store.setPassword(NAME, "another long one")).ok, false);
  assert.equal((await store.remove(NAME)).ok, false);
  assert.deepEqual(await store.list({}), []);
  const version = credential?.version;
  assert.ok(store.devices.set(NAME, { networks: ["192.0.2.9"] }).ok);
  assert.equal((await store.credentials("scanner@baz.co.jp"))[0]?.version, version);
  const renewed = await store.devices.setPassword(NAME, { keypad: false });
  assert.ok(renewed.ok);
  assert.equal(await store.checkPassword("scanner@baz.co.jp", made.value.password), null);
  assert.ok(store.devices.remove(NAME).ok);
  assert.equal(await store.find(NAME), null);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("app passwords of version 2 are migrated behind what they had", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/app_passwords`;
  const old = new DatabaseSync(file);
  old.exec(`PRAGMA application_id=${0x646f6b70}; ${ACCOUNT_DATABASE.migrations[0]}`);
  old.exec("CREATE TABLE known_account (account INTEGER PRIMARY KEY, at INTEGER NOT NULL, found TEXT NOT NULL) STRICT");
  old.exec("PRAGMA user_version=2");
  old.close();
  await using kept = new AppPasswordFile(file, { ...OPTIONS, now: Date.now });
  const opened = kept.existing();
  assert.ok(opened.ok, opened.ok ? "" : opened.problem.message);
  assert.equal(await opened.value?.find(NAME), null);
  await Deno.remove(folder, { recursive: true });
});
