/**
 * What a stranger tries on the running program: what was overheard, said again; and what of all that stays in the log.
 *
 * @module
 */

import assert from "node:assert/strict";
import { decodeBase64, encodeBase64, latin1, utf8 } from "../src/lib/octets.ts";
import { startClient } from "../src/sasl/client.ts";
import { SITE } from "./lib/people.ts";
import { makeSite, type RunningProgram, type Site, startProgram } from "./lib/program.ts";
import { converse, logIn, SHIN, submit } from "./lib/submission.ts";
import type { WireClient } from "./lib/wire_client.ts";
import { makeFolder } from "./servers/lib.ts";

const PASSWORD = 'zw1tschern "über" 鳥';
const PEOPLE = [
  { local: "shin", realm: "baz.co.jp", password: SHIN.password, disabled: false },
  { local: "yuki", realm: "baz.co.jp", password: PASSWORD, disabled: false },
  { local: "locked", realm: "baz.co.jp", password: PASSWORD, disabled: true },
];
const MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-1", "DIGEST-MD5", "CRAM-MD5", "PLAIN", "LOGIN"] as const;

/** Runs a test against a program of its own, in which nothing may fail inside. */
function test(name: string, run: (program: RunningProgram, site: Site) => Promise<void>): void {
  Deno.test(name, async () => {
    await using folder = await makeFolder();
    const site = await makeSite(folder.path, { people: PEOPLE });
    await using program = await startProgram(site);
    await run(program, site);
    assert.deepEqual(program.log.filter(({ kind }) => kind === "bug" || kind === "alarm"), []);
  });
}

test("a response that was overheard opens nothing, on another connection or the same", async (program, site) => {
  for (const mechanism of ["CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-256"] as const) {
    using client = await converse(program, site, { login: null });
    const exchange = startClient(mechanism, {
      ...{ authcid: SHIN.authcid, password: SHIN.password, authzid: "", realm: "", host: SITE.hostname },
      nonce: utf8("always the same!!!"),
    });
    const begin = exchange.initial === null
      ? `AUTH ${mechanism}`
      : `AUTH ${mechanism} ${encodeBase64(exchange.initial)}`;
    const challenge = decodeBase64((await client.command(begin)).slice(4));
    const answer = exchange.respond(challenge ?? new Uint8Array());
    assert(answer.kind === "response");
    const overheard = encodeBase64(answer.octets);
    const accepted = await client.command(overheard);
    if (accepted.startsWith("334 ")) assert.match(await client.command("*"), /^501 /);
    else assert.match(accepted, /^235 /);

    using other = await converse(program, site, { login: null });
    for (const same of accepted.startsWith("334 ") ? [client, other] : [other]) {
      assert.match(await same.command(begin), /^334 /);
      assert.match(await same.command(overheard), /^535 5\.7\.8 /, mechanism);
    }
  }
});

test("the log holds no password, whatever clients did with it", async (program, site) => {
  for (const mechanism of MECHANISMS) {
    for (
      const login of [
        { authcid: "yuki@baz.co.jp", password: PASSWORD },
        { authcid: "locked@baz.co.jp", password: PASSWORD },
        { authcid: "yuki@baz.co.jp", password: `${PASSWORD}!` },
        { authcid: "nobody@baz.co.jp", password: PASSWORD },
      ]
    ) {
      using client = await converse(program, site, { login: null });
      await logIn(client, { ...login, mechanism });
    }
  }
  const plain = encodeBase64(utf8(`\0yuki@baz.co.jp\0${PASSWORD}`));
  for (
    const lines of [
      ["AUTH zw1tschern", `AUTH ${plain}`, `AUTH PLAIN ${plain} x`, "AUTH zw1tschern-PLUS"],
      [`AUTH LOGIN ${encodeBase64(utf8("yuki@baz.co.jp"))}`, PASSWORD],
      ["AUTH PLAIN", PASSWORD, PASSWORD, plain, encodeBase64(utf8(PASSWORD))],
      [`MAIL FROM:<yuki@baz.co.jp> ${plain}`, `EHLO ${plain}`, `zw1tschern ${PASSWORD}`],
    ]
  ) {
    using client = await converse(program, site, { login: null });
    for (const line of lines) await client.command(line);
  }
  using client = await converse(program, site, { login: { authcid: "yuki@baz.co.jp", password: PASSWORD } });
  assert.match(
    await submit(client, {
      from: "yuki@baz.co.jp",
      to: "shin@baz.co.jp",
      content: `Subject: ${PASSWORD}\r\n\r\n${plain}\r\n`,
    }),
    /^250 /,
  );
  await finish(client, program);

  const log = program.process.lines.join("\n");
  assert.match(log, /"authcid":"yuki@baz\.co\.jp"/);
  for (const trace of tracesOf(PASSWORD)) assert(!log.toLowerCase().includes(trace.toLowerCase()), trace);
});

test("a header section of many small fields is a mail like others", async (program, site) => {
  using client = await converse(program, site);
  assert.match(await submit(client, { to: "shin@baz.co.jp", content: `${"a: b\r\n".repeat(170_000)}\r\n` }), /^250 /);
});

async function finish(client: WireClient, program: RunningProgram): Promise<void> {
  assert.match(await client.command("QUIT"), /^221 /);
  await program.process.stop();
}

/** The password as it is, its first word, and its base64 at each of the three places where it can begin in a longer text. */
function tracesOf(password: string): readonly string[] {
  const encoded = [0, 1, 2].map((before) => {
    const whole = encodeBase64(Uint8Array.from([...new Uint8Array(before), ...utf8(password)]));
    // Only what does not depend on the octets around it.
    return whole.slice(before === 0 ? 0 : 4, -4);
  });
  return [password, "zw1tschern", JSON.stringify(password).slice(1, -1), latin1(utf8(password)), ...encoded];
}
