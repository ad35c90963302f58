/**
 * SIGTERM: content under way is taken, everybody else is told, and the process ends.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { startCountingSink } from "../lib/counting_sink.ts";
import { mailsIn } from "../lib/maildir.ts";
import { makeSite, runProgram, startProgram } from "../lib/program.ts";
import { beginContent, converse, queueIdOf, SHIN, submit } from "../lib/submission.ts";
import { WireClient } from "../lib/wire_client.ts";
import { makeFolder } from "../servers/lib.ts";

const PEOPLE = [{ local: "shin", realm: "baz.co.jp", password: SHIN.password, disabled: false }];

Deno.test("SIGTERM: who sends content gets the 250, who is idle a 421, who comes is refused", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: PEOPLE });
  await using program = await startProgram(site);
  using sending = await converse(program, site);
  using sendingBare = await converse(program, site, { listener: "mta" });
  using chunking = await converse(program, site, { listener: "msas" });
  await beginContent(sending, { to: "shin@baz.co.jp" });
  await sending.write("Subject: one\r\n\r\nhalf ");
  await beginContent(sendingBare, { from: "taro@example.net", to: "shin@baz.co.jp" });
  await chunking.command("MAIL FROM:<shin@baz.co.jp>");
  // The reply to RCPT goes out when the server has to wait for the rest of the chunk.
  await chunking.write("RCPT TO:<shin@baz.co.jp>\r\nBDAT 25 LAST\r\nSubject: three\r\n");
  assert.match(await chunking.reply(), /^250 /);
  using idle = await converse(program, site);
  using greeted = await WireClient.connect(program.port("mta"));
  assert.match(await greeted.reply(), /^220 /);
  using inTransaction = await converse(program, site, { listener: "msas" });
  assert.match(await inTransaction.command("MAIL FROM:<shin@baz.co.jp>"), /^250 /);
  using inExchange = await converse(program, site, { login: null });
  assert.match(await inExchange.command("AUTH CRAM-MD5"), /^334 /);

  program.process.signal("SIGTERM");
  for (const client of [idle, greeted, inTransaction, inExchange]) {
    assert.match(await client.reply(), /^421 4\.3\.2 /);
    assert.equal(await client.line(), null);
  }
  await program.events(1, ({ kind }) => kind === "draining");
  for (const listener of ["mta", "msa", "msas"]) {
    await assert.rejects(WireClient.connect(program.port(listener)), Deno.errors.ConnectionRefused);
  }
  await sending.write("and half\r\n.\r\n");
  await sendingBare.write("Subject: two\r\n\r\n.\r\n");
  await chunking.write("\r\nthree\r\n");
  for (const client of [sending, sendingBare, chunking]) {
    queueIdOf(await client.reply());
    assert.match(await client.reply(), /^421 4\.3\.2 /);
    assert.equal(await client.line(), null);
  }
  assert.equal((await program.process.ended).code, 0);
  assert.deepEqual(program.log.filter(({ kind }) => kind === "bug" || kind === "alarm"), []);
  assert.equal(program.log.at(-1)?.kind, "stopped");
  for (const socket of ["control.sock", "public.sock"]) {
    await assert.rejects(Deno.lstat(join(site.dataDir, socket)), Deno.errors.NotFound);
  }

  // What was not delivered any more is delivered by the next process, and nothing twice.
  await using next = await startProgram(site);
  const done = program.log.filter(({ kind }) => kind === "mail-done").length;
  await next.events(3 - done, ({ kind }) => kind === "mail-done");
  const texts = (await mailsIn(join(site.mail, "shin"))).map((octets) => new TextDecoder().decode(octets));
  assert.deepEqual(texts.map((text) => /^Subject: (.*)\r$/m.exec(text)?.[1]).sort(), ["one", "three", "two"]);
  assert.ok(texts.some((text) => text.endsWith("\r\n\r\nhalf and half\r\n")));
});

Deno.test("a second SIGTERM is final, and what was not acknowledged leaves no trace", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: PEOPLE });
  await using program = await startProgram(site);
  using sending = await converse(program, site);
  await beginContent(sending, { to: "shin@baz.co.jp" });
  // More than stays in memory, and never the end of it.
  await sending.write(`Subject: cut\r\n\r\n${`${"x".repeat(998)}\r\n`.repeat(1_000)}`);
  using idle = await converse(program, site);
  program.process.signal("SIGTERM");
  assert.match(await idle.reply(), /^421 4\.3\.2 /);
  program.process.signal("SIGTERM");
  assert.equal(await sending.line(), null);
  assert.equal((await program.process.ended).code, 0);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(join(site.dataDir, "content"))), []);
  const listed = await runProgram(["queue", "list", "--json", "--config", site.config]);
  assert.equal(listed.output, "[]\n");
});

Deno.test("SIGINT ends as SIGTERM does; the drain has a limit of its own", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: PEOPLE, more: '[limits]\ndrain = "1s"' });
  await using program = await startProgram(site);
  using sending = await converse(program, site);
  await beginContent(sending, { to: "shin@baz.co.jp" });
  program.process.signal("SIGINT");
  assert.equal(await sending.line(), null);
  assert.equal((await program.process.ended).code, 0);
});

Deno.test("SIGTERM in the middle of reloads ends the process, and no listener is left open", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: PEOPLE });
  await using program = await startProgram(site);
  using sending = await converse(program, site);
  await beginContent(sending, { to: "shin@baz.co.jp" });
  const config = await Deno.readTextFile(site.config);
  await Deno.writeTextFile(
    site.config,
    `${config}[[listener]]\nname = "extra"\naddress = "127.0.0.1:0"\nrole = "mta"\n`,
  );
  for (let count = 0; count < 5; count++) program.process.signal("SIGHUP");
  program.process.signal("SIGTERM");
  await program.events(1, ({ kind }) => kind === "draining");
  for (const { address } of program.log.filter(({ kind }) => kind === "listening")) {
    const port = Number(String(address).split(":").at(-1));
    await assert.rejects(WireClient.connect(port), Deno.errors.ConnectionRefused, String(address));
  }
  await sending.write("Subject: last\r\n\r\n.\r\n");
  queueIdOf(await sending.reply());
  assert.equal((await program.process.ended).code, 0);
  assert.deepEqual(program.log.filter(({ kind }) => kind === "bug" || kind === "alarm"), []);
});

Deno.test("a mail whose final dot the next hop has not answered is not sent again after SIGTERM", async () => {
  await using folder = await makeFolder();
  using sink = startCountingSink();
  const smarthost = `address = "127.0.0.1:${sink.port}"\ntls = "never"`;
  const site = await makeSite(folder.path, { people: PEOPLE, smarthost });
  await using program = await startProgram(site);
  using client = await converse(program, site);
  const count = 20;
  for (let sent = 0; sent < count; sent++) queueIdOf(await submit(client, { to: "taro@example.net" }));
  assert.equal((await program.process.stop()).code, 0);
  const done = program.log.filter(({ kind }) => kind === "mail-done").length;
  await using next = await startProgram(site);
  await next.events(count - done, ({ kind }) => kind === "mail-done");
  assert.equal(sink.take().length, count);
});
