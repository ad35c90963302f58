/**
 * DKIM by the whole program: keys made by its commands, mail by every way that leads in, verified at the next hop.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { latin1, utf8 } from "../../src/lib/octets.ts";
import { startCountingSink, type SunkMail } from "../lib/counting_sink.ts";
import { verifyDkim } from "../lib/dkim_verifier.ts";
import { mailsIn } from "../lib/maildir.ts";
import { programCommand } from "../lib/ordinary_user.ts";
import { makeSite, runProgram, type Site, startProgram } from "../lib/program.ts";
import { converse, dotted, SHIN, submit } from "../lib/submission.ts";
import type { WireClient } from "../lib/wire_client.ts";
import { makeFolder, run } from "../servers/lib.ts";

const SENDS_AS_ANYBODY = '[sender.accounts]\n"shin@baz.co.jp" = "off"';
const SHIN_PERSON = { local: "shin", realm: "baz.co.jp", password: SHIN.password, disabled: false };

async function dkim(site: Site, ...args: readonly string[]): Promise<string> {
  const { code, output } = await runProgram(["dkim", ...args, "--config", site.config]);
  assert.equal(code, 0, output);
  return output;
}

/** What the keys of a domain publish, by name. */
async function recordsOf(site: Site, domain: string): Promise<Readonly<Record<string, string>>> {
  const records: readonly { readonly name: string; readonly value: string }[] = JSON.parse(
    await dkim(site, "show", domain, "--json"),
  );
  return Object.fromEntries(records.map(({ name, value }) => [name, value]));
}

function content(subject: string, body: string): string {
  return `From: Shin <shin@baz.co.jp>\r\nTo: taro@example.net\r\nSubject: ${subject}\r\n\r\n${body}`;
}

async function submitChunks(client: WireClient, text: string): Promise<string> {
  assert.match(await client.command("MAIL FROM:<shin@baz.co.jp>"), /^250 /);
  assert.match(await client.command("RCPT TO:<taro@example.net>"), /^250 /);
  const half = Math.floor(text.length / 2);
  await client.write(`BDAT ${half}\r\n${text.slice(0, half)}`);
  assert.match(await client.reply(), /^250 /);
  await client.write(`BDAT ${text.length - half} LAST\r\n${text.slice(half)}`);
  return await client.reply();
}

Deno.test("each mail of ours is signed, by whatever way it comes in, and nobody else's is (mailcow#6289)", async () => {
  await using folder = await makeFolder();
  using sink = startCountingSink();
  const site = await makeSite(folder.path, {
    people: [SHIN_PERSON],
    more: SENDS_AS_ANYBODY,
    smarthost: `address = "127.0.0.1:${sink.port}"\ntls = "never"`,
  });
  for (const domain of ["baz.co.jp", "foobar.co.jp"]) {
    await dkim(site, "new", domain, "--selector", "one");
    await dkim(site, "use", domain, "one", "--force");
  }
  const records = { ...await recordsOf(site, "baz.co.jp"), ...await recordsOf(site, "foobar.co.jp") };
  await using program = await startProgram(site);
  /** What has arrived once so many deliveries were made. */
  const taken = async (deliveries: number): Promise<readonly SunkMail[]> => {
    await program.events(deliveries, ({ kind }) => kind === "delivery");
    return sink.take();
  };

  {
    using msa = await converse(program, site);
    using msas = await converse(program, site, { listener: "msas" });
    using mta = await converse(program, site, { listener: "mta", tls: "starttls", login: SHIN });
    const to = "taro@example.net";
    const body = ".dots\r\n..\r\nblanks  \t\r\n\r\n\r\n";
    assert.match(await submit(msa, { to, content: content("msa", body) }), /^250 /);
    assert.match(await submit(msas, { to, content: content("msas", "") }), /^250 /);
    assert.match(await submit(mta, { to, content: content("mta", "元気ですか\r\n") }), /^250 /);
    assert.match(await submitChunks(msa, content("chunks", body)), /^250 /);
    assert.match(await submitChunks(msa, content("open end", "no line end")), /^250 /);
    // In a file, not in a row.
    assert.match(await submit(msa, { to, content: content("big", "many  words \r\n".repeat(60_000)) }), /^250 /);
    assert.match(await submit(msa, { to, content: "Subject: no author\r\n\r\nx\r\n" }), /^250 /);
    const other = "From: a@example.org\r\nSubject: not ours\r\n\r\nx\r\n";
    assert.match(await submit(msa, { from: "a@example.org", to, content: other }), /^250 /);
  }
  const bySubject = new Map((await taken(8)).map((mail) => [subjectOf(mail), mail.content]));
  for (const subject of ["msa", "msas", "mta", "chunks", "open end", "big"]) {
    const results = await verifyDkim(bySubject.get(subject) ?? utf8(""), records);
    assert.deepEqual(
      results.map(({ valid, domain, algorithm, selector }) => [valid, domain, algorithm, selector]),
      [[true, "baz.co.jp", "rsa-sha256", "one"], [true, "baz.co.jp", "ed25519-sha256", "one-ed25519"]],
      `${subject}: ${results.map(({ error }) => error)}`,
    );
  }
  for (const subject of ["no author", "not ours"]) {
    assert.doesNotMatch(latin1(bySubject.get(subject) ?? utf8("DKIM-Signature:")), /^DKIM-Signature:/im, subject);
  }

  // The sendmail command, by the owner of the service.
  const message = "To: taro@example.net\nSubject: command\n\nx\n";
  const [binary, ...before] = programCommand();
  const env = { DOKODEMO_CONFIG: site.config };
  const command = await run(binary, { args: [...before, "sendmail", "-t"], env, input: message });
  assert.equal(command.code, 0, command.output);
  const [mail] = await taken(9);
  const [rsa, ed25519] = await verifyDkim(mail?.content ?? utf8(""), records);
  assert.deepEqual([rsa?.valid, ed25519?.valid, rsa?.domain], [true, true, "foobar.co.jp"]);

  // What strangers send us in the name of our domain is not ours.
  using stranger = await converse(program, site, { listener: "mta" });
  const forged = { from: "a@example.org", to: "shin@baz.co.jp", content: content("forged", "x\r\n") };
  assert.match(await submit(stranger, forged), /^250 /);
  await program.events(10, ({ kind }) => kind === "delivery");
  const [received = utf8("DKIM-Signature")] = await mailsIn(join(site.mail, "shin"));
  assert.doesNotMatch(latin1(received), /DKIM-Signature/i);

  // A report, whose author is our host.
  using client = await converse(program, site);
  assert.match(await client.command("MAIL FROM:<a@example.org>"), /^250 /);
  assert.match(await client.command("RCPT TO:<taro@example.net> NOTIFY=SUCCESS"), /^250 /);
  assert.match(await client.command("DATA"), /^354 /);
  await client.write(dotted("From: a@example.org\r\nSubject: told\r\n\r\nx\r\n"));
  assert.match(await client.reply(), /^250 /);
  const report = (await taken(12)).find(({ recipients }) => recipients.includes("a@example.org"));
  const results = await verifyDkim(report?.content ?? utf8(""), records);
  assert.deepEqual(results.map(({ valid, domain }) => [valid, domain]), [[true, "foobar.co.jp"], [
    true,
    "foobar.co.jp",
  ]]);
});

Deno.test("dkim use and dkim stop take effect in the running server", async () => {
  await using folder = await makeFolder();
  using sink = startCountingSink();
  const site = await makeSite(folder.path, {
    people: [SHIN_PERSON],
    more: SENDS_AS_ANYBODY,
    smarthost: `address = "127.0.0.1:${sink.port}"\ntls = "never"`,
  });
  await using program = await startProgram(site);
  let sent = 0;
  const send = async (): Promise<SunkMail["content"]> => {
    using client = await converse(program, site);
    assert.match(await submit(client, { to: "taro@example.net", content: content("now", "x\r\n") }), /^250 /);
    await program.events(++sent, ({ kind }) => kind === "delivery");
    return sink.take()[0]?.content ?? utf8("");
  };
  assert.equal((await verifyDkim(await send(), {})).length, 0);
  await dkim(site, "new", "baz.co.jp", "--selector", "one");
  assert.equal((await verifyDkim(await send(), {})).length, 0, "a key alone signs nothing");
  assert.match(await dkim(site, "use", "baz.co.jp", "one", "--force"), /from now on\n$/);
  const first = await verifyDkim(await send(), await recordsOf(site, "baz.co.jp"));
  assert.deepEqual(first.map(({ valid, selector }) => [valid, selector]), [[true, "one"], [true, "one-ed25519"]]);
  await dkim(site, "new", "baz.co.jp", "--selector", "two");
  await dkim(site, "use", "baz.co.jp", "two", "--force");
  const second = await verifyDkim(await send(), await recordsOf(site, "baz.co.jp"));
  assert.deepEqual(second.map(({ valid, selector }) => [valid, selector]), [[true, "two"], [true, "two-ed25519"]]);
  assert.match(await dkim(site, "stop", "baz.co.jp"), /is not signed from now on\n$/);
  assert.equal((await verifyDkim(await send(), {})).length, 0);
});

Deno.test("a key in use that cannot be read keeps the server from starting, and a reload from taking it", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [SHIN_PERSON] });
  await dkim(site, "new", "baz.co.jp", "--selector", "one");
  await dkim(site, "use", "baz.co.jp", "one", "--force");
  const key = join(site.dataDir, "dkim/baz.co.jp/one.rsa.pem");
  const pem = await Deno.readTextFile(key);
  {
    await using program = await startProgram(site);
    await Deno.writeTextFile(key, "no key\n");
    program.process.signal("SIGHUP");
    const [refused] = await program.events(1, ({ kind }) => kind === "reload-refused");
    assert.deepEqual(refused?.["mistakes"], [
      `dkim.folder: Cannot read ${key}: it holds no private key in PEM form`,
    ]);
  }
  const { code, output } = await runProgram(["serve", "--config", site.config]);
  assert.equal(code, 78);
  assert.match(output, /one\.rsa\.pem: it holds no private key in PEM form/);
  assert.equal((await runProgram(["check", "--config", site.config])).code, 78);
  await Deno.writeTextFile(key, pem);
  assert.equal((await runProgram(["check", "--config", site.config])).code, 0);
});

function subjectOf({ content }: SunkMail): string {
  return /^Subject: (.*?)\r$/m.exec(latin1(content))?.[1] ?? "";
}
