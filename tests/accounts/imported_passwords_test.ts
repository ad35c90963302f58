import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { ForeignHashProblem, type VerifyForeign } from "../../src/accounts/account_store.ts";
import { cramMd5Contexts, digestMd5Ha1s } from "../../src/sasl/derive.ts";
import { openStore, SHIN, temporaryFolder } from "./lib.ts";

const NAME = "shin@baz.co.jp";
const TARO = { local: "taro", realm: "baz.co.jp" };
const SCHEMES = ["cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256"];
const SECRET = { hash: "{TEST}tanstaaf", verifiers: [] };

/** A hash that anybody can read, which is no matter here. */
const verifyForeign: VerifyForeign = (password, hash) => {
  if (hash === "{DOWN}") return Promise.resolve("unavailable");
  return Promise.resolve(hash === `{TEST}${password}` ? "right" : "wrong");
};

Deno.test("an imported hash lets in by password, and is ours a moment later, with the version that it had", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  {
    await using store = openStore(file, { verifyForeign });
    const added = await store.addImported(SHIN, SECRET);
    ok(added.ok);
    deepEqual([added.value.imported, added.value.schemes, added.value.missingRealms], [true, [], []]);
    equal(await store.checkPassword(NAME, "wrong"), null);
    equal((await store.show(SHIN))?.imported, true);
    const before = await store.checkPassword(NAME, "tanstaaf");
    ok(before !== null);
    deepEqual(before, added.value.credentials[0]);
    // Twice at once is made once.
    deepEqual(await store.checkPassword(NAME, "tanstaaf"), before);
  }
  // Closing has waited for it.
  await using store = openStore(file);
  const record = await store.show(SHIN);
  deepEqual([record?.imported, record?.schemes], [false, SCHEMES]);
  ok((await store.checkPassword(NAME, "tanstaaf")) !== null);
  equal(await store.checkPassword(NAME, "wrong"), null);
  ok(!JSON.stringify(await Deno.readTextFile(file)).includes("{TEST}"), "the old hash is in the file");
});

Deno.test("with upgrade_imported off the hash stays, and a new password replaces it", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  {
    await using store = openStore(file, { verifyForeign, upgradeImported: false });
    await store.addImported(SHIN, SECRET);
    ok(await store.checkPassword(NAME, "tanstaaf") !== null);
  }
  await using store = openStore(file, { verifyForeign, upgradeImported: false });
  equal((await store.show(SHIN))?.imported, true);
  const set = await store.setPassword(SHIN, "new");
  ok(set.ok && !set.value.imported);
  equal(await store.checkPassword(NAME, "tanstaaf"), null);
  ok(await store.checkPassword(NAME, "new") !== null);
});

Deno.test("a password that is set while the old hash is being replaced wins", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  {
    await using store = openStore(file, { verifyForeign });
    await store.addImported(SHIN, SECRET);
    ok(await store.checkPassword(NAME, "tanstaaf") !== null);
    // The upgrade is at scrypt now, or in line behind it.
    await store.addImported(SHIN, { hash: "{TEST}other", verifiers: [] }, { replace: true });
  }
  await using store = openStore(file, { verifyForeign });
  equal(await store.checkPassword(NAME, "tanstaaf"), null);
  ok(await store.checkPassword(NAME, "other") !== null);
});

Deno.test("schemes are those for which every enabled account has verifiers", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  await using store = openStore(file, { verifyForeign });
  await store.add(TARO, "secret");
  deepEqual([...store.schemes], SCHEMES);
  // By another process.
  await using other = openStore(file, { verifyForeign });
  await other.addImported(SHIN, SECRET);
  deepEqual([...store.schemes], []);
  await other.setDisabled(SHIN, true);
  deepEqual([...store.schemes], SCHEMES);
  await other.setDisabled(SHIN, false);
  deepEqual([...store.schemes], []);
  await other.setPassword(SHIN, "new");
  deepEqual([...store.schemes], SCHEMES);
});

Deno.test("verifiers that come along are stored, unless legacy ones are not wanted", async () => {
  using folder = temporaryFolder();
  const password = "tanstaaf";
  const { inner, outer } = cramMd5Contexts(password);
  const [ha1 = new Uint8Array()] = digestMd5Ha1s(SHIN, password, { defaultRealm: "baz.co.jp", realms: [] }).ha1s;
  const credential = "password";
  const secret = {
    hash: "{TEST}tanstaaf",
    verifiers: [
      { scheme: "cram-md5", credential, inner, outer },
      { scheme: "digest-md5", credential, realm: SHIN.realm, ha1s: [ha1] },
    ] as const,
  };
  await using store = openStore(`${folder.path}/one`, { verifyForeign });
  const added = await store.addImported(SHIN, secret);
  ok(added.ok);
  deepEqual(added.value.schemes, ["cram-md5", "digest-md5"]);
  deepEqual([...store.schemes], ["cram-md5", "digest-md5"]);
  const [cram] = await store.verifiers(NAME, "cram-md5");
  ok(cram?.scheme === "cram-md5");
  deepEqual([cram.inner, cram.outer], [inner, outer]);
  const [digest] = await store.verifiers(NAME, "digest-md5");
  ok(digest?.scheme === "digest-md5");
  deepEqual([digest.realm, digest.ha1s], [SHIN.realm, [ha1]]);

  await using modern = openStore(`${folder.path}/two`, { verifyForeign, legacyVerifiers: false });
  const bare = await modern.addImported(SHIN, secret);
  ok(bare.ok);
  deepEqual(bare.value.schemes, []);
});

Deno.test("an account that exists is left alone, or gets the hash and keeps its salts", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`, { verifyForeign });
  await store.add(SHIN, "mine");
  const saltNow = async () => {
    const [verifier] = await store.verifiers(NAME, "scram-sha-256");
    return verifier !== undefined && "salt" in verifier ? verifier.salt.toHex() : null;
  };
  const salt = await saltNow();
  deepEqual(await store.addImported(SHIN, SECRET), { ok: false, problem: "exists" });
  ok(await store.checkPassword(NAME, "mine") !== null);
  const replaced = await store.addImported(SHIN, SECRET, { replace: true });
  ok(replaced.ok && replaced.value.imported && !replaced.value.disabled);
  equal(await saltNow(), null);
  equal(await store.checkPassword(NAME, "mine"), null);
  await store.setPassword(SHIN, "again");
  equal(await saltNow(), salt);
  const closed = await store.addImported(TARO, SECRET, { replace: true, disabled: true });
  ok(closed.ok && closed.value.disabled);
  const still = await store.addImported(TARO, SECRET, { replace: true });
  ok(still.ok && still.value.disabled);
  for (const local of ["a b", "a/b", ".a", ""]) {
    deepEqual(await store.addImported({ local, realm: "baz.co.jp" }, SECRET), { ok: false, problem: "bad-name" });
  }
});

Deno.test("a disabled account is not upgraded", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  {
    await using store = openStore(file, { verifyForeign });
    await store.addImported(SHIN, SECRET, { disabled: true });
    ok(await store.checkPassword(NAME, "tanstaaf") !== null);
  }
  await using store = openStore(file, { verifyForeign });
  equal((await store.show(SHIN))?.imported, true);
});

Deno.test("a hash that nothing here can check is an outage, not a wrong password", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  await using store = openStore(file, { verifyForeign });
  await store.addImported(SHIN, { hash: "{DOWN}", verifiers: [] });
  await rejects(store.checkPassword(NAME, "tanstaaf"), ForeignHashProblem);
  await using without = openStore(file);
  await rejects(without.checkPassword(NAME, "tanstaaf"), ForeignHashProblem);
  await without.add(TARO, "secret");
  ok(await without.checkPassword("taro@baz.co.jp", "secret") !== null);
});

Deno.test("a file that cannot be written leaves the imported hash in force", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  {
    await using store = openStore(file, { verifyForeign });
    await store.addImported(SHIN, SECRET);
    const database = new DatabaseSync(file);
    database.exec("CREATE TRIGGER no BEFORE UPDATE OF hash ON credential BEGIN SELECT RAISE(ABORT, 'full'); END");
    database.close();
    ok(await store.checkPassword(NAME, "tanstaaf") !== null);
  }
  await using store = openStore(file, { verifyForeign });
  equal((await store.show(SHIN))?.imported, true);
  ok(await store.checkPassword(NAME, "tanstaaf") !== null);
});
