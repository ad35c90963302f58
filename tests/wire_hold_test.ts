import assert from "node:assert/strict";
import { encodeBase64, utf8 } from "../src/lib/octets.ts";
import { AddressClient } from "./lib/address_client.ts";
import { startCountingSink } from "./lib/counting_sink.ts";
import { makeSite, type RunningProgram, runProgram, type Site, startProgram } from "./lib/program.ts";
import { makeFolder } from "./servers/lib.ts";

const SHIN = "shin@baz.co.jp";
const PLAIN = encodeBase64(utf8(`\0${SHIN}\0correct-horse`));
const SASL = 'cleartext_networks = ["127.0.0.0/8"]\ncleartext_mechs = ["PLAIN"]\n';
const BODY = "Subject: x\r\n\r\nhello\r\n.";

async function loggedIn(program: RunningProgram, address = "127.0.0.1"): Promise<AddressClient> {
  const client = await AddressClient.connect(program.port("mta"), address);
  assert.match(await client.reply(), /^220 /);
  assert.match(await client.command("EHLO client.example"), /^250-/);
  assert.match(await client.command(`AUTH PLAIN ${PLAIN}`), /^235 /);
  return client;
}

/** Sends a mail; the result is the reply that ended it, of whichever command. */
async function send(client: AddressClient, recipients: readonly string[], from = SHIN): Promise<string> {
  const lines = [`MAIL FROM:<${from}>`, ...recipients.map((path) => `RCPT TO:<${path}>`), "DATA", BODY];
  for (const line of lines) {
    const reply = await client.command(line);
    if (/^[45]/.test(reply) || line === BODY) {
      if (line !== BODY) await client.command("RSET");
      return reply;
    }
  }
  return "";
}

function numbered(count: number, name = "r"): readonly string[] {
  return Array.from({ length: count }, (_value, at) => `${name}${at}@elsewhere.example`);
}

async function command(site: Site, ...args: readonly string[]): Promise<string> {
  const finished = await runProgram([...args, "--config", site.config]);
  assert.equal(finished.code, 0, finished.output);
  return finished.output;
}

interface Standing {
  readonly name: string;
  readonly used: number;
  readonly most: number | null;
  readonly opens: string | null;
}

async function standing(site: Site, limit: string): Promise<Standing> {
  const [shown] = JSON.parse(await command(site, "limits", "show", SHIN, "--json"));
  return shown.limits.find(({ name }: Standing) => name === limit);
}

/** Waits for something that is sure to come; the test's own limit is the only one. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!await holds()) await new Promise((resolve) => setTimeout(resolve, 50));
}

Deno.test("limits: the reply has the time, the log has the counts, the count outlives the process", async (t) => {
  await using folder = await makeFolder();
  const more = `[limits.account]
mails_per_hour = 5
recipients_per_day = 12
new_recipients_per_day = 10
octets_per_hour = "1MiB"
`;
  const site = await makeSite(folder.path, { sasl: SASL, more });
  await t.step("recipients that can never fit: 550; SIZE above the whole limit: 550", async () => {
    await using program = await startProgram(site);
    using client = await loggedIn(program);
    const reply = await send(client, Array.from({ length: 13 }, () => "shin@foobar.co.jp"));
    assert.match(reply, /^550 5\.7\.1 This account may send 12 recipients a day: this mail alone has more/);
    assert.match(
      await client.command(`MAIL FROM:<${SHIN}> SIZE=2000000`),
      /^550 5\.7\.1 This account may send 1048576 /,
    );
    assert.match(
      await send(client, numbered(11)),
      /^550 5\.7\.1 .* 10 recipients that it has never sent to before a day/,
    );
    // Nothing of it was counted.
    assert.equal((await standing(site, "mails_per_hour")).used, 0);
    assert.equal((await standing(site, "recipients_per_day")).used, 0);
  });
  await t.step("over the limit: 452 with the time; the refusal's line in the log", async () => {
    await using program = await startProgram(site);
    using client = await loggedIn(program);
    for (let mail = 0; mail < 5; mail++) assert.match(await send(client, ["shin@foobar.co.jp"]), /^250 /);
    const reply = await client.command(`MAIL FROM:<${SHIN}>`);
    assert.match(
      reply,
      /^452 4\.7\.1 This account may send 5 mails an hour and has used them up, try again after (?:\d{4}-\d\d-\d\d )?\d\d:\d\d UTC \(\S+\)$/,
    );
    const [event] = await program.events(1, ({ kind, limit }) => kind === "limit-reached" && limit === "mailsPerHour");
    assert.equal(event?.["used"], 5);
    assert.equal(event?.["most"], 5);
    assert.equal(event?.["reported"], false);
    const opens = Date.parse(String(event?.["opens"])) - Date.now();
    assert.ok(opens > 3_400_000 && opens < 3_800_000, String(opens));
    const [refused] = await program.events(1, ({ kind, code }) => kind === "refused" && code === 452);
    assert.equal(refused?.["why"], `limits.account.mailsPerHour of ${SHIN}: 5 of 5 used, 1 more wanted`);
    assert.match(await command(site, "limits", "show", SHIN), /mails_per_hour +5 +5 +\d{4}-/);
  });
  await t.step("after the restart it still counts; reset and values of its own open it", async () => {
    await using program = await startProgram(site);
    using client = await loggedIn(program);
    assert.match(await client.command(`MAIL FROM:<${SHIN}>`), /^452 /);
    await command(site, "limits", "set", SHIN, "mails_per_hour=6");
    assert.match(await send(client, ["shin@foobar.co.jp"]), /^250 /);
    assert.match(await client.command(`MAIL FROM:<${SHIN}>`), /^452 .* 6 mails an hour/);
    await command(site, "limits", "set", SHIN, "mails_per_hour=none");
    assert.match(await send(client, ["shin@foobar.co.jp"]), /^250 /);
    await command(site, "limits", "set", SHIN, "mails_per_hour=default");
    assert.match(await client.command(`MAIL FROM:<${SHIN}>`), /^452 .* 5 mails an hour/);
    await command(site, "limits", "reset", SHIN);
    assert.match(await send(client, ["shin@foobar.co.jp"]), /^250 /);
  });
  await t.step("after kill -9 no more than the last second is forgotten", async () => {
    {
      await using program = await startProgram(site);
      using client = await loggedIn(program);
      assert.match(await send(client, ["shin@foobar.co.jp"]), /^250 /);
      // The answer of a reading command comes after the write of the second, for the accounts are read from the file.
      await command(site, "limits", "suggest");
      await program.process.stop("SIGKILL");
    }
    assert.equal((await standing(site, "mails_per_hour")).used, 2);
  });
});

Deno.test("limits: twenty parallel sessions of one account do not get past them", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, {
    sasl: SASL,
    more: "[limits.account]\nmails_per_hour = 30\nrecipients_per_hour = 40\n",
  });
  await using program = await startProgram(site);
  const replies = await Promise.all(Array.from({ length: 20 }, async () => {
    using client = await loggedIn(program);
    const ends: string[] = [];
    for (let mail = 0; mail < 4; mail++) ends.push(await send(client, ["shin@foobar.co.jp", "yuki@foobar.co.jp"]));
    return ends;
  }));
  const ends = replies.flat();
  const taken = ends.filter((reply) => reply.startsWith("250 ")).length;
  assert.equal(ends.filter((reply) => reply.startsWith("452 4.7.1 ")).length, 80 - taken);
  // Two recipients each: what is under way is counted, and what was given up is given back.
  assert.ok(taken >= 1 && taken <= 20, String(taken));
  assert.equal((await standing(site, "recipients_per_hour")).used, 2 * taken);
  using client = await loggedIn(program);
  for (let mail = taken; mail < 20; mail++) assert.match(await send(client, ["a@foobar.co.jp", SHIN]), /^(?:250|550)/);
});

Deno.test("limits: report_only logs and accepts; networks, addresses and connections", async (t) => {
  await using folder = await makeFolder();
  await t.step("report_only", async () => {
    const more = "[limits]\nreport_only = true\n[limits.account]\nmails_per_hour = 1\n";
    const site = await makeSite(folder.path, { sasl: SASL, more });
    await using program = await startProgram(site);
    using client = await loggedIn(program);
    for (let mail = 0; mail < 3; mail++) assert.match(await send(client, ["shin@foobar.co.jp"]), /^250 /);
    const events = await program.events(2, ({ kind }) => kind === "limit-reached");
    assert.deepEqual(events.map(({ reported, used }) => [reported, used]), [[true, 1], [true, 2]]);
  });
  await t.step("networks and addresses, with exemptions; mail from outside counts too", async () => {
    const more = `[limits]
exempt_networks = ["127.7.0.0/16"]
[limits.network]
mails_per_hour = 2
connections_per_minute = 6
[limits.address]
mails_per_hour = 1
connections = 2
`;
    await using folder = await makeFolder();
    const site = await makeSite(folder.path, { sasl: SASL, more });
    await using program = await startProgram(site);
    const mail = async (address: string): Promise<string> => {
      const client = await AddressClient.connect(program.port("mta"), address);
      using _client = client;
      const greeting = await client.reply();
      if (!greeting.startsWith("220 ")) return greeting;
      await client.command("EHLO client.example");
      const reply = await send(client, ["shin@foobar.co.jp"], "a@b.example");
      await client.command("QUIT");
      await client.reply();
      return reply;
    };
    assert.match(await mail("127.5.5.1"), /^250 /);
    assert.match(await mail("127.5.5.1"), /^452 4\.7\.1 Your address may send 1 mails an hour/);
    assert.match(await mail("127.5.5.2"), /^250 /);
    assert.match(await mail("127.5.5.3"), /^452 4\.7\.1 Your network may send 2 mails an hour/);
    assert.match(await mail("127.5.6.3"), /^250 /);
    assert.match(await mail("127.5.5.4"), /^452 /);
    assert.match(await mail("127.5.5.5"), /^452 /);
    assert.match(await mail("127.5.5.6"), /^421 4\.7\.0 Too many connections from your network, try again after .*UTC/);
    for (let count = 0; count < 8; count++) assert.match(await mail("127.7.5.1"), /^250 /);
    {
      using first = await AddressClient.connect(program.port("mta"), "127.8.8.8");
      using second = await AddressClient.connect(program.port("mta"), "127.8.8.8");
      assert.match(await first.reply(), /^220 /);
      assert.match(await second.reply(), /^220 /);
      using third = await AddressClient.connect(program.port("mta"), "127.8.8.8");
      assert.match(await third.reply(), /^421 4\.7\.0 Too many connections from your address, close some/);
      assert.match(await second.command("QUIT"), /^221 /);
    }
  });
});

Deno.test("hold: accepted and not sent; released: sent once; what was held by hand stays held", async (t) => {
  await using folder = await makeFolder();
  const sink = startCountingSink();
  const site = await makeSite(folder.path, {
    sasl: SASL,
    smarthost: `address = "127.0.0.1:${sink.port}"\ntls = "never"`,
  });
  const sent: string[] = [];
  const take = () => {
    for (const { recipients } of sink.take()) sent.push(...recipients);
    return sent;
  };
  const held = async (): Promise<readonly string[]> => {
    const mails = JSON.parse(await command(site, "queue", "list", "--json"));
    return mails.flatMap(({ recipients }: { recipients: { forwardPath: string; state: string }[] }) =>
      recipients.filter(({ state }) => state === "held").map(({ forwardPath }) => forwardPath)
    );
  };
  await t.step("before: it is sent", async () => {
    await using program = await startProgram(site);
    using client = await loggedIn(program);
    assert.match(await send(client, ["before@elsewhere.example"]), /^250 /);
    await until(() => take().length === 1);
  });
  await t.step("put on hold without a server; then a server: accepted, not sent", async () => {
    const output = await command(site, "hold", "add", SHIN, "--reason", "stolen phone");
    assert.match(output, /is on hold: its mail is accepted and not sent; 0 mails/);
    const again = await runProgram(["hold", "add", SHIN, "--config", site.config]);
    assert.equal(again.code, 1);
    await using program = await startProgram(site);
    const [hold] = JSON.parse(await command(site, "hold", "list", "--json"));
    assert.deepEqual([hold.account, hold.rule], [SHIN, "stolen phone"]);
    using client = await loggedIn(program);
    assert.match(await send(client, ["one@elsewhere.example"]), /^250 /);
    assert.match(await send(client, ["two@elsewhere.example", "three@elsewhere.example"]), /^250 /);
    await program.events(2, ({ kind }) => kind === "accepted-mail");
    assert.deepEqual(await held(), ["one@elsewhere.example", "two@elsewhere.example", "three@elsewhere.example"]);
  });
  await t.step("after a restart they are held still; released: sent once", async () => {
    await using program = await startProgram(site);
    assert.deepEqual(take(), ["before@elsewhere.example"]);
    assert.match(await command(site, "hold", "release", SHIN), /is off hold, 2 mails released/);
    await program.events(2, ({ kind }) => kind === "mail-done");
    assert.deepEqual(take().toSorted(), [
      ...["before@elsewhere.example", "one@elsewhere.example", "three@elsewhere.example", "two@elsewhere.example"],
    ]);
    assert.equal((await runProgram(["hold", "release", SHIN, "--config", site.config])).code, 1);
    using client = await loggedIn(program);
    assert.match(await send(client, ["after@elsewhere.example"]), /^250 /);
    await until(() => take().length === 5);
  });
  await t.step(
    "what an administrator held before stays held when the account is released, and is not discarded",
    async () => {
      await using program = await startProgram(site);
      using client = await loggedIn(program);
      await command(site, "hold", "add", SHIN);
      assert.match(await send(client, ["mine@elsewhere.example"]), /^250 /);
      await command(site, "hold", "release", SHIN);
      await until(() => take().length === 6);
      // Nothing listens where this goes, so that it waits.
      sink[Symbol.dispose]();
      assert.match(await send(client, ["byhand@elsewhere.example"]), /^250 /);
      const [mail] = await program.events(
        1,
        ({ kind, recipient }) => kind === "delivery" && recipient === "byhand@elsewhere.example",
      );
      await command(site, "queue", "hold", String(mail?.["mail"]));
      assert.match(await send(client, ["waits@elsewhere.example"]), /^250 /);
      assert.match(await command(site, "hold", "add", SHIN), /1 mail of it held now/);
      assert.deepEqual(await held(), ["byhand@elsewhere.example", "waits@elsewhere.example"]);
      await command(site, "hold", "release", SHIN);
      assert.deepEqual(await held(), ["byhand@elsewhere.example"]);
      await command(site, "hold", "add", SHIN);
      assert.match(await command(site, "hold", "discard", SHIN, "--yes"), /1 mail of \S+ deleted; it is still on hold/);
      assert.deepEqual(await held(), ["byhand@elsewhere.example"]);
      assert.match(await send(client, ["still@elsewhere.example"]), /^250 /);
      assert.deepEqual(await held(), ["byhand@elsewhere.example", "still@elsewhere.example"]);
    },
  );
  await t.step("the audit log has it", async () => {
    const acts = JSON.parse(await command(site, "audit", "list", "--json"));
    const whats = acts.map(({ what }: { what: string }) => what).filter((what: string) => what.startsWith("hold."));
    assert.equal(whats.length, 8);
  });
});

Deno.test("hold by itself: from many networks, and to many new recipients", async (t) => {
  await using folder = await makeFolder();
  using sink = startCountingSink();
  const options = { sasl: SASL, smarthost: `address = "127.0.0.1:${sink.port}"\ntls = "never"` };
  await t.step("networks", async () => {
    const site = await makeSite(folder.path, {
      ...options,
      more: '[limits]\nexempt_networks = ["127.1.0.0/16"]\n[hold]\nnetworks_per_hour = 3\n',
    });
    await using program = await startProgram(site);
    for (const address of ["127.2.1.1", "127.2.1.2", "127.1.1.1", "127.1.2.1", "127.3.1.1", "127.4.1.1"]) {
      using client = await loggedIn(program, address);
      assert.match(await send(client, ["a@elsewhere.example"]), /^250 /);
    }
    assert.equal(await command(site, "hold", "list"), "No account is on hold\n");
    using client = await loggedIn(program, "127.5.1.1");
    assert.match(await send(client, ["stolen@elsewhere.example"]), /^250 /);
    const [event] = await program.events(1, ({ kind }) => kind === "account-held");
    assert.match(String(event?.["rule"]), /^it sends from 4 networks within an hour, hold\.networks_per_hour is 3$/);
    assert.equal(event?.["by"], "rule");
    const listed = await command(site, "queue", "list");
    assert.match(listed, /stolen@elsewhere\.example/);
    // Released: its next mail from there does not put it on hold at once.
    await command(site, "hold", "release", SHIN);
    assert.match(await send(client, ["good@elsewhere.example"]), /^250 /);
    assert.equal(await command(site, "hold", "list"), "No account is on hold\n");
    const sent: string[] = [];
    await until(() => {
      for (const { recipients } of sink.take()) sent.push(...recipients);
      return sent.length === 8;
    });
    assert.equal(sent.filter((recipient) => recipient === "stolen@elsewhere.example").length, 1);
  });
  await t.step("new recipients: those in the mail under way count, known ones do not", async () => {
    await using folder = await makeFolder();
    const site = await makeSite(folder.path, { ...options, more: "[hold]\nnew_recipients_per_hour = 5\n" });
    await using program = await startProgram(site);
    using client = await loggedIn(program);
    assert.match(await send(client, numbered(5)), /^250 /);
    assert.match(await send(client, numbered(5)), /^250 /);
    assert.match(await send(client, ["R1@Elsewhere.example"]), /^250 /);
    assert.equal(await command(site, "hold", "list"), "No account is on hold\n");
    assert.match(await send(client, ["r1@elsewhere.example", "new@elsewhere.example"]), /^250 /);
    const [event] = await program.events(1, ({ kind }) => kind === "account-held");
    assert.match(String(event?.["rule"]), /^it sends to 6 new recipients within an hour/);
    const mails = JSON.parse(await command(site, "queue", "list", "--json", "--account", SHIN));
    const last = mails.at(-1).recipients.map(({ state }: { state: string }) => state);
    assert.deepEqual(last, ["held", "held"]);
  });
});
