import assert from "node:assert/strict";
import { join } from "node:path";
import { latin1 } from "../src/lib/octets.ts";
import { AddressClient } from "./lib/address_client.ts";
import { startCountingSink, type SunkMail } from "./lib/counting_sink.ts";
import { verifyDkim } from "./lib/dkim_verifier.ts";
import { mailsIn } from "./lib/maildir.ts";
import { makeSite, type RunningProgram, runProgram, type Site, startProgram } from "./lib/program.ts";
import { converse, submit } from "./lib/submission.ts";
import { makeFolder, run } from "./servers/lib.ts";
import { programCommand } from "./lib/ordinary_user.ts";

const HOWTO = `
[masquerade]
always_add_domain = true
as = "foobar.co.jp"
domains = ["foobar.co.jp"]
entire_domain = true
envelope = true

[access]
relay_networks = ["127.0.0.1/32"]
`;

const TO = "taro@example.net";

interface Ground extends AsyncDisposable {
  readonly site: Site;
  readonly program: RunningProgram;
  /** The mail that the next hop has next. */
  next(): Promise<SunkMail>;
}

async function makeGround(more: string, prepare: (site: Site) => Promise<void> = async () => {}): Promise<Ground> {
  await using made = new AsyncDisposableStack();
  const folder = made.use(await makeFolder());
  const sink = made.use(startCountingSink());
  const site = await makeSite(folder.path, { more, smarthost: `address = "127.0.0.1:${sink.port}"\ntls = "never"` });
  await prepare(site);
  const program = made.use(await startProgram(site));
  const owned = made.move();
  let count = 0;
  return {
    site,
    program,
    async next() {
      await program.events(++count, ({ kind, outcome }) => kind === "delivery" && outcome === "relayed");
      const [mail] = sink.take();
      assert.ok(mail !== undefined);
      return mail;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Without the fields that our program writes itself. */
function written(mail: SunkMail): string {
  const [header = "", ...rest] = latin1(mail.content).split("\r\n\r\n");
  const kept = header.replace(/\r\n(?![ \t])/g, "\0").split("\0")
    .filter((field) => !/^(?:received|date|message-id|dkim-signature):/i.test(field));
  return [kept.join("\r\n"), ...rest].join("\r\n\r\n");
}

Deno.test("MASQUERADE_AS as the how-to has it: foobar.co.jp in header and envelope, exposed root stays", async (t) => {
  await using ground = await makeGround(HOWTO, async ({ config }) => {
    for (const args of [["new", "foobar.co.jp", "--selector", "one"], ["use", "foobar.co.jp", "one", "--force"]]) {
      const { code, output } = await runProgram(["dkim", ...args, "--config", config]);
      assert.equal(code, 0, output);
    }
  });
  const { program, site, next } = ground;

  await t.step("a machine of the network", async () => {
    using pc1 = await converse(program, site, { listener: "mta" });
    const content = 'From:"Yamada, T. @ home" (a\r\n b) <shin@pc1.foobar.co.jp>\r\n' +
      "Sender: <shin@\r\n  localhost>\r\nReply-To: desk: shin, yuki@pc2.foobar.co.jp;\r\n" +
      "To: taro@pc3.foobar.co.jp\r\nSubject: shin@pc1.foobar.co.jp\r\n\r\nFrom: shin@pc1.foobar.co.jp\r\n";
    assert.match(await submit(pc1, { from: "shin@pc1.foobar.co.jp", to: TO, content }), /^250 /);
    const mail = await next();
    assert.equal(mail.reversePath, "shin@foobar.co.jp");
    assert.deepEqual(mail.recipients, [TO]);
    assert.equal(
      written(mail),
      'From:"Yamada, T. @ home" (a\r\n b) <shin@foobar.co.jp>\r\n' +
        "Sender: <shin@\r\n  foobar.co.jp>\r\nReply-To: desk: shin@foobar.co.jp, yuki@foobar.co.jp;\r\n" +
        "To: taro@pc3.foobar.co.jp\r\nSubject: shin@pc1.foobar.co.jp\r\n\r\nFrom: shin@pc1.foobar.co.jp\r\n",
    );
  });

  await t.step("root stays, and paths without a domain get one", async () => {
    using pc1 = await converse(program, site, { listener: "mta" });
    const content = "From: root@pc1.foobar.co.jp\r\n\r\nx\r\n";
    assert.match(await submit(pc1, { from: "root@pc1.foobar.co.jp", to: TO, content }), /^250 /);
    const exposed = await next();
    assert.equal(exposed.reversePath, "root@pc1.foobar.co.jp");
    assert.equal(written(exposed), content);
    assert.match(await submit(pc1, { from: "shin", to: TO, content: "From: shin\r\nTo: yuki\r\n\r\nx\r\n" }), /^250 /);
    const bare = await next();
    assert.equal(bare.reversePath, "shin@foobar.co.jp");
    assert.equal(written(bare), "From: shin@foobar.co.jp\r\nTo: yuki@baz.co.jp\r\n\r\nx\r\n");
    assert.match(await submit(pc1, { from: "", to: TO, content }), /^250 /);
    assert.equal((await next()).reversePath, "");
  });

  await t.step("somebody who has logged in: signed after rewriting, and the body is as it was", async () => {
    const records: readonly { readonly name: string; readonly value: string }[] = JSON.parse(
      (await runProgram(["dkim", "show", "foobar.co.jp", "--json", "--config", site.config])).output,
    );
    using client = await converse(program, site);
    const body = "shin@baz.co.jp  \xe9 many words\r\n.\r\n".repeat(40_000);
    const content = Uint8Array.from(
      `From: Shin <shin@baz.co.jp>\r\nTo: ${TO}\r\nSubject: x\r\n\r\n${body}`,
      (c) => c.charCodeAt(0),
    );
    assert.match(await submit(client, { from: "shin", to: TO, content }), /^250 /);
    const mail = await next();
    assert.equal(mail.reversePath, "shin@foobar.co.jp");
    assert.ok(written(mail) === latin1(content).replace("shin@baz", "shin@foobar"), "an octet of the body differs");
    const results = await verifyDkim(mail.content, Object.fromEntries(records.map(({ name, value }) => [name, value])));
    assert.deepEqual(results.map(({ valid, domain }) => [valid, domain]), [[true, "foobar.co.jp"], [
      true,
      "foobar.co.jp",
    ]]);
  });

  await t.step("a program on this machine, without and with a From of its own", async () => {
    const [binary, ...before] = programCommand();
    const env = { DOKODEMO_CONFIG: site.config };
    for (const from of ["", "From: yuki (Yuki)\n"]) {
      const input = `${from}To: ${TO}, yuki@pc1.foobar.co.jp (x)\n\nx\n`;
      const args = [...before, "sendmail", "-f", "yuki@pc1.foobar.co.jp", TO];
      assert.equal((await run(binary, { args, env, input })).code, 0);
      const mail = await next();
      assert.equal(mail.reversePath, "yuki@foobar.co.jp");
      assert.match(latin1(mail.content), /^From: (?:.* <)?yuki@foobar\.co\.jp(?:>| \(Yuki\))\r$/m);
      assert.match(latin1(mail.content), /^To: taro@example\.net, yuki@pc1\.foobar\.co\.jp \(x\)\r$/m);
    }
  });

  await t.step("a stranger's mail for us is not touched", async () => {
    using stranger = await AddressClient.connect(program.port("mta"), "127.9.9.9");
    await stranger.reply();
    const content = "From: shin@pc1.foobar.co.jp\r\n\r\nhello\r\n";
    const lines = ["EHLO x.example", "MAIL FROM:<shin@pc1.foobar.co.jp>", "RCPT TO:<yuki@baz.co.jp>"];
    for (const line of lines) assert.match(await stranger.command(line), /^250/);
    assert.match(await stranger.command("DATA"), /^354 /);
    assert.match(await stranger.command(`${content}.`), /^250 /);
    await program.events(1, ({ kind, outcome }) => kind === "delivery" && outcome !== "relayed");
    const [mail] = await mailsIn(join(site.mail, "yuki"));
    assert.ok(mail !== undefined);
    assert.match(latin1(mail), /^Return-Path: <shin@pc1\.foobar\.co\.jp>\r$/m);
    assert.match(latin1(mail), /^From: shin@pc1\.foobar\.co\.jp\r$/m);
  });
});

Deno.test("genericstable; a path without a domain is refused where nothing completes it", async () => {
  const more = '[masquerade]\ngenerics_file = "genericstable"\nenvelope = true\n';
  await using ground = await makeGround(
    `${more}[access]\nrelay_networks = ["127.0.0.1/32"]\n`,
    ({ folder }) => Deno.writeTextFile(join(folder, "genericstable"), "shin\tyamada.shin@example.co.jp\n"),
  );
  const { program, site, next } = ground;
  {
    using client = await converse(program, site);
    assert.match(await client.command("MAIL FROM:<shin>"), /^5/);
    const content = "From: shin@baz.co.jp\r\nTo: yuki\r\n\r\nx\r\n";
    assert.match(await submit(client, { to: TO, content }), /^250 /);
    const mail = await next();
    assert.equal(mail.reversePath, "yamada.shin@example.co.jp");
    assert.equal(written(mail), "From: yamada.shin@example.co.jp\r\nTo: yuki\r\n\r\nx\r\n");
  }

  // A bad line: check names it, and a reload leaves the table that was there.
  await Deno.writeTextFile(join(site.folder, "genericstable"), "shin\tshin@new.example\nlonely\n");
  const checked = await runProgram(["check", "--config", site.config]);
  assert.equal(checked.code, 78);
  assert.match(checked.output, /masquerade\.generics_file: .*genericstable, line 2: expected an address for lonely/);
  program.process.signal("SIGHUP");
  await program.events(1, ({ kind }) => kind === "reload-refused");
  using client = await converse(program, site);
  const content = "From: shin@baz.co.jp\r\n\r\nx\r\n";
  assert.match(await submit(client, { to: TO, content }), /^250 /);
  assert.equal((await next()).reversePath, "yamada.shin@example.co.jp");
  await Deno.writeTextFile(join(site.folder, "genericstable"), "shin\tshin@new.example\n");
  program.process.signal("SIGHUP");
  await program.events(1, ({ kind }) => kind === "reloaded");
  using later = await converse(program, site);
  assert.match(await submit(later, { to: TO, content }), /^250 /);
  assert.equal((await next()).reversePath, "shin@new.example");
});
