/**
 * What becomes of content between a client of the running program and a Maildir or the next hop.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { concat, latin1, utf8 } from "../src/lib/octets.ts";
import { type CountingSink, startCountingSink } from "./lib/counting_sink.ts";
import { mailsIn } from "./lib/maildir.ts";
import { PEOPLE } from "./lib/people.ts";
import { makeSite, type RunningProgram, type Site, startProgram } from "./lib/program.ts";
import { beginContent, converse, dotted, queueIdOf, submit } from "./lib/submission.ts";
import type { WireClient } from "./lib/wire_client.ts";
import { makeFolder } from "./servers/lib.ts";

const FIELDS = "Date: Tue, 24 Nov 2026 05:00:00 +0000\r\nMessage-ID: <1@client.example>\r\n";
const LIMIT = 512 * 1024;

/** Runs a test with a program of its own and a next hop. */
function test(
  name: string,
  more: string,
  run: (parts: { readonly program: RunningProgram; readonly site: Site; readonly sink: CountingSink }) => Promise<void>,
): void {
  Deno.test(name, async () => {
    await using folder = await makeFolder();
    using sink = startCountingSink();
    const smarthost = `address = "127.0.0.1:${sink.port}"\ntls = "never"`;
    const site = await makeSite(folder.path, { people: [PEOPLE[0]!], more, smarthost });
    await using program = await startProgram(site);
    await run({ program, site, sink });
    assert.equal((await program.process.stop()).code, 0);
    assert.deepEqual(program.log.filter(({ kind }) => kind === "bug" || kind === "alarm"), []);
  });
}

/** Contents that something on the way could change. Each has the fields that would be added. */
const CONTENTS: ReadonlyMap<string, Uint8Array<ArrayBuffer>> = new Map([
  ["nothing but a header section", utf8(FIELDS)],
  ["an empty body", utf8(`${FIELDS}\r\n`)],
  ["dots", utf8(`${FIELDS}\r\n.\r\n..\r\n...\r\n.a\r\n. \r\na.\r\n.`.slice(0, -1))],
  ["a dot at the very start", utf8(`.Odd: field\r\n${FIELDS}\r\nbody\r\n`)],
  ["empty lines at the end", utf8(`${FIELDS}\r\nbody\r\n\r\n\r\n`)],
  ["lines that look like mbox or a header", utf8(`${FIELDS}\r\nFrom here\r\n>From there\r\nSubject: no\r\n\r\n--\r\n`)],
  ["every octet but NUL, CR and LF", concat(utf8(`${FIELDS}\r\n`), octetsFrom(1, 255), utf8("\r\n"))],
  ["invalid UTF-8 in the header", concat(utf8(`${FIELDS}Subject: `), octetsFrom(0x80, 255), utf8("\r\n\r\nbody\r\n"))],
  ["a folded field and one with blanks", utf8(`${FIELDS}Subject: a\r\n\tb \r\nX-Odd :  c\r\n\r\nbody \t\r\n`)],
  ["a line of 10,000 octets", utf8(`${FIELDS}\r\n${"x".repeat(10_000)}\r\n`)],
  ["more than stays in a row of the queue", utf8(`${FIELDS}\r\n${`${".".repeat(61)}\r\n`.repeat(5_000)}`)],
]);

test("content arrives octet for octet, in the Maildir and at the next hop", "", async ({ program, site, sink }) => {
  using client = await converse(program, site);
  const sent: string[] = [];
  for (const style of ["DATA", "BDAT"]) {
    for (const content of CONTENTS.values()) {
      await client.command("MAIL FROM:<shin@baz.co.jp> BODY=8BITMIME");
      for (const path of ["shin@foobar.co.jp", "taro@example.net"]) await client.command(`RCPT TO:<${path}>`);
      if (style === "DATA") {
        assert.match(await client.command("DATA"), /^354 /);
        await client.write(dotted(content));
      } else await writeChunks(client, content);
      queueIdOf(await client.reply());
      sent.push(latin1(content));
    }
  }
  await program.events(sent.length, ({ kind }) => kind === "mail-done");
  const inMaildir = (await mailsIn(join(site.mail, "shin"))).map((octets) => {
    const [head = "", content = ""] = splitOnce(latin1(octets), "Received: ");
    assert.equal(head, "Return-Path: <shin@baz.co.jp>\r\nDelivered-To: shin@baz.co.jp\r\n");
    return withoutTrace(`Received: ${content}`);
  });
  assert.deepEqual(inMaildir.sort(), sent.toSorted());
  assert.deepEqual(sink.take().map(({ content }) => withoutTrace(latin1(content))).sort(), sent.toSorted());
});

test("content without a last CRLF stays so in the Maildir, and gets one where DATA needs it", "", async (parts) => {
  const { program, site, sink } = parts;
  using client = await converse(program, site);
  await client.command("MAIL FROM:<shin@baz.co.jp>");
  for (const path of ["shin@baz.co.jp", "taro@example.net"]) await client.command(`RCPT TO:<${path}>`);
  await writeChunks(client, utf8(`${FIELDS}\r\nno end`));
  queueIdOf(await client.reply());
  await program.events(1, ({ kind }) => kind === "mail-done");
  assert.match(latin1((await mailsIn(join(site.mail, "shin")))[0]!), /\r\n\r\nno end$/);
  assert.match(latin1(sink.take()[0]!.content), /\r\n\r\nno end\r\n$/);
});

test("what a submission lacks is added, and nothing to a mail from elsewhere", "", async ({ program, site }) => {
  const before = Math.floor(Date.now() / 1000) * 1000;
  using submitting = await converse(program, site);
  const id = queueIdOf(await submit(submitting, { to: "shin@baz.co.jp", content: "Subject: one\r\n\r\nbody\r\n" }));
  const [submitted = ""] = await arrived(program, site, 1);
  assert.match(submitted, new RegExp(`\\r\\nMessage-ID: <${id}@baz\\.co\\.jp>\\r\\n\\r\\nbody\\r\\n$`));
  const date = Date.parse(/^Date: (.*)\r$/m.exec(submitted)?.[1] ?? "");
  assert.ok(date >= before && date <= Date.now(), String(date));

  await submit(submitting, { to: "shin@baz.co.jp", content: `${FIELDS}Subject: two\r\n\r\nbody\r\n` });
  const [, full = ""] = await arrived(program, site, 2);
  assert.equal(withoutTrace(full), `${FIELDS}Subject: two\r\n\r\nbody\r\n`);

  using foreign = await converse(program, site, { listener: "mta" });
  await submit(foreign, { from: "taro@example.net", to: "shin@baz.co.jp", content: "Subject: three\r\n\r\nbody\r\n" });
  const [, , relayed = ""] = await arrived(program, site, 3);
  assert.equal(withoutTrace(relayed), "Subject: three\r\n\r\nbody\r\n");
  assert.match(relayed, /^Return-Path: <taro@example\.net>\r\n/);
});

test("Received tells how a mail came in", "", async ({ program, site }) => {
  const from = "taro@example.net";
  const to = "shin@baz.co.jp";
  {
    using client = await converse(program, site);
    await submit(client, { to });
  }
  {
    using client = await converse(program, site, { listener: "mta" });
    await submit(client, { from, to });
  }
  {
    using client = await converse(program, site, { listener: "mta", tls: "starttls", login: null });
    await submit(client, { from, to });
  }
  {
    using client = await converse(program, site, { listener: "mta" });
    assert.match(await client.command("HELO client.example"), /^250 /);
    await submit(client, { from, to: [to, "postmaster@foobar.co.jp"] });
  }
  const client = "from client.example ([127.0.0.1])";
  const server = "by mail.foobar.co.jp (dokodemo)";
  const tls = "(version=TLSv1.3 cipher=CIPHER)";
  const toTwo = `Received: ${client} ${server} with SMTP id ID; DATE`;
  const received = (await arrived(program, site, 5)).map((mail) => {
    const field = /^Received:.*(?:\r\n .*)*\r$/m.exec(mail)?.[0] ?? "";
    return field.trimEnd().replaceAll("\r\n", "").replace(/ id \w{15}\b/, " id ID")
      .replace(/cipher=TLS_[A-Z0-9_]+/, "cipher=CIPHER").replace(/; \w{3}, \d+ \w{3} \d{4} [\d:]{8} \+0000$/, "; DATE");
  });
  assert.deepEqual(received.sort(), [
    `Received: ${client} (authenticated as shin@baz.co.jp) ${server} with ESMTPSA id ID ${tls} for <${to}>; DATE`,
    `Received: ${client} ${server} with ESMTP id ID for <${to}>; DATE`,
    `Received: ${client} ${server} with ESMTPS id ID ${tls} for <${to}>; DATE`,
    toTwo,
    toTwo,
  ]);
});

test("a mail that has gone round in circles is refused", "", async ({ program, site }) => {
  using client = await converse(program, site, { listener: "mta" });
  const mail = (count: number) => ({
    from: "taro@example.net",
    to: "shin@baz.co.jp",
    content: `${
      "Received: from a by b; Tue, 24 Nov 2026 05:00:00 +0000\r\n".repeat(count)
    }Subject: loop\r\n\r\nbody\r\n`,
  });
  assert.match(await submit(client, mail(100)), /^554 5\.4\.6 /);
  assert.match(await submit(client, mail(99)), /^250 2\.0\.0 /);
});

test(
  "a mail that is too large is refused wherever that shows, and the session goes on",
  `[limits]\nmessage_size = ${LIMIT}`,
  async (parts) => {
    const { program, site } = parts;
    using client = await converse(program, site);
    const ofSize = (octets: number) => `${FIELDS}\r\n`.padEnd(octets - 2, `${"x".repeat(98)}\r\n`) + "\r\n";
    assert.match(await client.command("EHLO client.example"), new RegExp(`SIZE ${LIMIT}$`, "m"));
    assert.match(await client.command(`MAIL FROM:<shin@baz.co.jp> SIZE=${LIMIT + 1}`), /^552 5\.3\.4 /);
    assert.match(await submit(client, { to: "shin@baz.co.jp", content: ofSize(LIMIT + 1) }), /^552 5\.3\.4 /);
    assert.match(await submit(client, { to: "shin@baz.co.jp", content: ofSize(4 * LIMIT) }), /^552 5\.3\.4 /);

    await client.command("MAIL FROM:<shin@baz.co.jp>");
    await client.command("RCPT TO:<shin@baz.co.jp>");
    const half = ofSize(LIMIT / 2 + 1);
    assert.match(await client.command(`BDAT ${half.length}\r\n${half.slice(0, -2)}`), /^250 /);
    assert.match(await client.command(`BDAT ${half.length}\r\n${half.slice(0, -2)}`), /^552 5\.3\.4 /);
    assert.match(await client.command("BDAT 5 LAST\r\nend"), /^503 5\.5\.1 /);
    assert.match(await client.command("RSET"), /^250 /);
    await client.command("MAIL FROM:<shin@baz.co.jp>");
    await client.command("RCPT TO:<shin@baz.co.jp>");
    const whole = ofSize(LIMIT + 1);
    assert.match(await client.command(`BDAT ${whole.length} LAST\r\n${whole.slice(0, -2)}`), /^552 5\.3\.4 /);

    // Exactly as much as was offered is taken, and nothing is left of the others.
    queueIdOf(await submit(client, { to: "shin@baz.co.jp", content: ofSize(LIMIT) }));
    const [only = "", ...others] = await arrived(program, site, 1);
    assert.equal(withoutTrace(only).length, LIMIT);
    assert.deepEqual(others, []);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(join(site.dataDir, "content"))), []);
  },
);

test(
  "NUL and bare line ends are refused at the end of the content, and the session goes on",
  "",
  async ({ program, site }) => {
    using client = await converse(program, site);
    for (
      const [what, text] of [["NUL", "a\0b"], ["bare LF", "a\nb"], ["bare CR", "a\rb"], [
        "smuggling",
        "a\n.\r\nMAIL FROM:<x@baz.co.jp>",
      ]]
    ) {
      await beginContent(client, { to: "shin@baz.co.jp" });
      await client.write(`${FIELDS}\r\n${text}\r\n.\r\n`);
      assert.match(await client.reply(), /^554 5\.6\.0 /, what);
    }
    queueIdOf(await submit(client, { to: "shin@baz.co.jp" }));
    assert.equal((await arrived(program, site, 1)).length, 1);
  },
);

test(
  "hide_client and remove_bcc hold for those who have logged in",
  "[message]\nhide_client = true\nremove_bcc = true",
  async (parts) => {
    const { program, site } = parts;
    const content =
      `${FIELDS}bcc: <secret@example.net>,\r\n <other@example.net>\r\nSubject: one\r\n\r\nBcc: not a field\r\n`;
    using submitting = await converse(program, site, { helo: "laptop.example" });
    await submit(submitting, { to: "shin@baz.co.jp", content });
    const [submitted = ""] = await arrived(program, site, 1);
    assert.equal(withoutTrace(submitted), `${FIELDS}Subject: one\r\n\r\nBcc: not a field\r\n`);
    assert.doesNotMatch(submitted, /laptop|127\.0\.0\.1|authenticated as|secret|other@/);
    assert.match(submitted, /^Received: by mail\.foobar\.co\.jp \(dokodemo\) with ESMTPSA id /m);

    using foreign = await converse(program, site, { listener: "mta", helo: "relay.example" });
    await submit(foreign, { from: "taro@example.net", to: "shin@baz.co.jp", content });
    const [, relayed = ""] = await arrived(program, site, 2);
    assert.equal(withoutTrace(relayed), content);
    assert.match(relayed, /^Received: from relay\.example \(\[127\.0\.0\.1\]\) /m);
  },
);

/** The mails of shin as ISO-8859-1, once so many were delivered, in the order of arrival. */
async function arrived(program: RunningProgram, site: Site, count: number): Promise<readonly string[]> {
  await program.events(count, ({ kind, outcome }) => kind === "delivery" && outcome === "delivered");
  return (await mailsIn(join(site.mail, "shin"))).map(latin1);
}

/** Without what we and the Maildir have put on top. */
function withoutTrace(mail: string): string {
  return mail.replace(/^Return-Path: .*\r\nDelivered-To: .*\r\n/, "").replace(/^Received: .*\r\n(?: .*\r\n)*/, "");
}

/** In three chunks, in one write. */
async function writeChunks(client: WireClient, content: Uint8Array<ArrayBuffer>): Promise<void> {
  const third = Math.floor(content.length / 3);
  const pieces = [content.subarray(0, third), content.subarray(third, 2 * third), content.subarray(2 * third)];
  await client.write(concat(...pieces.flatMap((piece, at) => {
    return [utf8(`BDAT ${piece.length}${at === 2 ? " LAST" : ""}\r\n`), piece];
  })));
  for (let count = 0; count < 2; count++) assert.match(await client.reply(), /^250 /);
}

function octetsFrom(first: number, last: number): Uint8Array<ArrayBuffer> {
  const octets = Array.from({ length: last - first + 1 }, (_, at) => first + at);
  return new Uint8Array(octets.filter((octet) => octet !== 0x0d && octet !== 0x0a));
}

function splitOnce(text: string, mark: string): readonly string[] {
  const at = text.indexOf(mark);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + mark.length)];
}
