import assert from "node:assert/strict";
import { latin1, utf8 } from "../src/lib/octets.ts";
import { PEOPLE } from "./lib/people.ts";
import { makeSite, type RunningProgram, type Site, type SiteOptions, startProgram } from "./lib/program.ts";
import { beginContent, converse, dotted, queueIdOf, submit } from "./lib/submission.ts";
import { mailsIn } from "./lib/maildir.ts";
import { makeFolder } from "./servers/lib.ts";
import { join } from "node:path";

function test(
  name: string,
  options: SiteOptions,
  run: (program: RunningProgram, site: Site) => Promise<void>,
): void {
  Deno.test(name, async () => {
    await using folder = await makeFolder();
    const site = await makeSite(folder.path, options);
    await using program = await startProgram(site);
    await run(program, site);
    assert.deepEqual(program.log.filter(({ kind }) => kind === "bug" || kind === "alarm"), []);
  });
}

const AUTHOR = (address: string) => `From: Somebody <${address}>\r\nTo: yuki@baz.co.jp\r\nSubject: x\r\n\r\nhello\r\n`;

/** The id in a refusal, and the line of the log with it. */
async function explained(program: RunningProgram, reply: string): Promise<string> {
  const id = /\(([^)]+)\)$/.exec(reply)?.[1];
  const [event] = await program.events(1, (each) => each.kind === "refused" && each["id"] === id);
  return String(event?.["why"]);
}

test(
  "msa: somebody else's address is refused at MAIL, or after content by its From; the log says why",
  {},
  async (program, site) => {
    using client = await converse(program, site);
    const reply = await client.command("MAIL FROM:<yuki@baz.co.jp>");
    assert.match(reply, /^550 5\.7\.1 Your account may not send as this address \(/);
    assert.match(
      await explained(program, reply),
      /reverse-path is yuki@baz\.co\.jp; the account sends as shin@baz\.co\.jp/,
    );

    for (const from of ["shin@baz.co.jp", "Shin@foobar.co.jp", ""]) {
      const mail = { from, to: "yuki@baz.co.jp", content: AUTHOR("shin@foobar.co.jp") };
      queueIdOf(await submit(client, mail));
      const forged = await submit(client, { ...mail, content: AUTHOR("yuki@baz.co.jp") });
      assert.match(forged, /^550 5\.7\.1 Your account may not/);
      assert.match(await explained(program, forged), /From is yuki@baz\.co\.jp/);
    }
    const twice = await submit(client, {
      to: "yuki@baz.co.jp",
      content: `From: shin@baz.co.jp\r\n${AUTHOR("yuki@baz.co.jp")}`,
    });
    assert.match(await explained(program, twice), /From: it stands twice/);
    // The session goes on, and a chunk is judged as a line is.
    const content = AUTHOR("yuki@baz.co.jp");
    await client.command("MAIL FROM:<shin@baz.co.jp>");
    await client.command("RCPT TO:<yuki@baz.co.jp>");
    await client.write(`BDAT ${content.length} LAST\r\n${content}`);
    assert.match(await client.reply(), /^550 5\.7\.1 /);
    queueIdOf(await submit(client, { to: "yuki@baz.co.jp", content: AUTHOR("shin@baz.co.jp") }));
    assert.equal((await program.events(4, ({ kind }) => kind === "accepted-mail")).length, 4);
  },
);

test("a large mail with a forged From is refused as a small one is", {}, async (program, site) => {
  using client = await converse(program, site);
  await beginContent(client, { to: "yuki@baz.co.jp" });
  await client.write(dotted(AUTHOR("yuki@baz.co.jp") + `${"x".repeat(70)}\r\n`.repeat(20_000)));
  assert.match(await client.reply(), /^550 5\.7\.1 /);
});

const MODES = `[[listener]]
name = "mta"
address = "127.0.0.1:0"
role = "mta"
[[listener]]
name = "msa"
address = "127.0.0.1:0"
role = "msa"
sender = "rewrite"
[[listener]]
name = "strict"
address = "127.0.0.1:0"
role = "msa"`;
const SENDER = `[sender]
recipient_delimiter = "+"
[sender.accounts]
yuki = "report"`;

test(
  "rewrite puts the account's address in the place of the other",
  { listeners: MODES, more: SENDER },
  async (program, site) => {
    using client = await converse(program, site);
    queueIdOf(
      await submit(client, {
        from: "scanner@printer.example",
        to: "yuki@baz.co.jp",
        content: AUTHOR("yuki@baz.co.jp"),
      }),
    );
    await program.events(1, ({ kind, outcome }) => kind === "delivery" && outcome === "delivered");
    const mail = latin1((await mailsIn(join(site.mail, "yuki")))[0] ?? utf8(""));
    assert.match(mail, /^Return-Path: <shin@baz\.co\.jp>\r?\n/m);
    assert.match(mail, /^From: Somebody <shin@baz\.co\.jp>\r?\n/m);
    const told = await program.events(2, ({ kind }) => kind === "foreign-sender");
    assert.deepEqual(told.map(({ action, account }) => [action, account]), [
      ["rewritten", "shin@baz.co.jp"],
      ["rewritten", "shin@baz.co.jp"],
    ]);
  },
);

test(
  "an account's own mode goes before the listener's; mta reports",
  { listeners: MODES, more: SENDER },
  async (program, site) => {
    const yuki = { authcid: "yuki@baz.co.jp", password: 'パスワード 1,2="x"\\y' };
    using reported = await converse(program, site, { listener: "strict", login: yuki });
    queueIdOf(await submit(reported, { from: "a@b.example", to: "yuki@baz.co.jp", content: AUTHOR("a@b.example") }));
    using mta = await converse(program, site, {
      listener: "mta",
      tls: "starttls",
      login: { authcid: "shin@baz.co.jp", password: "correct-horse" },
    });
    queueIdOf(await submit(mta, { from: "a@b.example", to: "yuki@baz.co.jp", content: AUTHOR("shin@baz.co.jp") }));
    const told = await program.events(3, ({ kind }) => kind === "foreign-sender");
    assert.deepEqual(told.map(({ action, account }) => [action, account]), [
      ["reported", "yuki@baz.co.jp"],
      ["reported", "yuki@baz.co.jp"],
      ["reported", "shin@baz.co.jp"],
    ]);
    using strict = await converse(program, site, { listener: "strict" });
    queueIdOf(
      await submit(strict, {
        from: "shin+news@baz.co.jp",
        to: "yuki@baz.co.jp",
        content: AUTHOR("shin+x@foobar.co.jp"),
      }),
    );
    assert.match(await strict.command("MAIL FROM:<yuki+shin@baz.co.jp>"), /^550 5\.7\.1 /);
    // Strangers are under no rule: mail for people here comes from anywhere.
    using stranger = await converse(program, site, { listener: "mta" });
    queueIdOf(
      await submit(stranger, {
        from: "friend@example.net",
        to: "shin@foobar.co.jp",
        content: AUTHOR("shin@foobar.co.jp"),
      }),
    );
  },
);

test(
  "of two accounts with one local part each sends as itself",
  { people: [...PEOPLE, { local: "shin", realm: "foobar.co.jp", password: "another", disabled: false }] },
  async (program, site) => {
    using client = await converse(program, site);
    assert.match(await client.command("MAIL FROM:<shin@foobar.co.jp>"), /^550 5\.7\.1 /);
    const forged = { to: "yuki@baz.co.jp", content: AUTHOR("shin@foobar.co.jp") };
    assert.match(await submit(client, forged), /^550 5\.7\.1 /);
    using other = await converse(program, site, { login: { authcid: "shin@foobar.co.jp", password: "another" } });
    queueIdOf(await submit(other, { ...forged, from: "shin@foobar.co.jp" }));
    assert.match(await other.command("MAIL FROM:<shin@baz.co.jp>"), /^550 5\.7\.1 /);
  },
);
