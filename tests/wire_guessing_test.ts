/**
 * Guesses over the wire, from addresses of their own in 127.0.0.0/8: each third octet is a network of its own.
 */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { AddressClient } from "./lib/address_client.ts";
import { makeSite, personOf, type RunningProgram, runProgram, startProgram } from "./lib/program.ts";
import { makeFolder } from "./servers/lib.ts";

const NAME = "gen@baz.co.jp";
const HOME = "127.1.1.1";
const PHONE = "127.1.1.77";
const AWAY = "127.200.1.1";

async function plain(program: RunningProgram, address: string, password: string): Promise<string> {
  using client = await AddressClient.connect(program.port("msa"), address);
  await client.reply();
  await client.command("EHLO client.example");
  return (await client.command(`AUTH PLAIN ${btoa(`\0${NAME}\0${password}`)}`)).slice(0, 3);
}

async function cramMd5(program: RunningProgram, address: string, password: string): Promise<string> {
  using client = await AddressClient.connect(program.port("msa"), address);
  await client.reply();
  await client.command("EHLO client.example");
  const challenge = atob((await client.command("AUTH CRAM-MD5")).slice(4));
  const digest = createHmac("md5", password).update(challenge).digest("hex");
  return (await client.command(btoa(`${NAME} ${digest}`))).slice(0, 3);
}

Deno.test("an account under attack: the owner at home and away, and a phone with the password of before", async () => {
  await using folder = await makeFolder();
  // No test waits for a slot by the clock: there is one, and then none.
  const site = await makeSite(folder.path, {
    people: [personOf(NAME, "old-secret-1")],
    sasl: 'cleartext_networks = ["127.0.0.0/8"]\ncleartext_mechs = ["PLAIN", "CRAM-MD5"]\n',
  });
  const text = await Deno.readTextFile(site.config);
  await Deno.writeTextFile(site.config, text.replace("[guessing]\nenabled = false", '[guessing]\nslot = "12h"'));
  const changed = await runProgram(["user", "passwd", NAME, "--password-stdin", "--config", site.config], {
    input: "right-secret-2\n",
  });
  assert.equal(changed.code, 0, changed.output);
  await using program = await startProgram(site);
  assert.equal(await plain(program, HOME, "right-secret-2"), "235");

  // The phone is in a network where nobody has logged in, and tries more often than guesses are free.
  for (let retry = 0; retry < 4; retry++) {
    assert.equal(await plain(program, AWAY, "old-secret-1"), "535");
    assert.equal(await cramMd5(program, AWAY, "old-secret-1"), "535");
  }
  assert.equal(await cramMd5(program, "127.201.1.1", "right-secret-2"), "235", "it has locked nothing");

  const replies: string[] = [];
  for (let guess = 0; guess < 30; guess++) replies.push(await plain(program, `127.2.${guess}.1`, `guess ${guess}`));
  assert.deepEqual(replies, Array.from({ length: 30 }, (_, guess) => guess < 6 ? "535" : "454"));
  assert.equal(await plain(program, HOME, "right-secret-2"), "235", "the owner at home");
  assert.equal(await cramMd5(program, PHONE, "old-secret-1"), "535", "the phone at home");
  assert.equal(await plain(program, HOME, "right-secret-2"), "235");
  assert.equal(await plain(program, AWAY, "right-secret-2"), "454", "elsewhere it waits for a slot");

  const stale = await program.events(9, ({ kind, reason }) => kind === "authentication" && reason === "stale password");
  assert.ok(stale.every(({ result }) => result === "rejected"));
  let listed: readonly Readonly<Record<string, unknown>>[] = [];
  // The log is written within a second or two.
  while (listed.length < 3) {
    const { output } = await runProgram(["logins", "stale", NAME, "--json", "--config", site.config]);
    listed = JSON.parse(output);
  }
  const times = new Map(listed.map(({ remote, mechanism, times }) => [`${remote} ${mechanism}`, times]));
  assert.deepEqual(times, new Map([[`${PHONE} CRAM-MD5`, 1], [`${AWAY} CRAM-MD5`, 4], [`${AWAY} PLAIN`, 4]]));
});
