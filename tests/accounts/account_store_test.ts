import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import { pbkdf2Sync } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import type { Origin } from "../../src/backend.ts";
import { equalConstantTime } from "../../src/lib/constant_time.ts";
import { cramMd5Contexts, digestMd5Ha1s, scramKeys } from "../../src/sasl/derive.ts";
import { openStore, SHIN, temporaryFolder } from "./lib.ts";

const ORIGIN: Origin = { remote: "192.0.2.1", listener: "MSA", tls: null, mechanism: "PLAIN" };
const NAME = "shin@baz.co.jp";

function filesIn(folder: string): readonly string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => Deno.readTextFileSync(`${folder}/${name}`));
}

Deno.test("a password that is set opens the account and no other does", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  const added = await store.add(SHIN, "tanstaaf");
  ok(added.ok);
  equal((await store.checkPassword(NAME, "tanstaaf"))?.id, added.value.credentials[0]?.id);
  for (const wrong of ["tanstaa", "Tanstaaf", "tanstaaf ", "", "tanstaaf\0", "\n"]) {
    equal(await store.checkPassword(NAME, wrong), null, JSON.stringify(wrong));
  }
  equal(await store.checkPassword("nobody@baz.co.jp", "tanstaaf"), null);
  equal(await store.checkPassword("", ""), null);
});

Deno.test("one password makes every verifier, and no clear text", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  await using store = openStore(file, { realms: ["foobar.co.jp"] });
  const password = "tan staaf-Grüße";
  const added = await store.add(SHIN, password);
  ok(added.ok);
  const { schemes, legacyVerifiers, missingRealms, name, backend, disabled, created } = added.value;
  deepEqual(
    { schemes, legacyVerifiers, missingRealms, name, backend, disabled, created },
    {
      schemes: ["cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256"],
      legacyVerifiers: true,
      missingRealms: [],
      name: NAME,
      backend: "sasldb",
      disabled: false,
      created: "2026-11-24T03:04:05.000Z",
    },
  );

  for (
    const [scheme, digest, octets, hash] of [["scram-sha-1", "sha1", 20, "sha-1"], [
      "scram-sha-256",
      "sha256",
      32,
      "sha-256",
    ]] as const
  ) {
    const [verifier, ...more] = await store.verifiers(NAME, scheme);
    ok(verifier?.scheme === scheme && more.length === 0);
    equal(verifier.iterations, 4096);
    equal(verifier.salt.length, 16);
    const keys = scramKeys(hash, pbkdf2Sync(password, verifier.salt, 4096, octets, digest));
    ok(equalConstantTime(verifier.storedKey, keys.storedKey));
    ok(equalConstantTime(verifier.serverKey, keys.serverKey));
  }
  const [cram] = await store.verifiers(NAME, "cram-md5");
  ok(cram?.scheme === "cram-md5");
  deepEqual({ inner: cram.inner, outer: cram.outer }, cramMd5Contexts(password));
  const [digest] = await store.verifiers(NAME, "digest-md5");
  ok(digest?.scheme === "digest-md5");
  const { realm, ha1s } = digestMd5Ha1s(SHIN, password, { defaultRealm: "baz.co.jp", realms: ["foobar.co.jp"] });
  deepEqual([digest.realm, digest.ha1s.map((each) => each.toHex())], [realm, ha1s.map((each) => each.toHex())]);

  const content = filesIn(folder.path);
  ok(content.some((each) => each.includes("$scrypt$")));
  ok(content.every((each) => !each.includes("staaf")));
});

Deno.test("legacyVerifiers = false leaves CRAM-MD5 and DIGEST-MD5 out, and the offer with them", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`, { legacyVerifiers: false });
  const added = await store.add(SHIN, "secret");
  ok(added.ok);
  deepEqual([added.value.schemes, added.value.legacyVerifiers, added.value.missingRealms], [
    ["scram-sha-1", "scram-sha-256"],
    false,
    [],
  ]);
  deepEqual(await store.verifiers(NAME, "cram-md5"), []);
  deepEqual([...store.schemes], ["scram-sha-1", "scram-sha-256"]);
  store.configure({ defaultRealm: "baz.co.jp", realms: [], legacyVerifiers: true, userCaseSensitive: true });
  ok(store.schemes.has("cram-md5"));
  deepEqual((await store.show(SHIN))?.missingRealms, ["baz.co.jp"]);
  ok((await store.setPassword(SHIN, "secret")).ok);
  deepEqual((await store.show(SHIN))?.missingRealms, []);
});

Deno.test("a realm added later is missing until the password is set anew", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  await using store = openStore(file);
  await store.add(SHIN, "secret");
  await using later = openStore(file, { realms: ["foobar.co.jp"] });
  deepEqual((await later.show(SHIN))?.missingRealms, ["foobar.co.jp"]);
  await later.setPassword(SHIN, "secret");
  deepEqual((await later.show(SHIN))?.missingRealms, []);
});

Deno.test("setPassword replaces the secret, keeps credential and salts, and changes the version", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  const added = await store.add(SHIN, "old");
  const [before] = await store.verifiers(NAME, "scram-sha-256");
  const set = await store.setPassword(SHIN, "new");
  const [after] = await store.verifiers(NAME, "scram-sha-256");
  ok(added.ok && set.ok);
  equal(await store.checkPassword(NAME, "old"), null);
  ok(await store.checkPassword(NAME, "new"));
  equal(set.value.credentials.length, 1);
  equal(set.value.credentials[0]?.id, added.value.credentials[0]?.id);
  notEqual(set.value.credentials[0]?.version, added.value.credentials[0]?.version);
  ok(before?.scheme === "scram-sha-256" && after?.scheme === "scram-sha-256");
  deepEqual(after.salt, before.salt);
  notEqual(after.storedKey.toHex(), before.storedKey.toHex());
});

Deno.test("passwords are compared as SASLprep prepares them; a single character is one", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  await store.add(SHIN, "パスワード\u00a0Ⅸ");
  ok(await store.checkPassword(NAME, "パスワード IX"));
  await store.setPassword(SHIN, "x");
  ok(await store.checkPassword(NAME, "x"), "opensmtpd 7.8.0: a password of one character was refused");
});

Deno.test("what cannot be a name or a password is refused, by add and setPassword", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  for (const local of ["", ".shin", "a/b", "a\0b", "a\nb", "a b"]) {
    deepEqual(await store.add({ local, realm: "baz.co.jp" }, "secret"), { ok: false, problem: "bad-name" });
  }
  for (const password of ["", "a\0b", "a\nb", "\x7f", "\u00ad"]) {
    deepEqual(await store.add(SHIN, password), { ok: false, problem: "bad-password" });
  }
  deepEqual(await store.setPassword(SHIN, "secret"), { ok: false, problem: "unknown-account" });
  ok((await store.add(SHIN, "secret")).ok);
  deepEqual(await store.setPassword(SHIN, ""), { ok: false, problem: "bad-password" });
  deepEqual(await store.add(SHIN, "secret"), { ok: false, problem: "exists" });
  ok(await store.checkPassword(NAME, "secret"));
});

Deno.test("add lets one of two win that add the same name at once, in one process or two", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  await using one = openStore(file);
  await using two = openStore(file);
  const added = await Promise.all([one.add(SHIN, "first"), two.add(SHIN, "second"), one.add(SHIN, "third")]);
  deepEqual(added.map((each) => each.ok ? "added" : each.problem).sort(), ["added", "exists", "exists"]);
});

Deno.test("names of properties and of other scripts are names like any", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  for (const local of ["constructor", "__proto__", "山田"]) {
    const user = { local, realm: "baz.co.jp" };
    equal(await store.find(user), null);
    ok((await store.add(user, "secret")).ok);
    equal((await store.find(user))?.name, `${local}@baz.co.jp`);
  }
  deepEqual((await store.list({})).map(({ name }) => name), [
    "__proto__@baz.co.jp",
    "constructor@baz.co.jp",
    "山田@baz.co.jp",
  ]);
});

Deno.test("a name is found by its realm without case, and by its user part with case unless configured", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  await using store = openStore(file);
  await store.add({ local: "Shin", realm: "BAZ.co.jp" }, "secret");
  equal((await store.find({ local: "Shin", realm: "baz.CO.jp" }))?.name, "Shin@baz.co.jp");
  equal(await store.find(SHIN), null);
  await using loose = openStore(file, { userCaseSensitive: false });
  equal((await loose.find(SHIN))?.name, "Shin@baz.co.jp");
  deepEqual(await loose.add({ local: "SHIN", realm: "baz.co.jp" }, "x"), { ok: false, problem: "exists" });

  ok((await store.add(SHIN, "other")).ok);
  equal((await loose.find(SHIN))?.name, "shin@baz.co.jp");
  equal(await loose.find({ local: "SHIN", realm: "baz.co.jp" }), null, "two differ by case only: none is meant");
});

Deno.test("an address is found without case, by name first", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  await using store = openStore(file);
  await store.add(SHIN, "secret");
  await store.add({ local: "taro", realm: "baz.co.jp" }, "secret");
  const database = new DatabaseSync(file);
  database.exec(
    `INSERT INTO account_address SELECT id, 'sales@foobar.co.jp' FROM account WHERE local = 'shin';
     INSERT INTO account_address SELECT id, '@foobar.co.jp' FROM account WHERE local = 'shin';
     INSERT INTO account_address SELECT id, 'both@foobar.co.jp' FROM account;
     INSERT INTO account_address SELECT id, 'shin@baz.co.jp' FROM account WHERE local = 'taro'`,
  );
  database.close();
  const found = async (address: string) => (await store.find({ address }))?.name ?? null;
  equal(await found("SALES@FooBar.co.jp"), NAME);
  equal(await found("SHIN@baz.co.jp"), NAME);
  for (const none of ["both@foobar.co.jp", "@foobar.co.jp", "x@foobar.co.jp", "sales", ""]) {
    equal(await found(none), null, none);
  }
  deepEqual((await store.find(SHIN))?.addresses, ["@foobar.co.jp", "both@foobar.co.jp", "sales@foobar.co.jp"]);
});

Deno.test("cyrus_sasl_550: a change by another process counts at the next question", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  await using server = openStore(file);
  await using command = openStore(file);
  equal(await server.find(SHIN), null);
  await command.add(SHIN, "old");
  ok(await server.checkPassword(NAME, "old"));
  await command.setPassword(SHIN, "new");
  equal(await server.checkPassword(NAME, "old"), null);
  await command.setDisabled(SHIN, true);
  equal(await server.state(NAME), "disabled");
  await command.setDisabled(SHIN, false);
  equal(await server.state(NAME), "active");
  ok((await command.remove(SHIN)).ok);
  equal(await server.state(NAME), "unknown");
  deepEqual(await server.credentials(NAME), []);
  deepEqual(await server.verifiers(NAME, "cram-md5"), []);
});

Deno.test("setDisabled, remove and show say when there is no such account", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  deepEqual(await store.setDisabled(SHIN, true), { ok: false, problem: "unknown-account" });
  deepEqual(await store.remove(SHIN), { ok: false, problem: "unknown-account" });
  equal(await store.show(SHIN), null);
});

Deno.test("list is sorted by name and can be of one realm", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  for (const name of ["b@baz.co.jp", "a@foobar.co.jp", "a@baz.co.jp"]) {
    const [local = "", realm = ""] = name.split("@");
    await store.add({ local, realm }, "secret");
  }
  const names = async (filter: { readonly realm?: string }) => (await store.list(filter)).map(({ name }) => name);
  deepEqual(await names({}), ["a@baz.co.jp", "a@foobar.co.jp", "b@baz.co.jp"]);
  deepEqual(await names({ realm: "BAZ.co.jp" }), ["a@baz.co.jp", "b@baz.co.jp"]);
  deepEqual(await names({ realm: "nowhere.jp" }), []);
});

Deno.test("a last use is written at the latest when the store is closed", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  const store = openStore(file);
  const added = await store.add(SHIN, "secret");
  ok(added.ok);
  const credential = added.value.credentials[0]?.id ?? "";
  await store.used(NAME, credential, ORIGIN, Date.UTC(2026, 10, 25));
  await store.used(NAME, "gone", ORIGIN, Date.UTC(2026, 10, 26));
  await store.used(NAME, credential, ORIGIN, Date.UTC(2026, 10, 27));
  await store[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await using again = openStore(file);
  equal((await again.credentials(NAME))[0]?.lastUsed, "2026-11-27T00:00:00.000Z");
  equal((await again.credentials(NAME))[0]?.version, added.value.credentials[0]?.version);
});

Deno.test("probe tells whether the file can be read", async () => {
  using folder = temporaryFolder();
  const store = openStore(`${folder.path}/sasldb`);
  deepEqual(store.probe(), { ok: true, value: undefined });
  await store[Symbol.asyncDispose]();
  equal(store.probe().ok, false);
});

Deno.test("checkPassword leaves the line for scrypt when its signal aborts", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  await store.add(SHIN, "secret");
  const abort = new AbortController();
  const first = [store.checkPassword(NAME, "secret"), store.checkPassword(NAME, "secret")];
  const waiting = store.checkPassword(NAME, "secret", { signal: abort.signal }).then(() => "done", () => "left");
  abort.abort();
  equal(await Promise.race([waiting, ...first.map((each) => each.then(() => "scrypt"))]), "left");
  ok((await Promise.all(first)).every((each) => each !== null));
});
