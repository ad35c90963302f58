import { deepEqual, equal } from "node:assert/strict";
import { openKnownNetworks } from "../../src/accounts/known_networks.ts";
import { createGuessingStore, type GuessingSettings } from "../../src/auth/guessing.ts";
import { temporaryFolder } from "../accounts/lib.ts";

const HOME = "192.0.2.1";
const STRANGER = "198.51.100.7";
const SHIN = "shin@baz.co.jp";

const create = (settings: Partial<GuessingSettings> = {}, file: string | null = null) => {
  const known = openKnownNetworks(file);
  if (!known.ok) throw new TypeError(known.problem.message);
  return createGuessingStore({ enabled: true, exemptNetworks: [], ...settings }, known.value);
};

Deno.test("five distinct wrong secrets are free, then strangers share one slot every ten seconds", async () => {
  await using store = create();
  for (let guess = 1; guess <= 5; guess++) {
    equal(await store.slot(SHIN, STRANGER, 1000), "free");
    await store.failed(SHIN, STRANGER, `hash ${guess}`, 1000);
  }
  equal(await store.slot(SHIN, STRANGER, 1000), "slot");
  equal(await store.slot(SHIN, STRANGER, 10_999), "delayed");
  equal(await store.slot(SHIN, "203.0.113.9", 10_999), "delayed", "all strangers share it");
  equal(await store.slot("taro@baz.co.jp", STRANGER, 10_999), "free", "other accounts are not touched");
  equal(await store.slot(SHIN, STRANGER, 11_000), "delayed", "who had it waits behind who has not");
  equal(await store.slot(SHIN, "203.0.113.9", 11_000), "slot");
  equal(await store.slot(SHIN, STRANGER, 21_000), "slot");
});

Deno.test("mailu_634: the owner of an account under attack is not kept out", async () => {
  await using store = create();
  await store.succeeded(SHIN, HOME, 0);
  for (let guess = 0; guess < 100; guess++) await store.failed(SHIN, STRANGER, `${guess}`, 1000);
  equal(await store.slot(SHIN, STRANGER, 1000), "slot");
  for (let login = 0; login < 20; login++) equal(await store.slot(SHIN, "192.0.2.200", 1001), "free", "known network");
  equal(await store.slot(SHIN, "203.0.113.9", 1001), "delayed");
  equal(await store.slot(SHIN, "203.0.113.9", 11_000), "slot", "the owner elsewhere gets a slot");
  await store.succeeded(SHIN, "203.0.113.9", 11_000);
  equal(await store.slot(SHIN, "203.0.113.9", 11_001), "free", "and is known there from then on");
  equal(await store.slot(SHIN, STRANGER, 11_001), "delayed", "the attacker is not");
});

Deno.test("wrong secrets from a known network are not counted against the account", async () => {
  await using store = create();
  await store.succeeded(SHIN, HOME, 0);
  for (let guess = 0; guess < 10; guess++) await store.failed(SHIN, HOME, `${guess}`, 1000);
  equal(await store.slot(SHIN, STRANGER, 1000), "free");
});

Deno.test("mailu_2880: the same wrong secret again counts once; one that is not seen counts each time", async () => {
  await using store = create();
  for (let retry = 0; retry < 100; retry++) await store.failed(SHIN, STRANGER, "stale phone", 1000);
  for (let guess = 0; guess < 3; guess++) await store.failed(SHIN, STRANGER, null, 1000);
  equal(await store.slot(SHIN, STRANGER, 1000), "free");
  await store.failed(SHIN, STRANGER, null, 1000);
  equal(await store.slot(SHIN, STRANGER, 1000), "slot");
  equal(await store.slot(SHIN, STRANGER, 1000), "delayed");
});

Deno.test("guesses are forgotten after a day without one", async () => {
  await using store = create();
  for (let guess = 0; guess < 5; guess++) await store.failed(SHIN, STRANGER, `${guess}`, 0);
  equal(await store.slot(SHIN, STRANGER, 86_399_999), "slot");
  equal(await store.slot(SHIN, STRANGER, 86_400_000), "free");
  await store.failed(SHIN, STRANGER, "0", 86_400_000);
  equal(await store.slot(SHIN, STRANGER, 86_400_001), "free", "the count begins anew");
});

Deno.test("a network that tries twenty accounts in ten minutes waits a minute for each reply", async () => {
  await using store = create();
  const fail = async (account: number, remote: string, now: number) =>
    (await store.failed(`user${account}@baz.co.jp`, remote, "x", now)).delayMs;
  for (let account = 1; account <= 19; account++) equal(await fail(account, "198.51.100.1", account), 0);
  equal(await fail(19, "198.51.100.1", 20), 0, "distinct accounts are counted, not failures");
  equal(await fail(20, "198.51.100.255", 21), 60_000, "the /24 is the network");
  equal(await fail(1, "198.51.101.1", 22), 0, "another network");
  equal(await fail(21, "198.51.100.1", 600_000), 60_000);
  equal(await fail(22, "198.51.100.1", 1_300_000), 0, "ten minutes later");
  for (let account = 0; account < 20; account++) await fail(account, `2001:db8:1:${account}::1`, 1_300_000);
  equal(await fail(50, "2001:db8:1:ffff::1", 1_300_000), 60_000, "the /48 is the network");
  equal(await fail(50, "2001:db8:2::1", 1_300_000), 0);
});

Deno.test("loopback and exempt networks are outside the rule for networks, not that for accounts", async () => {
  await using store = create({ exemptNetworks: ["203.0.113.0/24"] });
  for (const remote of ["127.0.0.1", "::1", "::ffff:127.0.0.1", "203.0.113.9"]) {
    for (let account = 0; account < 30; account++) {
      deepEqual(await store.failed(`user${account}@baz.co.jp`, remote, remote, 0), { delayMs: 0 }, remote);
    }
  }
  for (let guess = 0; guess < 5; guess++) await store.failed(SHIN, "127.0.0.1", `${guess}`, 0);
  equal(await store.slot(SHIN, "127.0.0.1", 0), "slot");
  equal(await store.slot(SHIN, "127.0.0.1", 0), "delayed");
});

Deno.test("enabled = false switches everything off, and configure on again", async () => {
  await using store = create({ enabled: false });
  for (let guess = 0; guess < 30; guess++) await store.failed(`u${guess}@b`, STRANGER, `${guess}`, 0);
  for (let guess = 0; guess < 30; guess++) await store.failed(SHIN, STRANGER, `${guess}`, 0);
  store.configure({ enabled: true, exemptNetworks: [] });
  equal(await store.slot(SHIN, STRANGER, 0), "free");
  for (let guess = 0; guess < 5; guess++) await store.failed(SHIN, STRANGER, `${guess}`, 0);
  equal(await store.slot(SHIN, STRANGER, 0), "slot");
  store.configure({ enabled: false, exemptNetworks: [] });
  equal(await store.slot(SHIN, STRANGER, 0), "free");
});

Deno.test("strangers fill no more memory than the limits allow; the accounts under attack last are remembered", async () => {
  await using store = create();
  for (let guess = 0; guess < 5; guess++) await store.failed("early@b", STRANGER, `${guess}`, 0);
  for (let account = 0; account < 20_000; account++) await store.failed(`user${account}@b`, STRANGER, "x", 0);
  equal(await store.slot("early@b", STRANGER, 1), "free", "the oldest is forgotten");
  for (let guess = 0; guess < 4; guess++) await store.failed("user19999@b", STRANGER, `${guess}`, 1);
  equal(await store.slot("user19999@b", STRANGER, 1), "slot");
});

Deno.test("known networks survive a restart", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/guessing`;
  {
    await using store = create({}, file);
    await store.succeeded(SHIN, HOME, 0);
  }
  await using store = create({}, file);
  for (let guess = 0; guess < 5; guess++) await store.failed(SHIN, STRANGER, `${guess}`, 1000);
  equal(await store.slot(SHIN, HOME, 1000), "free");
  equal(await store.slot(SHIN, STRANGER, 1000), "slot");
});

Deno.test("a clock that is set back closes no account", async () => {
  await using store = create();
  for (let guess = 0; guess < 5; guess++) await store.failed(SHIN, STRANGER, `${guess}`, 1_000_000);
  equal(await store.slot(SHIN, STRANGER, 1_000_000), "slot");
  equal(await store.slot(SHIN, STRANGER, 500_000), "slot");
});

Deno.test("the numbers of the rules are settings, and change at a reload", async () => {
  await using store = create({
    freeGuesses: 1,
    slotMs: 1000,
    networkAccounts: 2,
    networkDelayMs: 5000,
    forgetMs: 60_000,
  });
  await store.failed(SHIN, STRANGER, "1", 0);
  equal(await store.slot(SHIN, STRANGER, 0), "slot");
  equal(await store.slot(SHIN, STRANGER, 999), "delayed");
  equal(await store.slot(SHIN, STRANGER, 1000), "slot");
  equal((await store.failed("taro@baz.co.jp", STRANGER, "1", 1000)).delayMs, 5000);
  equal(await store.slot(SHIN, STRANGER, 60_000), "free", "forgotten");
  store.configure({ enabled: true, exemptNetworks: [] });
  await store.failed(SHIN, STRANGER, "2", 60_000);
  equal(await store.slot(SHIN, STRANGER, 60_000), "free", "five again");
});
