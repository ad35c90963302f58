import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { AddressClient } from "./lib/address_client.ts";
import { makeSite, type RunningProgram, runProgram, type Site, startProgram } from "./lib/program.ts";
import { makeFolder } from "./servers/lib.ts";

const PRINTER = "127.10.0.7";
const PANEL = "127.10.1.9";
const SCANNER = "127.10.2.3";
const ELSEWHERE = "127.20.0.1";
const SHIN = { name: "shin@baz.co.jp", password: "correct-horse" };

function base64(text: string): string {
  return btoa(text);
}

async function device(site: Site, ...args: readonly string[]): Promise<string> {
  const done = await runProgram(["device", ...args, "--config", site.config]);
  assert.equal(done.code, 0, done.output);
  return done.output.split("\n")[0] ?? "";
}

async function greeted(program: RunningProgram, address: string, listener = "msa"): Promise<[AddressClient, string]> {
  const client = await AddressClient.connect(program.port(listener), address);
  assert.match(await client.reply(), /^220 /);
  return [client, await client.command("EHLO device.example")];
}

/** The words of the AUTH line. */
function offered(ehlo: string): readonly string[] {
  return /^250[- ]AUTH (.*)$/m.exec(ehlo)?.[1]?.trim().split(" ") ?? [];
}

async function cramMd5(client: AddressClient, name: string, password: string): Promise<string> {
  const challenge = await client.command("AUTH CRAM-MD5");
  assert.match(challenge, /^334 /);
  const digest = createHmac("md5", password).update(atob(challenge.slice(4))).digest("hex");
  return await client.command(base64(`${name} ${digest}`));
}

async function login(client: AddressClient, name: string, password: string): Promise<string> {
  assert.match(await client.command("AUTH LOGIN"), /^334 /);
  assert.match(await client.command(base64(name)), /^334 /);
  return await client.command(base64(password));
}

async function send(client: AddressClient, from: string, to: string): Promise<string> {
  for (const line of [`MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, "DATA"]) {
    const reply = await client.command(line);
    if (!/^[23]/.test(reply)) return reply;
  }
  return await client.command(`From: ${from}\r\nSubject: scan\r\n\r\nhello\r\n.`);
}

Deno.test("a device gets through from its place, and nobody else by its channel", async (t) => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path);
  const printer = await device(
    site,
    ...["add", "printer", "--from", "printer@foobar.co.jp", "--network", "127.10.0.0/24", "--channel", "cram-md5"],
    ...["--to", "@baz.co.jp", "--per-day", "2", "--keypad"],
  );
  assert.match(printer, /^\d{16}$/);
  const panel = await device(
    site,
    ...["add", "panel", "--from", "alarm@foobar.co.jp", "--network", PANEL, "--channel", "login"],
  );
  await using program = await startProgram(site);

  await t.step("what is offered: the device's mechanism at its place, nothing in the clear elsewhere", async () => {
    for (const [address, names] of [[PRINTER, ["CRAM-MD5"]], [PANEL, ["PLAIN", "LOGIN"]], [ELSEWHERE, []]] as const) {
      for (const listener of ["msa", "mta"]) {
        const [client, ehlo] = await greeted(program, address, listener);
        assert.deepEqual(offered(ehlo), names, `${address} ${listener}`);
        assert.match(ehlo, /STARTTLS/);
        client[Symbol.dispose]();
      }
    }
  });

  await t.step("CRAM-MD5 without TLS from its network, and mail as itself to its recipients", async () => {
    const [client] = await greeted(program, PRINTER);
    using _client = client;
    assert.match(await client.command("MAIL FROM:<printer@foobar.co.jp>"), /^530 5\.7\.0/);
    assert.match(await cramMd5(client, "printer@baz.co.jp", printer), /^235 /);
    assert.match(await client.command("MAIL FROM:<shin@baz.co.jp>"), /^550 5\.7\.1 This device/);
    assert.match(await client.command("MAIL FROM:<>"), /^550 5\.7\.1 This device/);
    assert.match(await client.command("MAIL FROM:<Printer@FOOBAR.co.jp>"), /^250 /);
    assert.match(await client.command("RCPT TO:<someone@elsewhere.example>"), /^550 5\.7\.1 This device/);
    assert.match(await client.command("RCPT TO:<Shin@BAZ.co.jp>"), /^250 /);
    assert.match(await client.command("RSET"), /^250 /);
    assert.match(await send(client, "printer@foobar.co.jp", SHIN.name), /^250 /);
    const [mail] = await program.events(1, ({ kind }) => kind === "accepted-mail");
    assert.equal(mail?.["account"], "printer@baz.co.jp");
  });

  await t.step("the cap of the day, and when it opens again", async () => {
    const [client] = await greeted(program, PRINTER);
    using _client = client;
    assert.match(await cramMd5(client, "printer@baz.co.jp", printer), /^235 /);
    const [other] = await greeted(program, PRINTER);
    using _other = other;
    assert.match(await cramMd5(other, "printer", printer), /^235 /);
    // What another session has begun counts while it is under way.
    assert.match(await other.command("MAIL FROM:<printer@foobar.co.jp>"), /^250 /);
    assert.match(await client.command("MAIL FROM:<printer@foobar.co.jp>"), /^452 4\.7\.1 /);
    assert.match(await other.command("RSET"), /^250 /);
    assert.match(await send(client, "printer@foobar.co.jp", SHIN.name), /^250 /);
    const refused = await client.command("MAIL FROM:<printer@foobar.co.jp>");
    assert.match(refused, /^452 4\.7\.1 .* at \d{4}-\d\d-\d\dT00:00:00Z/);
  });

  await t.step("LOGIN in the clear from its one address", async () => {
    const [client] = await greeted(program, PANEL);
    using _client = client;
    assert.match(await client.command("AUTH CRAM-MD5"), /^530 5\.7\.0/);
    assert.match(await login(client, "panel", panel), /^235 /);
    assert.match(await send(client, "alarm@foobar.co.jp", "out@elsewhere.example"), /^250 /);
  });

  await t.step("elsewhere the same is refused", async () => {
    const [client] = await greeted(program, ELSEWHERE);
    using _client = client;
    assert.match(await client.command("AUTH CRAM-MD5"), /^530 5\.7\.0/);
    assert.match(await client.command("AUTH LOGIN"), /^530 5\.7\.0/);
    const [onMta] = await greeted(program, ELSEWHERE, "mta");
    using _onMta = onMta;
    assert.match(await onMta.command("AUTH CRAM-MD5"), /^530 5\.7\.0/);
  });

  await t.step("another account over a device's channel is told that it is too weak", async () => {
    const [client] = await greeted(program, PRINTER);
    using _client = client;
    assert.match(await cramMd5(client, SHIN.name, SHIN.password), /^534 5\.7\.9/);
    // Nor one device over the channel of another.
    assert.match(await cramMd5(client, "panel@baz.co.jp", panel), /^535 /);
    const [event] = await program.events(1, ({ kind, result }) => kind === "authentication" && result === "too-weak");
    assert.equal(event?.["reason"], "without TLS this mechanism is for a device here");
  });

  await t.step("a device is no recipient, and no account for the commands of people", async () => {
    const [client] = await greeted(program, ELSEWHERE, "mta");
    using _client = client;
    assert.match(await client.command("MAIL FROM:<a@b.example>"), /^250 /);
    assert.match(await client.command("RCPT TO:<printer@baz.co.jp>"), /^550 5\.1\.1/);
    assert.match(await client.command("RCPT TO:<printer@foobar.co.jp>"), /^550 5\.1\.1/);
    const shown = await runProgram(["user", "show", "printer@baz.co.jp", "--config", site.config]);
    assert.equal(shown.code, 65);
    const added = await runProgram(["user", "add", "printer", "--password-stdin", "--config", site.config], {
      input: "x",
    });
    assert.equal(added.code, 73);
  });

  await t.step("disabled: nothing is offered, and the count of mails outlives the process", async () => {
    await device(site, "disable", "panel");
    const [client, ehlo] = await greeted(program, PANEL);
    using _client = client;
    assert.deepEqual(offered(ehlo), []);
    const listed = await runProgram(["device", "list", "--json", "--config", site.config]);
    const devices: readonly Readonly<Record<string, unknown>>[] = JSON.parse(listed.output);
    assert.deepEqual(devices.map((each) => [each["device"], each["disabled"], each["mailsToday"]]), [
      ["panel@baz.co.jp", true, 1],
      ["printer@baz.co.jp", false, 2],
    ]);
  });
});

Deno.test("what a device does wrong is repaired for it alone, counted and shown", async (t) => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path);
  const scanner = await device(
    site,
    ...["add", "scanner", "--from", "scanner@foobar.co.jp", "--network", SCANNER, "--channel", "login", "--repair"],
  );
  await using program = await startProgram(site);

  await t.step("bare LF, no name, a space, no brackets", async () => {
    using client = await AddressClient.connect(program.port("msa"), SCANNER);
    assert.match(await client.reply(), /^220 /);
    const say = (text: string) => {
      client.write(text);
      return client.reply();
    };
    assert.match(await say("EHLO\n"), /^250-/);
    assert.match(await say("HELO Scann\xe9r_2 hall\r\n"), /^250 /);
    assert.match(await say("EHLO\r\n"), /^250-/);
    assert.match(await say(`AUTH PLAIN ${base64(`\0scanner\0${scanner}`)}\n`), /^235 /);
    assert.match(await say("MAIL FROM: <scanner@foobar.co.jp>\n"), /^250 /);
    assert.match(await say(`RCPT TO:${SHIN.name}\r\n`), /^250 /);
    assert.match(await say("DATA\n"), /^354 /);
    assert.match(
      await say("From: Big Scanner <root@localhost>\nSubject: scan\n\nfirst\n..dot\nlast\n.\nNOOP\n"),
      /^250 2\.0\.0 Queued/,
    );
    assert.match(await client.reply(), /^250 /);
    assert.match(await say("QUIT\n"), /^221 /);
    const [event] = await program.events(1, ({ kind }) => kind === "repaired");
    assert.equal(event?.["account"], "scanner@baz.co.jp");
    assert.deepEqual(event?.["repairs"], ["hello-name 3", "path-space 1", "path-brackets 1", "bare-lf 13"]);
    const shown = await runProgram(["device", "show", "scanner", "--json", "--config", site.config]);
    const [record] = JSON.parse(shown.output);
    assert.deepEqual(record.repairs.map(({ what, count }: Record<string, unknown>) => [what, count]), [
      ["bare-lf", 13],
      ["hello-name", 3],
      ["path-brackets", 1],
      ["path-space", 1],
    ]);
    await program.events(1, ({ kind, outcome }) => kind === "delivery" && outcome === "delivered");
    const inbox = join(site.mail, "shin", "new");
    const [file] = await Array.fromAsync(Deno.readDir(inbox));
    const mail = await Deno.readTextFile(join(inbox, file?.name ?? ""));
    assert.match(mail, /first\r?\n\.dot\r?\nlast\r?\n$/);
    // Its From is put right, whatever it writes.
    assert.match(mail, /^From: .*<scanner@foobar\.co\.jp>\r?$/m);
    assert.doesNotMatch(mail, /root@localhost/);
  });

  await t.step("everybody else stays strict", async () => {
    const [client] = await greeted(program, ELSEWHERE, "mta");
    using _client = client;
    const say = (text: string) => {
      client.write(text);
      return client.reply();
    };
    assert.match(await say("NOOP\n"), /^500 5\.5\.2 Line has a bare LF/);
    assert.match(await say("EHLO\r\n"), /^501 /);
    assert.match(await say("EHLO Scann\xe9r\r\n"), /^500 /);
    assert.match(await say("MAIL FROM: <a@b.example>\r\n"), /^501 5\.5\.2/);
    assert.match(await say("MAIL FROM:a@b.example\r\n"), /^501 5\.5\.2/);
    assert.match(await say("MAIL FROM:<a@b.example>\r\n"), /^250 /);
    assert.match(await say(`RCPT TO:${SHIN.name}\r\n`), /^501 5\.5\.2/);
  });

  await t.step("at the device's address nobody but the device has its content repaired", async () => {
    const [client] = await greeted(program, SCANNER, "mta");
    using _client = client;
    assert.match(await client.command("MAIL FROM:<a@b.example>"), /^250 /);
    assert.match(await client.command(`RCPT TO:<${SHIN.name}>`), /^250 /);
    assert.match(await client.command("DATA"), /^354 /);
    client.write("Subject: x\r\n\r\nx\n.\nMAIL FROM:<smuggled@b.example>\r\n.\r\n");
    assert.match(await client.reply(), /^554 5\.6\.0 Content has a bare LF/);
    assert.match(await client.command("QUIT"), /^221 /);
  });
});

Deno.test("an enrolment window shows logins and binds the device to its place", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path);
  const password = await device(site, "add", "copier", "--from", "copier@foobar.co.jp", "--channel", "cram-md5");
  const closed = await runProgram(["device", "enroll", "copier", "--config", site.config]);
  assert.equal(closed.code, 69, closed.output);
  await using program = await startProgram(site);
  const [before, nothing] = await greeted(program, PRINTER);
  before[Symbol.dispose]();
  assert.deepEqual(offered(nothing), []);

  const enrolling = runProgram(["device", "enroll", "copier", "--network", "127.10.0.0/24", "--config", site.config]);
  await program.events(1, ({ kind, what }) => kind === "account-changed" && what === "device.enrol");
  const [elsewhere, none] = await greeted(program, ELSEWHERE);
  elsewhere[Symbol.dispose]();
  assert.deepEqual(offered(none), []);
  const [client, ehlo] = await greeted(program, PRINTER);
  using _client = client;
  assert.deepEqual(offered(ehlo), ["CRAM-MD5"]);
  assert.match(await cramMd5(client, "kopier@baz.co.jp", password), /^535 /);
  assert.match(await cramMd5(client, "copier@baz.co.jp", "wrong"), /^535 /);
  assert.match(await cramMd5(client, "copier@baz.co.jp", password), /^235 /);
  const { code, output } = await enrolling;
  assert.equal(code, 0, output);
  assert.match(output, /127\.10\.0\.7: CRAM-MD5 without TLS, user name "kopier@baz\.co\.jp", HELO "device\.example"/);
  assert.match(output, /set its user name to copier@baz\.co\.jp/);
  assert.match(output, /its password is wrong/);
  assert.match(output, /copier@baz\.co\.jp is bound to 127\.10\.0\.7, channel cram-md5/);

  const [bound, here] = await greeted(program, PRINTER);
  bound[Symbol.dispose]();
  assert.deepEqual(offered(here), ["CRAM-MD5"]);
  const [beside, there] = await greeted(program, "127.10.0.8");
  beside[Symbol.dispose]();
  assert.deepEqual(offered(there), []);
});
