/**
 * 10,000 guesses by 50 addresses on one account, with the real account store and authenticator and a clock of our own.
 */

import assert from "node:assert/strict";
import { SASLDB } from "../../backends/sasldb.ts";
import { openStore, temporaryFolder } from "../accounts/lib.ts";
import { bench, ends, SHIN } from "./lib.ts";

const GUESSES = 10_000;
const HOME = { remote: "192.0.2.1" };
const PHONE = { remote: "192.0.2.77" };
const TRAVELLING = { remote: "203.0.113.9" };
const SLOT_MS = 60_000;

Deno.test("10,000 guesses by 50 addresses: the owner gets in, at home always and elsewhere by the slot", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`, { rememberPreviousDays: 30 });
  await store.add(SHIN, "old");
  await store.setPassword(SHIN, "right");
  const host = { dataDir: "/nowhere", defaultRealm: "baz.co.jp", accounts: () => store };
  const backend = await SASLDB.open("sasldb", SASLDB.schema.parse({}), host);
  await using setup = bench({ backends: [backend], guessing: { slotMs: SLOT_MS } });
  const began = setup.clock.time;
  assert.equal((await setup.login(SHIN, "right", { origin: HOME })).verdict.kind, "accepted");

  let [looked, elsewhere, admitted] = [0, 0, false];
  for (let guess = 0; guess < GUESSES; guess++) {
    const origin = { remote: `198.51.${guess % 50}.7` };
    // Half of them by a mechanism that shows no secret.
    const { verdict } = guess % 2 === 0
      ? await setup.login(SHIN, `guess ${guess}`, { origin })
      : await setup.prove(SHIN, false, { origin });
    if (verdict.kind === "rejected") looked++;
    else assert.equal(verdict.kind, "delayed");
    if (guess % 100 === 0) {
      assert.equal((await setup.login(SHIN, "right", { origin: HOME })).verdict.kind, "accepted", `guess ${guess}`);
    }
    if (guess % 1000 === 7) {
      const stale = await setup.login(SHIN, "old", { origin: PHONE });
      assert.deepEqual([stale.verdict.kind, stale.event.reason], ["rejected", "stale password"]);
    }
    // The owner arrives in another network in the middle of it, and tries every half minute.
    if (guess >= 5000 && guess % 300 === 0 && !admitted) {
      elsewhere++;
      admitted = (await setup.login(SHIN, "right", { origin: TRAVELLING })).verdict.kind === "accepted";
    }
    setup.clock.time += 100;
  }
  const slots = Math.ceil((setup.clock.time - began) / SLOT_MS);
  assert.ok(looked >= 5 && looked <= 5 + slots, `${looked} guesses were looked at in ${slots} slots`);
  assert.ok(admitted && elsewhere <= 5, `the owner elsewhere tried ${elsewhere} times`);
  assert.equal((await setup.login(SHIN, "right", { origin: TRAVELLING })).verdict.kind, "accepted", "known there now");
  assert.ok(ends(setup.events).every(({ result }) => result !== "unavailable"));
});

Deno.test("a stale phone in a network of its own is refused, and counts for no lock", async () => {
  using folder = temporaryFolder();
  await using store = openStore(`${folder.path}/sasldb`, { rememberPreviousDays: 30 });
  await store.add(SHIN, "old");
  await store.setPassword(SHIN, "right");
  const host = { dataDir: "/nowhere", defaultRealm: "baz.co.jp", accounts: () => store };
  const backend = await SASLDB.open("sasldb", SASLDB.schema.parse({}), host);
  await using setup = bench({ backends: [backend], guessing: { freeGuesses: 1 } });
  for (let retry = 0; retry < 4; retry++) {
    const { verdict, event } = await setup.login(SHIN, "old", { origin: PHONE });
    assert.deepEqual([verdict.kind, event.reason], ["rejected", "stale password"]);
    assert.deepEqual(event.chain.map(({ answer }) => answer), ["rejected:previous-secret"]);
  }
  assert.equal((await setup.login(SHIN, "right", { origin: TRAVELLING })).verdict.kind, "accepted");
  assert.equal((await setup.login(SHIN, "wrong", { origin: PHONE })).event.reason, "wrong-secret");
  assert.equal((await setup.login(SHIN, "old", { origin: PHONE })).verdict.kind, "rejected", "it has the slot");
  assert.equal((await setup.login(SHIN, "old", { origin: PHONE })).verdict.kind, "delayed");
});
