import { deepEqual, equal, notDeepEqual, ok } from "node:assert/strict";
import { createVerifierMaker } from "../../src/accounts/derived_verifiers.ts";
import type { Verifier, VerifierScheme } from "../../src/backend.ts";
import { openStore, SHIN, temporaryFolder } from "./lib.ts";

const PARTS = { key: new Uint8Array(32).fill(7), defaultRealm: "baz.co.jp", realms: ["foo.jp"] };
const SCHEMES: readonly VerifierScheme[] = ["cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256"];

function salt(verifiers: readonly Verifier[]): string {
  const [verifier] = verifiers;
  ok(verifier !== undefined && "salt" in verifier);
  return verifier.salt.toHex();
}

Deno.test("a maker with the same key makes the same verifiers, one with another key other salts", async () => {
  const [one, two] = [createVerifierMaker(PARTS), createVerifierMaker(PARTS)];
  const other = createVerifierMaker({ ...PARTS, key: new Uint8Array(32) });
  const login = { user: SHIN, password: "tanstaaf" };
  for (const scheme of SCHEMES) {
    const made = await one(scheme, login);
    equal(made.length, 1);
    deepEqual(await one(scheme, login), made);
    deepEqual(await two(scheme, login), made);
    notDeepEqual(await one(scheme, { ...login, password: "other" }), made);
  }
  for (const scheme of ["scram-sha-1", "scram-sha-256"] as const) {
    const made = salt(await one(scheme, login));
    equal(salt(await one(scheme, { ...login, password: "other" })), made);
    ok(salt(await one(scheme, { ...login, user: { local: "taro", realm: SHIN.realm } })) !== made);
    ok(salt(await one(scheme, { ...login, user: { local: SHIN.local, realm: "foo.jp" } })) !== made);
    ok(salt(await other(scheme, login)) !== made);
  }
});

Deno.test("verifiers without a salt are those of the account store", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`, { realms: PARTS.realms });
  const password = "grüße 密码";
  await store.add(SHIN, password);
  const make = createVerifierMaker(PARTS);
  for (const scheme of ["cram-md5", "digest-md5"] as const) {
    const [stored] = await store.verifiers("shin@baz.co.jp", scheme);
    const [made] = await make(scheme, { user: SHIN, password });
    ok(stored !== undefined && made !== undefined);
    deepEqual({ ...made, credential: stored.credential }, stored);
  }
});

Deno.test("a password that SASLprep refuses has no verifiers", async () => {
  const make = createVerifierMaker(PARTS);
  for (const scheme of SCHEMES) {
    for (const password of ["", "bell\x07", "\u0627x"]) deepEqual(await make(scheme, { user: SHIN, password }), []);
  }
});

Deno.test("what is remembered has an end, and what is forgotten is made again", async () => {
  const make = createVerifierMaker({ ...PARTS, limit: 2 });
  const of = (password: string) => make("scram-sha-256", { user: SHIN, password });
  const [[first], [again]] = [await of("one"), await of("one")];
  // The same object, so it was remembered.
  ok(first === again);
  await of("two");
  ok((await of("one"))[0] === first);
  await of("three");
  ok((await of("one"))[0] === first, "the one used last went before the oldest");
  await of("four");
  await of("five");
  const [anew] = await of("one");
  ok(anew !== first);
  deepEqual(anew, first);
  const both = await Promise.all([of("six"), of("six")]);
  ok(both[0][0] === both[1][0], "two at once were made twice");
});
