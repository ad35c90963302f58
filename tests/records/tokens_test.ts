import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { temporaryFolder } from "../accounts/lib.ts";
import { DAY, inOtherProcess, MINUTE, NOW, open } from "./lib.ts";

const READER = { label: "monitor", scopes: ["queue:read", "metrics:read"], expires: NOW + DAY } as const;

Deno.test("a token is known by its secret until it expires", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { token, secret } = records.tokens.add(READER, NOW);
  match(secret, /^dkd_[A-Za-z0-9_-]{43}$/);
  deepEqual(records.tokens.check(secret, NOW + DAY - 1)?.scopes, ["queue:read", "metrics:read"]);
  equal(records.tokens.check(secret, NOW + DAY), null);
  equal(records.tokens.check(`${secret}x`, NOW), null);
  equal(records.tokens.check(`${secret.slice(0, -2)}AA`, NOW), null);
  equal(records.tokens.check("", NOW), null);
  deepEqual(records.tokens.list().map(({ id }) => id), [token.id]);
});

Deno.test("a token without an end has none", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { secret } = records.tokens.add({ ...READER, expires: null }, NOW);
  ok(records.tokens.check(secret, NOW + 10_000 * DAY));
});

Deno.test("the use of a token is remembered once a minute", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { secret } = records.tokens.add(READER, NOW);
  const lastUsed = () => records.tokens.list()[0]?.lastUsed;
  equal(lastUsed(), null);
  equal(records.tokens.check(secret, NOW + 1)?.lastUsed, NOW + 1);
  records.tokens.check(secret, NOW + MINUTE);
  equal(lastUsed(), NOW + 1);
  records.tokens.check(secret, NOW + MINUTE + 1);
  equal(lastUsed(), NOW + MINUTE + 1);
});

Deno.test("a revoked token is dead at once, in other processes too", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  await using records = open(file);
  const { token, secret } = records.tokens.add({ ...READER, expires: null }, NOW);
  equal(records.tokens.revoke("0000"), false);
  const revoked = await inOtherProcess(
    file,
    `console.log(records.tokens.check("${secret}", Date.now())?.label, records.tokens.revoke("${token.id}"));`,
  );
  equal(revoked, "monitor true\n");
  equal(records.tokens.check(secret, NOW), null);
  deepEqual(records.tokens.list(), []);
  equal(records.tokens.revoke(token.id), false);
});

Deno.test("the newest token is listed first, and scopes in the order of the contract", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  for (const label of ["a", "b", "c"]) records.tokens.add({ ...READER, label }, NOW);
  records.tokens.add({ label: "d", scopes: ["audit:read", "accounts:read", "audit:read"], expires: null }, NOW);
  deepEqual(records.tokens.list().map(({ label }) => label), ["d", "c", "b", "a"]);
  deepEqual(records.tokens.list()[0]?.scopes, ["accounts:read", "audit:read"]);
});

Deno.test("a sweep removes tokens that expired a month ago, and no others", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  records.tokens.add(READER, NOW);
  records.tokens.add({ ...READER, label: "for ever", expires: null }, NOW);
  const labels = () => records.tokens.list().map(({ label }) => label);
  records.sweep(NOW + 31 * DAY - 1, { authenticationDays: 90 });
  deepEqual(labels(), ["for ever", "monitor"]);
  records.sweep(NOW + 31 * DAY, { authenticationDays: 90 });
  deepEqual(labels(), ["for ever"]);
});

Deno.test("no secret is in the file", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  const records = open(file);
  const { secret } = records.tokens.add(READER, NOW);
  const session = { account: "shin@baz.co.jp", backend: "sasldb", version: null, administrator: false };
  const { secret: cookie } = records.sessions.add({ ...session, remote: "192.0.2.7", userAgent: "x" }, NOW);
  await records[Symbol.asyncDispose]();
  const octets = new TextDecoder("latin1").decode(await Deno.readFile(file));
  match(octets, /shin@baz\.co\.jp/);
  for (const each of [secret, cookie]) doesNotMatch(octets, new RegExp(each.slice(4, 20)));
});
