import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { addressForm } from "../../src/accounts/account_name.ts";
import type { AppPasswordRequest } from "../../src/accounts/account_store.ts";
import {
  APP_PREFIX,
  checkAppRequest,
  fitsAppHash,
  hasAppForm,
  hashAppPassword,
  makeAppPassword,
} from "../../src/accounts/app_password.ts";
import { AppPasswordFile, isStorable } from "../../src/accounts/app_password_store.ts";
import type { SqliteAccountStore } from "../../src/accounts/sqlite_account_store.ts";
import type { UserName, VerifierScheme } from "../../src/backend.ts";
import { openStore, OPTIONS, SHIN, temporaryFolder } from "./lib.ts";

const NAME = "shin@baz.co.jp";
const SCHEMES: readonly VerifierScheme[] = ["cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256"];
const HANA: UserName = { local: "hana", realm: "baz.co.jp" };
const ANYWHERE: AppPasswordRequest = { label: "phone", networks: [], mechanisms: null, expires: null };
const NOW = OPTIONS.now();
const HOUR_MS = 3_600_000;
const ORIGIN = { remote: "192.0.2.1", listener: "MSA", tls: null, mechanism: "PLAIN" };

async function addTo(
  store: SqliteAccountStore,
  request: Partial<AppPasswordRequest> = {},
): Promise<{ readonly id: string; readonly password: string }> {
  const added = await store.addAppPassword(SHIN, { ...ANYWHERE, ...request });
  ok(added.ok, added.ok ? "" : added.problem);
  return { id: added.value.credential.id, password: added.value.password };
}

Deno.test("makeAppPassword draws from the whole alphabet, and hasAppForm knows the form and no other", () => {
  const drawn = Array.from({ length: 200 }, makeAppPassword);
  for (const password of drawn) {
    match(password, /^[a-z2-9]{4}(-[a-z2-9]{4}){4}$/);
    ok(hasAppForm(password));
  }
  equal(new Set(drawn).size, 200);
  equal([...new Set(drawn.join("").replaceAll("-", ""))].toSorted().join(""), "23456789abcdefghijkmnpqrstuvwxyz");
  const other = [
    ...[
      "",
      "abcd",
      "abcd-abcd-abcd-abcd",
      "ABCD-abcd-abcd-abcd-abcd",
      "abcd-abcd-abcd-abcd-abc0",
      "abcdabcdabcdabcdabcd",
    ],
    ...[
      "abcd-abcd-abcd-abcd-abcl",
      " abcd-abcd-abcd-abcd-abcd",
      "abcd-abcd-abcd-abcd-abcd\n",
      "abcd-abcd-abcd-abcd-abcd-abcd",
    ],
  ];
  for (const password of other) equal(hasAppForm(password), false, JSON.stringify(password));
});

Deno.test("hashAppPassword salts, and fitsAppHash refuses what is no such hash", () => {
  const password = makeAppPassword();
  const [one, two] = [hashAppPassword(password), hashAppPassword(password)];
  notEqual(one, two);
  ok(one.startsWith(APP_PREFIX));
  ok(!one.includes(password));
  ok(fitsAppHash(password, one) && fitsAppHash(password, two));
  equal(fitsAppHash(makeAppPassword(), one), false);
  for (const hash of ["", APP_PREFIX, `${APP_PREFIX}$`, `${APP_PREFIX}AAAA$AAAA`, `${APP_PREFIX}?$?`, one.slice(1)]) {
    equal(fitsAppHash(password, hash), false, hash);
    equal(fitsAppHash("", hash), false, hash);
  }
});

Deno.test("an app password opens its account by every scheme, beside the main password", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  await store.add(SHIN, "main");
  const { id, password } = await addTo(store, {
    networks: ["192.0.2.0/24"],
    mechanisms: ["plain", "SCRAM-SHA-256-PLUS"],
  });
  deepEqual({ ...await store.checkPassword(NAME, password), version: "" }, {
    ...{ id, kind: "app-password", label: "phone", version: "", networks: ["192.0.2.0/24"] },
    ...{ mechanisms: ["PLAIN", "SCRAM-SHA-256"], expires: null, created: new Date(NOW).toISOString(), lastUsed: null },
  });
  equal((await store.checkPassword(NAME, "main"))?.kind, "password");
  equal(await store.checkPassword(NAME, makeAppPassword()), null);
  equal(await store.checkPassword("nobody@baz.co.jp", password), null);
  for (const scheme of SCHEMES) {
    const verifiers = await store.verifiers(NAME, scheme);
    equal(verifiers.length, 2, scheme);
    ok(verifiers.some(({ credential }) => credential === id), scheme);
    const salts = verifiers.map((each) => "salt" in each ? each.salt.toHex() : "");
    equal(new Set(salts).size, 1, scheme);
  }
});

Deno.test("no app password stands in the file", async () => {
  using folder = temporaryFolder();
  const store = openStore(`${folder.path}/sasldb`);
  await store.add(SHIN, "main");
  const { password } = await addTo(store);
  await store[Symbol.asyncDispose]();
  for await (const { name } of Deno.readDir(folder.path)) {
    const text = new TextDecoder("latin1").decode(await Deno.readFile(`${folder.path}/${name}`));
    ok(!text.includes(password), name);
  }
});

Deno.test("an app password of the form with which the account has its main password is told from it", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  const main = makeAppPassword();
  await store.add(SHIN, main);
  const { id, password } = await addTo(store);
  equal((await store.checkPassword(NAME, main))?.kind, "password");
  equal((await store.checkPassword(NAME, password))?.id, id);
});

Deno.test("a wrong password of the form of app passwords takes the time of a wrong password, known user or not", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  await store.add(SHIN, "main");
  const { password } = await addTo(store);
  const time = async (account: string, tried: string) => {
    const began = performance.now();
    await store.checkPassword(account, tried);
    return performance.now() - began;
  };
  // The least of some: a busy machine only adds to it.
  const least = async (account: string, tried: string) =>
    Math.min(await time(account, tried), await time(account, tried), await time(account, tried));
  const right = await least(NAME, password);
  for (const account of [NAME, "nobody@baz.co.jp"]) {
    const wrong = await least(account, makeAppPassword());
    ok(wrong > 10 * right, `${account}: ${wrong} ms, and ${right} ms for the right one`);
  }
});

Deno.test("revokeAppPassword takes one away with its verifiers, by any process, and never the main password", async () => {
  using folder = temporaryFolder();
  await using server = openStore(`${folder.path}/sasldb`);
  await using command = openStore(`${folder.path}/sasldb`);
  await server.add(SHIN, "main");
  await server.add(HANA, "other");
  const [phone, printer] = [await addTo(server), await addTo(server, { label: "printer" })];
  const main = (await server.checkPassword(NAME, "main"))?.id ?? "";
  deepEqual(await command.revokeAppPassword(HANA, phone.id), { ok: false, problem: "unknown-credential" });
  deepEqual(await command.revokeAppPassword(SHIN, main), { ok: false, problem: "unknown-credential" });
  deepEqual(await command.revokeAppPassword({ ...SHIN, local: "nobody" }, main), {
    ok: false,
    problem: "unknown-account",
  });
  equal((await server.checkPassword(NAME, phone.password))?.id, phone.id);
  ok((await command.revokeAppPassword(SHIN, phone.id)).ok);
  equal(await server.checkPassword(NAME, phone.password), null);
  equal((await server.checkPassword(NAME, printer.password))?.id, printer.id);
  equal((await server.checkPassword(NAME, "main"))?.id, main);
  for (const scheme of SCHEMES) equal((await server.verifiers(NAME, scheme)).length, 2, scheme);
  deepEqual(await command.revokeAppPassword(SHIN, phone.id), { ok: false, problem: "unknown-credential" });
});

Deno.test("setPassword leaves app passwords as they are, remove takes them along", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  await using store = openStore(file);
  await store.add(SHIN, "main");
  const { id, password } = await addTo(store);
  const before = (await store.credentials(NAME)).find((each) => each.id === id);
  await store.setPassword(SHIN, "new");
  deepEqual((await store.credentials(NAME)).find((each) => each.id === id), before);
  equal((await store.checkPassword(NAME, password))?.id, id);
  equal((await store.verifiers(NAME, "scram-sha-256")).length, 2);
  await store.remove(SHIN);
  equal(await store.checkPassword(NAME, password), null);
  using database = new DatabaseSync(file);
  for (const table of ["credential", "verifier"]) {
    deepEqual(database.prepare(`SELECT * FROM ${table}`).all(), [], table);
  }
});

Deno.test("what is said of an account is said of its main password, but weak verifiers are weak wherever they are", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  await using modern = openStore(file, { legacyVerifiers: false });
  await modern.add(SHIN, "main");
  await using legacy = openStore(file, { realms: ["foobar.co.jp"] });
  await addTo(legacy);
  const record = await legacy.show(SHIN);
  deepEqual(record?.schemes, ["scram-sha-1", "scram-sha-256"]);
  equal(record?.legacyVerifiers, true);
  deepEqual(record?.missingRealms, ["baz.co.jp", "foobar.co.jp"]);
  equal(record?.imported, false);
  equal(record?.credentials.length, 2);
  const app = record?.credentials.find(({ kind }) => kind === "app-password");
  deepEqual((await legacy.verifiers(NAME, "digest-md5")).map(({ credential }) => credential), [app?.id]);
});

Deno.test("an imported account with an app password still lacks verifiers, and others lack none for having app passwords", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  await store.add(SHIN, "main");
  await addTo(store);
  equal(store.schemes.size, 4);
  await store.addImported(HANA, { hash: "$1$abc$def", verifiers: [] });
  ok((await store.addAppPassword(HANA, ANYWHERE)).ok);
  equal(store.schemes.size, 0);
  const record = await store.show(HANA);
  equal(record?.imported, true);
  deepEqual(record?.schemes, []);
});

Deno.test("legacy_verifiers decides which verifiers an app password gets", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`, { legacyVerifiers: false });
  await store.add(SHIN, "main");
  await addTo(store);
  const record = await store.show(SHIN);
  equal(record?.legacyVerifiers, false);
  equal((await store.verifiers(NAME, "cram-md5")).length, 0);
  equal((await store.verifiers(NAME, "scram-sha-1")).length, 2);
});

Deno.test("checkAppRequest names what is wrong, and writes the rest in one form", () => {
  const problem = (request: Partial<AppPasswordRequest>) => {
    const checked = checkAppRequest({ ...ANYWHERE, ...request }, NOW);
    return checked.ok ? null : checked.problem;
  };
  for (const label of ["", "  ", "a\nb", "x".repeat(65), "\ud800", "\u2028"]) {
    equal(problem({ label }), "bad-label", label);
  }
  for (const label of ["x", "🖨".repeat(64), "受付のプリンタ"]) equal(problem({ label }), null, label);
  const badNetworks = [["nowhere"], ["192.0.2.0/33"], [""], ["192.0.2.1 192.0.2.2"], ["fe80::1%eth0"], [
    "192.0.2.0/24/1",
  ]];
  for (const networks of [...badNetworks, Array.from({ length: 21 }, (_, at) => `192.0.2.${at}`)]) {
    equal(problem({ networks }), "bad-networks", networks.join());
  }
  for (const mechanisms of [[], ["NONE"], ["PLAIN", ""], ["PLAIN LOGIN"]]) {
    equal(problem({ mechanisms }), "bad-mechanisms", mechanisms.join());
  }
  for (
    const expires of [
      "",
      "tomorrow",
      "2027-13-01T00:00:00Z",
      "2026-11-24T03:04:05Z",
      "2027-01-01",
      "2027-01-01T00:00:00",
    ]
  ) {
    equal(problem({ expires }), "bad-expires", expires);
  }
  deepEqual(
    checkAppRequest({
      label: " re\u0301ception ",
      networks: ["2001:DB8::/32", "2001:db8::/32", "192.0.2.1"],
      mechanisms: ["plain", "PLAIN", "scram-sha-1-plus"],
      expires: "2027-01-01T09:00:00+09:00",
    }, NOW),
    {
      ok: true,
      value: {
        label: "réception",
        networks: ["2001:db8::/32", "192.0.2.1"],
        mechanisms: ["PLAIN", "SCRAM-SHA-1"],
        expires: "2027-01-01T00:00:00.000Z",
      },
    },
  );
});

Deno.test("a label is there once, and an account has 50 app passwords at most", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/sasldb`;
  await using store = openStore(file);
  await store.add(SHIN, "main");
  deepEqual(await store.addAppPassword(HANA, ANYWHERE), { ok: false, problem: "unknown-account" });
  // The label of the main password is not one of theirs.
  const first = await addTo(store, { label: "password" });
  deepEqual(await store.addAppPassword(SHIN, { ...ANYWHERE, label: "password" }), {
    ok: false,
    problem: "label-taken",
  });
  const both = await Promise.all([store.addAppPassword(SHIN, ANYWHERE), store.addAppPassword(SHIN, ANYWHERE)]);
  deepEqual(both.map((each) => each.ok).toSorted(), [false, true]);
  for (let count = 2; count < 50; count++) await addTo(store, { label: `device ${count}` });
  deepEqual(await store.addAppPassword(SHIN, { ...ANYWHERE, label: "one more" }), { ok: false, problem: "too-many" });
  ok((await store.revokeAppPassword(SHIN, first.id)).ok);
  await addTo(store, { label: "one more" });
});

Deno.test("list gives pages, and finds a part of a name or an address without case", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  for (const local of ["Taro", "hana", "jiro", "shin"]) {
    for (const realm of ["baz.co.jp", "foobar.co.jp"]) ok((await store.add({ local, realm }, "secret")).ok);
  }
  ok((await store.setAddresses({ local: "jiro", realm: "baz.co.jp" }, ["J.Yamada@Example.JP"])).ok);
  const names = async (filter: Parameters<SqliteAccountStore["list"]>[0]) =>
    (await store.list(filter)).map(({ name }) => name);
  const all = await names({});
  equal(all.length, 8);
  deepEqual(all, all.toSorted());
  const pages: string[] = [];
  for (let after = ""; pages.length < 8;) {
    const page = await names({ after, count: 3 });
    ok(page.length > 0 && page.length <= 3);
    pages.push(...page);
    after = page.at(-1) ?? "";
  }
  deepEqual(pages, all);
  deepEqual(await names({ after: all.at(-1) ?? "", count: 3 }), []);
  deepEqual(await names({ search: "TARO" }), ["Taro@baz.co.jp", "Taro@foobar.co.jp"]);
  deepEqual(await names({ search: "taro@FOO" }), ["Taro@foobar.co.jp"]);
  deepEqual(await names({ search: "yamada@example" }), ["jiro@baz.co.jp"]);
  deepEqual(await names({ search: "%" }), []);
  deepEqual(await names({ realm: "BAZ.co.jp", search: "i", after: "jiro@baz.co.jp" }), ["shin@baz.co.jp"]);
});

Deno.test("setAddresses stores addresses and patterns in the form in which they are looked up", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  await store.add(SHIN, "main");
  const set = await store.setAddresses(SHIN, ["S.Yamada@Example.JP", "@例え.jp", "*", "s.yamada@example.jp", "a+b@x"]);
  ok(set.ok);
  deepEqual(set.value.addresses, ["*", "@xn--r8jz45g.jp", "a+b@x", "s.yamada@example.jp"]);
  equal((await store.find({ address: "s.YAMADA@example.jp" }))?.name, NAME);
  equal(await store.find({ address: "*" }), null);
  ok((await store.setAddresses(SHIN, [])).ok);
  equal(await store.find({ address: "s.yamada@example.jp" }), null);
});

Deno.test("setAddresses refuses what is no address, and what is another's", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`);
  await store.add(SHIN, "main");
  await store.add(HANA, "other");
  ok((await store.setAddresses(HANA, ["sales@foobar.co.jp", "@foobar.co.jp"])).ok);
  for (
    const address of [
      "",
      "shin",
      "a b@x.jp",
      "@",
      "x@",
      "@not a domain",
      "a@b@x.jp",
      "\u0000@x.jp",
      "**",
      "x".repeat(65) + "@x.jp",
    ]
  ) {
    deepEqual(await store.setAddresses(SHIN, ["ok@x.jp", address]), {
      ok: false,
      problem: { kind: "bad-address", address },
    });
  }
  for (const address of ["SALES@foobar.co.jp", "Hana@BAZ.co.jp"]) {
    deepEqual(await store.setAddresses(SHIN, ["ok@x.jp", address]), { ok: false, problem: { kind: "taken", address } });
  }
  deepEqual((await store.show(SHIN))?.addresses, []);
  ok((await store.setAddresses(SHIN, ["shin@baz.co.jp", "@foobar.co.jp", "*"])).ok);
  const many = Array.from({ length: 101 }, (_, at) => `a${at}@x.jp`);
  deepEqual(await store.setAddresses(SHIN, many), { ok: false, problem: { kind: "too-many" } });
  deepEqual(await store.setAddresses({ ...SHIN, local: "no" }, []), {
    ok: false,
    problem: { kind: "unknown-account" },
  });
});

Deno.test("addressForm is what find looks for", () => {
  equal(addressForm("Shin@BAZ.co.jp"), "shin@baz.co.jp");
  equal(addressForm("*"), "*");
  equal(addressForm("@BAZ.co.jp"), "@baz.co.jp");
  equal(addressForm("nothing"), null);
});

Deno.test("app passwords of foreign accounts: the file is made with the first, and seen by who has looked before", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/app_passwords`;
  await using server = new AppPasswordFile(path, OPTIONS);
  deepEqual(server.existing(), { ok: true, value: null });
  await using command = new AppPasswordFile(path, OPTIONS);
  const made = command.make();
  ok(made.ok);
  const bad = await made.value.add(SHIN, { ...ANYWHERE, label: "" });
  deepEqual(bad, { ok: false, problem: "bad-label" });
  equal(await made.value.find(SHIN), null);
  const added = await made.value.add(SHIN, ANYWHERE);
  ok(added.ok);
  equal((await Deno.stat(path)).mode ?? 0, 0o100600);

  const existing = server.existing();
  ok(existing.ok && existing.value !== null);
  const { value: store } = existing;
  // Most backends compare names without case.
  equal(await store.find({ local: "SHIN", realm: "baz.co.jp" }), NAME);
  const { credential: { id }, password } = added.value;
  equal(store.check(NAME, password)?.id, id);
  equal(store.check(NAME, makeAppPassword()), null);
  for (const scheme of SCHEMES) deepEqual((await store.verifiers(NAME, scheme)).map((each) => each.credential), [id]);
  deepEqual(await made.value.add(SHIN, ANYWHERE), { ok: false, problem: "label-taken" });

  deepEqual(await store.revoke(SHIN, "nothing"), { ok: false, problem: "unknown-credential" });
  ok((await store.revoke(SHIN, id)).ok);
  equal(made.value.check(NAME, password), null);
  // The last one takes the account along.
  equal(await made.value.find(SHIN), null);
});

Deno.test("a file of app passwords that cannot be read is a problem, is not made anew, and counts again once it is well", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/app_passwords`;
  await Deno.writeTextFile(path, "This is no database. ".repeat(300));
  let now = NOW;
  await using file = new AppPasswordFile(path, { ...OPTIONS, now: () => now });
  const first = file.existing();
  ok(!first.ok);
  equal(first.problem.kind, "damaged");
  deepEqual(file.make(), first);
  await using sasldb = openStore(`${folder.path}/sasldb`);
  await sasldb.add(SHIN, "main");
  await Deno.remove(path);
  now += 60_000;
  deepEqual(file.existing(), { ok: true, value: null });
  // The account store is another kind of file.
  await Deno.copyFile(`${folder.path}/sasldb`, path);
  const other = file.existing();
  ok(!other.ok);
  match(other.problem.message, /another kind of database/);
});

Deno.test("what a backend last said of a foreign account is remembered for a day, over a restart, and forgotten at its no", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/app_passwords`;
  const found = {
    name: NAME,
    backend: "staff",
    addresses: ["s@baz.co.jp"],
    groups: ["mail"],
    attributes: { name: "Shin" },
  };
  {
    await using file = new AppPasswordFile(path, OPTIONS);
    const made = file.make();
    ok(made.ok && (await made.value.add(SHIN, ANYWHERE)).ok);
    equal(made.value.known(NAME, NOW), null);
    made.value.know(NAME, found, NOW);
    made.value.know("stranger@baz.co.jp", { ...found, name: "stranger@baz.co.jp" }, NOW);
    equal(made.value.known("stranger@baz.co.jp", NOW), null);
    // Within the hour nothing is written, and so the time stays that of the first.
    made.value.know(NAME, found, NOW + HOUR_MS / 2);
  }
  await using file = new AppPasswordFile(path, OPTIONS);
  const again = file.existing();
  ok(again.ok && again.value !== null);
  const { value: store } = again;
  deepEqual(store.known(NAME, NOW), found);
  deepEqual(store.known(NAME, NOW + 24 * HOUR_MS - 1), found);
  equal(store.known(NAME, NOW + 24 * HOUR_MS), null);
  equal(store.known(NAME, NOW - 1), null);
  store.know(NAME, { ...found, groups: [] }, NOW + 2 * HOUR_MS);
  deepEqual(store.known(NAME, NOW + 25 * HOUR_MS)?.groups, []);
  store.forget(NAME);
  equal(store.known(NAME, NOW + 2 * HOUR_MS), null);
  await using other = new AppPasswordFile(path, OPTIONS);
  const looked = other.existing();
  ok(looked.ok && looked.value !== null);
  equal(looked.value.known(NAME, NOW + 2 * HOUR_MS), null);
});

Deno.test("a last use of a foreign account's app password is written", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/app_passwords`;
  {
    await using file = new AppPasswordFile(path, OPTIONS);
    const made = file.make();
    ok(made.ok);
    const added = await made.value.add(SHIN, ANYWHERE);
    ok(added.ok);
    await made.value.used(NAME, added.value.credential.id, ORIGIN, NOW);
  }
  await using file = new AppPasswordFile(path, OPTIONS);
  const again = file.existing();
  ok(again.ok && again.value !== null);
  equal((await again.value.credentials(NAME))[0]?.lastUsed, new Date(NOW).toISOString());
});

Deno.test("isStorable is true for a name in the form in which names are looked up", () => {
  for (const name of [NAME, "Taro@baz.co.jp", "田中@xn--r8jz45g.jp"]) equal(isStorable(name), true, name);
  for (const name of ["shin", "@baz.co.jp", "shin@", "shin@BAZ.co.jp", "shin@例え.jp"]) {
    equal(isStorable(name), false, name);
  }
});
