import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { VerifierScheme } from "../../src/backend.ts";
import { openStore, OPTIONS, SHIN, temporaryFolder } from "./lib.ts";

const NAME = "shin@baz.co.jp";
const DAY = 86_400_000;
const SCHEMES: readonly VerifierScheme[] = ["cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256"];

Deno.test("a password that was replaced is recognised for some days, by its hash and by its verifiers", async () => {
  using folder = temporaryFolder();
  let now = OPTIONS.now();
  const options = { rememberPreviousDays: 30, now: () => now };
  {
    await using store = openStore(`${folder.path}/sasldb`, options);
    await store.add(SHIN, "first");
    await store.setPassword(SHIN, "second");
    const told = async (password: string) => {
      const found = await store.checkSecret(NAME, password);
      return found === "previous" ? found : found?.kind ?? null;
    };
    assert.deepEqual(
      [await told("first"), await told("second"), await told("third")],
      ["previous", "password", null],
    );
    assert.equal(await store.checkPassword(NAME, "first"), null, "it opens nothing");
    for (const scheme of SCHEMES) {
      const credentials = (await store.verifiers(NAME, scheme)).map(({ credential }) => credential);
      assert.deepEqual([credentials.length, credentials.at(-1)], [2, "previous"], scheme);
    }
    await store.setPassword(SHIN, "third");
    await store.setPassword(SHIN, "fourth");
    assert.deepEqual(
      [await told("first"), await told("second"), await told("third"), await told("fourth")],
      [null, "previous", "previous", "password"],
      "two are kept",
    );
    await store.setPassword(SHIN, "second");
    assert.deepEqual([await told("second"), await told("fourth")], ["password", "previous"], "the current one is none");
    now += 30 * DAY;
    assert.equal(await told("fourth"), null, "thirty days later");
    assert.equal((await store.verifiers(NAME, "cram-md5")).length, 1);
  }
  await using store = openStore(`${folder.path}/sasldb`, options);
  store.sweep();
  assert.equal(rows(folder.path), 0);
});

Deno.test("nothing is kept where the settings say so, the old one is to be forgotten, or the account is gone", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  {
    await using store = openStore(file);
    await store.add(SHIN, "first");
    await store.setPassword(SHIN, "second");
    assert.equal(rows(folder.path), 0, "the default of the store");
  }
  await using store = openStore(file, { rememberPreviousDays: 30 });
  await store.setPassword(SHIN, "third");
  assert.equal(await store.checkSecret(NAME, "second"), "previous");
  await store.setPassword(SHIN, "fourth", { forgetOld: true });
  assert.deepEqual([await store.checkSecret(NAME, "second"), await store.checkSecret(NAME, "third")], [null, null]);
  assert.equal(rows(folder.path), 0, "those before it go too");
  await store.setPassword(SHIN, "fifth");
  assert.equal(rows(folder.path), 1);
  await store.remove(SHIN);
  assert.equal(rows(folder.path), 0);
});

Deno.test("no verifier is kept that legacy_verifiers does not allow", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`, { rememberPreviousDays: 30 });
  await store.add(SHIN, "first");
  store.configure({ ...OPTIONS, rememberPreviousDays: 30, legacyVerifiers: false });
  await store.setPassword(SHIN, "second");
  using database = new DatabaseSync(`${folder.path}/sasldb`, { readOnly: true });
  const kept = database.prepare("SELECT scheme FROM previous_verifier ORDER BY scheme").all();
  assert.deepEqual(kept.map(({ scheme }) => scheme), ["scram-sha-1", "scram-sha-256"]);
});

function rows(folder: string): number {
  using database = new DatabaseSync(`${folder}/sasldb`, { readOnly: true });
  return Number(database.prepare("SELECT count(*) AS count FROM previous_password").get()?.["count"]);
}
