import assert from "node:assert/strict";
import { join } from "node:path";
import { AddressClient } from "./lib/address_client.ts";
import { makeSite, type RunningProgram, startProgram } from "./lib/program.ts";
import { makeFolder } from "./servers/lib.ts";

/** The how-to's lines; its network is here one of loopback. */
const HOWTO = `spammer@aol.com REJECT
spammer.com ERROR:"550 We don't accept mail from spammers"
127.168.200 DISCARD
spam@ REJECT
cyberspammer.com REJECT
good.cyberspammer.com OK
mydomain.co.jp RELAY
`;
const MORE = `127.1.1.1 REJECT
127.1.1.2 ERROR:"450 Come back tomorrow"
127.1.1.3 ERROR:5.7.1:"554 Never"
Connect:127.2 RELAY
To:drop@foobar.co.jp DISCARD
From:busy@b.example ERROR:"421 Not now"
`;

const BODY = "Subject: x\r\n\r\nhello\r\n.";

async function greeted(program: RunningProgram, address: string): Promise<AddressClient> {
  const client = await AddressClient.connect(program.port("mta"), address);
  assert.match(await client.reply(), /^220 /);
  assert.match(await client.command("EHLO client.example"), /^250-/);
  return client;
}

async function sender(client: AddressClient, path: string): Promise<string> {
  const reply = await client.command(`MAIL FROM:<${path}>`);
  await client.command("RSET");
  return reply;
}

/** Waits for something that is sure to come; the test's own limit is the only one. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!await holds()) await new Promise((resolve) => setTimeout(resolve, 100));
}

Deno.test("each access line of the how-to has its effect", async (t) => {
  await using folder = await makeFolder();
  await Deno.writeTextFile(join(folder.path, "access"), HOWTO + MORE);
  const site = await makeSite(folder.path, {
    more: '[access]\nfile = "access"\nrelay_domains = ["partner.example"]\nrelay_networks = ["127.3.0.0/16"]\n',
  });
  await using program = await startProgram(site);

  await t.step(
    "senders: REJECT, the text of ERROR, user@, domains with their subdomains, OK for one of them",
    async () => {
      using client = await greeted(program, "127.9.9.9");
      assert.match(await sender(client, "spammer@aol.com"), /^550 5\.7\.1 Access denied \(\S+\)$/);
      assert.match(await sender(client, "other@aol.com"), /^250 /);
      assert.match(await sender(client, "a@spammer.com"), /^550 5\.7\.1 We don't accept mail from spammers \(/);
      assert.match(await sender(client, "a@sub.spammer.com"), /^550 5\.7\.1 We don't accept/);
      assert.match(await sender(client, "spam@any.example"), /^550 5\.7\.1 Access denied/);
      assert.match(await sender(client, "a@cyberspammer.com"), /^550 /);
      assert.match(await sender(client, "a@good.cyberspammer.com"), /^250 /);
      assert.match(await sender(client, ""), /^250 /);
      const [event] = await program.events(1, ({ kind, why }) => kind === "refused" && /spammer@aol/.test(String(why)));
      assert.equal(event?.["why"], "line 1 of the access map: spammer@aol.com REJECT");
    },
  );

  await t.step(
    "recipients: blacklisted ones, RELAY for a domain and its subdomains, not for paths through it",
    async () => {
      using client = await greeted(program, "127.9.9.9");
      assert.match(await client.command("MAIL FROM:<a@b.example>"), /^250 /);
      const expected: readonly (readonly [string, RegExp])[] = [
        ["shin@foobar.co.jp", /^250 /],
        ["spam@foobar.co.jp", /^550 5\.2\.1 Mailbox disabled/],
        ["spammer@aol.com", /^550 5\.2\.1 /],
        ["a@mydomain.co.jp", /^250 /],
        ["a@sub.mydomain.co.jp", /^250 /],
        ["a@b.partner.example", /^250 /],
        ["a@else.example", /^550 5\.7\.1 Relaying denied/],
        ["a%else.example@mydomain.co.jp", /^550 5\.7\.1 /],
        ["else.example!a@mydomain.co.jp", /^550 5\.7\.1 /],
        ["a%else.example@foobar.co.jp", /^550 5\.7\.1 /],
        ["else.example!a@foobar.co.jp", /^550 5\.7\.1 /],
      ];
      for (const [path, reply] of expected) assert.match(await client.command(`RCPT TO:<${path}>`), reply, path);
    },
  );

  await t.step(
    "DISCARD of a network: accepted, thrown away, logged; what could not be accepted is refused still",
    async () => {
      using client = await greeted(program, "127.168.200.7");
      assert.match(await client.command("MAIL FROM:<a@b.example>"), /^250 /);
      assert.match(await client.command("RCPT TO:<a@else.example>"), /^550 5\.7\.1 /);
      assert.match(await client.command("RCPT TO:<shin@foobar.co.jp>"), /^250 /);
      assert.match(await client.command("DATA"), /^354 /);
      assert.match(await client.command(BODY), /^250 /);
      const [event] = await program.events(1, ({ kind }) => kind === "discarded-mail");
      assert.equal(event?.["rule"], "line 3 of the access map: 127.168.200 DISCARD");
      assert.equal(event?.["remote"], "127.168.200.7");
    },
  );

  await t.step("DISCARD of one recipient takes the whole mail, and the next mail is none of its business", async () => {
    using client = await greeted(program, "127.9.9.9");
    for (
      const [path, kind] of [["drop@foobar.co.jp", "discarded-mail"], ["shin@foobar.co.jp", "accepted-mail"]] as const
    ) {
      const isIt = (event: Readonly<Record<string, unknown>>) =>
        event["kind"] === kind && event["remote"] === "127.9.9.9";
      assert.match(await client.command("MAIL FROM:<a@b.example>"), /^250 /);
      assert.match(await client.command(`RCPT TO:<${path}>`), /^250 /);
      assert.match(await client.command("DATA"), /^354 /);
      assert.match(await client.command(BODY), /^250 /);
      await program.events(1, isIt);
    }
  });

  await t.step("RELAY for a network: to everywhere without a login, but not through our own domains", async () => {
    for (const address of ["127.2.5.5", "127.3.5.5"]) {
      using client = await greeted(program, address);
      assert.match(await client.command("MAIL FROM:<a@b.example>"), /^250 /);
      assert.match(await client.command("RCPT TO:<a@else.example>"), /^250 /);
      assert.match(await client.command("RCPT TO:<spammer@aol.com>"), /^550 5\.2\.1 /);
      assert.match(await client.command("RCPT TO:<a%else.example@foobar.co.jp>"), /^550 5\.7\.1 /);
    }
    const msa = await AddressClient.connect(program.port("msa"), "127.2.5.5");
    using client = msa;
    await client.reply();
    await client.command("EHLO client.example");
    assert.match(await client.command("MAIL FROM:<a@b.example>"), /^530 /);
  });

  await t.step("a client that is refused is greeted and gets the answer to all that could lead to mail", async () => {
    using client = await AddressClient.connect(program.port("mta"), "127.1.1.1");
    assert.match(await client.reply(), /^220 /);
    assert.doesNotMatch(await client.command("EHLO client.example"), /AUTH|STARTTLS/);
    for (
      const command of [
        "AUTH PLAIN AGEAYg==",
        "MAIL FROM:<a@b.example>",
        "RCPT TO:<shin@foobar.co.jp>",
        "DATA",
        "VRFY a",
        "STARTTLS",
      ]
    ) {
      assert.match(await client.command(command), /^550 5\.7\.1 Access denied \(/, command);
    }
    assert.match(await client.command("BDAT 5 LAST\r\nabc"), /^5/);
    assert.match(await client.command("QUIT"), /^221 /);
    using later = await greeted(program, "127.1.1.2");
    assert.match(await later.command("MAIL FROM:<a@b.example>"), /^450 4\.7\.1 Come back tomorrow/);
    using never = await AddressClient.connect(program.port("mta"), "127.1.1.3");
    assert.match(await never.reply(), /^554 5\.7\.1 Never \(/);
    assert.equal(await never.reply(), "");
    using busy = await greeted(program, "127.9.9.9");
    assert.match(await busy.command("MAIL FROM:<busy@b.example>"), /^421 4\.7\.1 Not now/);
    assert.equal(await busy.reply(), "");
  });

  await t.step("a changed file holds at once; a bad line is named, and the map from before it stays", async () => {
    const file = join(folder.path, "access");
    await Deno.writeTextFile(file, "spammer@aol.com OK\nother.example REJCT\n");
    const isAlarm = ({ kind, text }: Readonly<Record<string, unknown>>) =>
      kind === "alarm" && /line 2: expected OK.*from before/.test(String(text));
    using client = await greeted(program, "127.9.9.9");
    await until(async () => {
      await sender(client, "someone@c.example");
      return program.log.some(isAlarm);
    });
    assert.match(await sender(client, "spammer@aol.com"), /^550 /);
    await Deno.writeTextFile(file, "other.example REJECT\n");
    await until(async () => (await sender(client, "a@other.example")).startsWith("550"));
    assert.match(await sender(client, "spammer@aol.com"), /^250 /);
    await Deno.remove(file);
    await until(async () => (await sender(client, "a@other.example")).startsWith("250"));
  });
});

Deno.test("need_hello = false takes mail without a HELO", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { more: "[access]\nneed_hello = false\n" });
  await using program = await startProgram(site);
  using client = await AddressClient.connect(program.port("mta"), "127.9.9.9");
  await client.reply();
  assert.match(await client.command("MAIL FROM:<a@b.example>"), /^250 /);
  assert.match(await client.command("RCPT TO:<shin@foobar.co.jp>"), /^250 /);
  assert.match(await client.command("DATA"), /^354 /);
  assert.match(await client.command(BODY), /^250 /);
  assert.match(await client.command("MAIL FROM:<a@b.example>"), /^250 /);
});
