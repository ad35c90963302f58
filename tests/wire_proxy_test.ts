/**
 * The running program behind proxies: those that it believes, and everybody else.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { concat, utf8 } from "../src/lib/octets.ts";
import { mailsIn } from "./lib/maildir.ts";
import { SITE } from "./lib/people.ts";
import { makeSite, type RunningProgram, type Site, startProgram } from "./lib/program.ts";
import { binaryHeader, SHOWN_TLS, tlsTlv } from "./lib/proxy_header.ts";
import { Random } from "./lib/random.ts";
import { logIn, queueIdOf, SHIN, submit } from "./lib/submission.ts";
import { WireClient } from "./lib/wire_client.ts";
import { makeFolder } from "./servers/lib.ts";

const PEOPLE = [{ local: "shin", realm: "baz.co.jp", password: SHIN.password, disabled: false }];
const CLIENT = "192.0.2.7";
const HEADER = `PROXY TCP4 ${CLIENT} 198.51.100.1 1000 587\r\n`;

function listener(name: string, { more = "", tls = "starttls", proxy = "127.0.0.0/8" } = {}): string {
  return `[[listener]]
name = "${name}"
address = "127.0.0.1:0"
role = "${name.startsWith("mta") ? "mta" : "msa"}"
tls = "${tls}"
proxy = ["${proxy}"]
${more}
`;
}

const LISTENERS = [
  listener("msa"),
  listener("msas", { tls: "implicit" }),
  listener("ended", { tls: "none" }),
  listener("mta"),
  listener("elsewhere", { proxy: "192.0.2.0/24" }),
  listener("elsewheres", { proxy: "192.0.2.0/24", tls: "implicit" }),
].join("");

/** Runs a test against a program of its own, which has to be as good afterwards as before. */
function test(
  name: string,
  run: (program: RunningProgram, site: Site) => Promise<void>,
  more: { readonly sasl?: string; readonly more?: string; readonly access?: string } = {},
): void {
  Deno.test(name, async () => {
    await using folder = await makeFolder();
    const site = await makeSite(folder.path, { people: PEOPLE, listeners: LISTENERS, ...more });
    await Deno.writeTextFile(join(folder.path, "access"), more.access ?? "");
    await using program = await startProgram(site);
    await run(program, site);
    using client = await greeted(program, "ended", binaryHeader({ tlvs: [SHOWN_TLS] }));
    assert.match(await client.command("NOOP"), /^250 /);
    assert.match(await client.command("QUIT"), /^221 /);
    assert.equal((await program.process.stop()).code, 0);
    assert.deepEqual(program.log.filter(({ kind }) => kind === "bug" || kind === "alarm"), []);
  });
}

/** A client whose proxy has sent this header; it has heard the greeting and said EHLO. */
async function greeted(
  program: RunningProgram,
  name: string,
  header: Uint8Array<ArrayBuffer> | string = HEADER,
): Promise<WireClient> {
  const client = await WireClient.connect(program.port(name));
  await client.write(header);
  assert.match(await client.reply(), /^220 /);
  return client;
}

async function untilClosed(client: WireClient): Promise<string> {
  let text = "";
  for (let line = await client.line(); line !== null; line = await client.line()) text += `${line}\n`;
  return text;
}

function about(program: RunningProgram, text: RegExp, count = 1): Promise<unknown> {
  return program.events(
    count,
    ({ kind, about, text: said }) => kind === "warning" && about === "proxy" && text.test(String(said)),
  );
}

async function onlyMail(program: RunningProgram, site: Site): Promise<string> {
  await program.events(1, ({ kind, outcome }) => kind === "delivery" && outcome === "delivered");
  const [mail] = await mailsIn(join(site.mail, "shin"));
  return new TextDecoder().decode(mail);
}

test("version 1 before STARTTLS: log, Received and authentication have the client's address", async (program, site) => {
  using client = await greeted(program, "msa");
  assert.match(await client.command("EHLO client.example"), /STARTTLS/);
  assert.match(await client.command("STARTTLS"), /^220 /);
  await client.startTls(SITE.hostname, site.authority);
  // The channel is the client's own, so it can be bound to.
  assert.match(await client.command("EHLO client.example"), /SCRAM-SHA-256-PLUS/);
  assert.match(await logIn(client, SHIN), /^235 /);
  queueIdOf(await submit(client, { to: "shin@baz.co.jp" }));
  await client.command("QUIT");
  const mail = await onlyMail(program, site);
  assert.match(mail, /Received: from client\.example \(\[192\.0\.2\.7\]\)/);
  assert.match(mail, /with ESMTPSA/);
  const [login] = await program.events(1, ({ kind }) => kind === "authentication");
  assert.equal(login?.remote, CLIENT);
  const [left] = await program.events(1, ({ kind }) => kind === "disconnected");
  assert.deepEqual([left?.remote, left?.proxy, left?.mails], [CLIENT, "127.0.0.1", 1]);
});

test("a header and the ClientHello in one packet: implicit TLS loses none of it", async (program, site) => {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: program.port("msas") });
  using relay = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [near, far] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: relay.addr.port }),
    relay.accept(),
  ]);
  const forward = async () => {
    const hello = new Uint8Array(16 * 1024);
    const count = await far.read(hello) ?? 0;
    await conn.write(concat(utf8(HEADER), hello.subarray(0, count)));
    await Promise.allSettled([conn.readable.pipeTo(far.writable), far.readable.pipeTo(conn.writable)]);
  };
  const forwarded = forward();
  const secure = await Deno.startTls(near, { hostname: SITE.hostname, caCerts: [site.authority] });
  const octets = new Uint8Array(200);
  const count = await secure.read(octets) ?? 0;
  assert.match(new TextDecoder().decode(octets.subarray(0, count)), /^220 /);
  secure.close();
  await forwarded;
  const [left] = await program.events(1, ({ kind }) => kind === "disconnected");
  assert.equal(left?.remote, CLIENT);
});

test("commands in one packet with the header are answered", async (program) => {
  using client = await greeted(program, "mta", `${HEADER}EHLO client.example\r\nNOOP\r\n`);
  assert.match(await client.reply(), /^250-/);
  assert.match(await client.reply(), /^250 2\.0\.0/);
});

test("TLS that ended at the proxy is the session's", async (program, site) => {
  using client = await greeted(program, "ended", binaryHeader({ tlvs: [SHOWN_TLS], sum: true }));
  const ehlo = await client.command("EHLO client.example");
  assert.match(ehlo, /AUTH .*SCRAM-SHA-256.*PLAIN/);
  assert.doesNotMatch(ehlo, /-PLUS|STARTTLS/);
  assert.match(await client.command("STARTTLS"), /^5/);
  assert.match(await logIn(client, SHIN), /^235 /);
  queueIdOf(await submit(client, { to: "shin@baz.co.jp" }));
  const mail = await onlyMail(program, site);
  assert.match(mail, /Received: from client\.example \(\[192\.0\.2\.7\]\)/);
  assert.match(mail, /with ESMTPSA id/);
  assert.match(mail, /\(version=TLSv1\.3 cipher=TLS_AES_256_GCM_SHA384\)/);
  const [tls] = await program.events(1, ({ kind }) => kind === "tls");
  assert.deepEqual([tls?.remote, tls?.proxy, tls?.version, tls?.cipher, tls?.commonName], [
    ...[CLIENT, "127.0.0.1", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "scanner 3"],
  ]);
  const [login] = await program.events(1, ({ kind }) => kind === "authentication");
  assert.deepEqual([login?.remote, login?.tls, login?.result], [CLIENT, "TLSv1.3", "accepted"]);
});

test("STARTTLS is not offered to whose TLS ended at the proxy, nor -PLUS", async (program) => {
  using client = await greeted(program, "msa", binaryHeader({ tlvs: [SHOWN_TLS] }));
  const ehlo = await client.command("EHLO client.example");
  assert.match(ehlo, /AUTH /);
  assert.doesNotMatch(ehlo, /-PLUS|STARTTLS/);
});

test("a client whom the proxy had without TLS has none", async (program) => {
  for (const header of [HEADER, binaryHeader({ tlvs: [tlsTlv({ client: 0, parts: [] })] })]) {
    using client = await greeted(program, "ended", header);
    assert.doesNotMatch(await client.command("EHLO client.example"), /AUTH|STARTTLS/);
    assert.match(await client.command("AUTH PLAIN AHgAeQ=="), /^530 5\.7\.0/);
    assert.match(await client.command("MAIL FROM:<shin@baz.co.jp>"), /^530 5\.7\.0/);
  }
});

test("health checks neither log in nor send, and the log says nothing of them", async (program) => {
  const checks = ["PROXY UNKNOWN\r\n", binaryHeader({ command: 0x20, family: 0, addresses: [] })];
  for (const header of checks) {
    for (const name of ["msa", "ended", "mta"]) {
      using client = await greeted(program, name, header);
      assert.doesNotMatch(await client.command("EHLO probe.example"), /AUTH/);
      if (name !== "mta") continue;
      assert.match(await client.command("AUTH PLAIN AHgAeQ=="), /^550 5\.7\.1/);
      assert.match(await client.command("MAIL FROM:<x@example.net>"), /^550 5\.7\.1/);
      assert.match(await client.command("QUIT"), /^221 /);
    }
    // As a check of the port alone does: gone after the header, and without one.
    for (const name of ["msa", "msas", "ended"]) {
      for (const octets of [header, ""]) {
        using client = await WireClient.connect(program.port(name));
        await client.write(octets);
      }
    }
  }
  using last = await greeted(program, "msa");
  await last.command("QUIT");
  await program.events(1, ({ kind, remote }) => kind === "disconnected" && remote === CLIENT);
  const ofChecks = (kind: string) => ["disconnected", "refused", "tls-failed", "tls"].includes(kind);
  assert.deepEqual(
    program.log.filter(({ kind, remote, about }) => about === "proxy" || (ofChecks(kind) && remote !== CLIENT)),
    [],
  );
});

test("a client without an address may neither log in nor send, and the log says so", async (program) => {
  const unix = binaryHeader({ family: 0x31, addresses: new Array(216).fill(0), tlvs: [SHOWN_TLS] });
  for (const header of [unix, binaryHeader({ family: 0, addresses: [], tlvs: [SHOWN_TLS] })]) {
    using client = await greeted(program, "ended", header);
    assert.doesNotMatch(await client.command("EHLO client.example"), /AUTH/);
    assert.match(await client.command("AUTH PLAIN AHgAeQ=="), /^550 5\.7\.1/);
  }
  await about(program, /127\.0\.0\.1 has a client at ended without an address \(UNIX\)/);
  await about(program, /\(UNSPEC\)/);
}, { sasl: 'cleartext_networks = ["127.0.0.0/8"]' });

test("rights are those of the client's address, not of the proxy's", async (program) => {
  using stranger = await greeted(program, "msa");
  assert.doesNotMatch(await stranger.command("EHLO client.example"), /AUTH/);
  using near = await greeted(program, "msa", HEADER.replace(CLIENT, "203.0.113.7"));
  assert.match(await near.command("EHLO client.example"), /AUTH .*CRAM-MD5/);
  using rejected = await WireClient.connect(program.port("mta"));
  await rejected.write(HEADER.replace(CLIENT, "203.0.113.66"));
  assert.match(await rejected.reply(), /^220 /);
  await rejected.command("EHLO client.example");
  assert.match(await rejected.command("MAIL FROM:<x@example.net>"), /^550 /);
  for (const [address, code] of [["203.0.113.7", /^250 /], [CLIENT, /^550 5\.7\.1/]] as const) {
    using client = await greeted(program, "mta", HEADER.replace(CLIENT, address));
    await client.command("EHLO client.example");
    assert.match(await client.command("MAIL FROM:<x@example.net>"), /^250 /);
    assert.match(await client.command("RCPT TO:<friend@example.org>"), code);
  }
}, {
  sasl: 'cleartext_networks = ["203.0.113.0/24", "127.0.0.0/8"]',
  access: "Connect:203.0.113.66\tREJECT\nConnect:127.0.0.1\tREJECT\n",
  more: '[access]\nrelay_networks = ["203.0.113.0/28", "127.0.0.0/8"]\nfile = "access"',
});

test("connections are counted by the client's address; those of the proxy are not", async (program) => {
  await using open = new AsyncDisposableStack();
  for (let at = 0; at < 6; at++) open.use(await greeted(program, "msa", HEADER.replace(CLIENT, `203.0.113.${at}`)));
  for (let at = 0; at < 6; at++) open.use(await greeted(program, "msa", "PROXY UNKNOWN\r\n"));
  for (let at = 0; at < 2; at++) open.use(await greeted(program, "msa"));
  using refused = await WireClient.connect(program.port("msa"));
  await refused.write(HEADER);
  assert.match(await refused.reply(), /^421 4\.7\.0 Too many connections/);
  await program.events(1, ({ about, text }) => about === "connections" && String(text).includes(CLIENT));
}, { more: "[limits]\nconnections_per_address = 2" });

test("who is no proxy is refused, forged header or not", async (program) => {
  for (const octets of ["", HEADER, `${HEADER}EHLO x\r\n`, binaryHeader({ tlvs: [SHOWN_TLS] })]) {
    using client = await WireClient.connect(program.port("elsewhere"));
    await client.write(octets).catch(() => {});
    assert.match(await untilClosed(client), /^(?:421 4\.7\.0 [^\n]*\n)?$/);
    using implicit = await WireClient.connect(program.port("elsewheres"));
    await implicit.write(octets).catch(() => {});
    assert.equal(await untilClosed(implicit), "");
  }
  await about(program, /^Refused 127\.0\.0\.1 at elsewheres?: it is not in proxy/, 8);
  using client = await WireClient.connect(program.port("elsewhere"));
  assert.match(await client.reply(), /^421 4\.7\.0 /);
});

test(
  "a second header, and one inside TLS, is an unknown command",
  async (program, site) => {
    using twice = await greeted(program, "mta", `${HEADER}${HEADER.replace(CLIENT, "127.0.0.1")}`);
    assert.match(await twice.reply(), /^500 /);
    using inside = await greeted(program, "msa");
    await inside.command("EHLO client.example");
    await inside.command("STARTTLS");
    await inside.startTls(SITE.hostname, site.authority);
    await inside.write(HEADER);
    assert.match(await inside.reply(), /^500 /);
    await inside.command("EHLO client.example");
    assert.match(await logIn(inside, { ...SHIN, password: "wrong" }), /^535 /);
    const [login] = await program.events(1, ({ kind }) => kind === "authentication");
    assert.equal(login?.remote, CLIENT);
  },
);

test("no header, half of one, a wrong one, one too long: closed without a word, and told", async (program) => {
  const long = binaryHeader({ tlvs: [new Uint8Array(5000)] });
  const wrong: readonly (readonly [Uint8Array<ArrayBuffer> | string, RegExp])[] = [
    ["EHLO client.example\r\n", /at msa: no PROXY header, it begins otherwise$/],
    ["\x16\x03\x01\x02\x00\x01\x00", /begins otherwise/],
    ["PROXY TCP4 nonsense\r\n", /malformed/],
    [`PROXY UNKNOWN ${"x".repeat(200)}\r\n`, /longer than 107 octets/],
    [long, /longer than 4096 octets/],
    [binaryHeader({ command: 0x22 }), /command/],
  ];
  for (const [octets, text] of wrong) {
    using client = await WireClient.connect(program.port("msa"));
    await client.write(octets).catch(() => {});
    assert.equal(await untilClosed(client), "");
    await about(program, text);
  }
  // Cut in the middle: it crashed another server.
  for (const octets of [utf8("PROXY TCP4 192."), binaryHeader().slice(0, 20), utf8("\r\n\r\n")]) {
    using client = await WireClient.connect(program.port("msa"));
    await client.write(octets);
  }
  await about(program, /cut short/, 3);
  // Slow ones wait side by side.
  const slow = ["", "PROXY ", binaryHeader().slice(0, 15)].map(async (octets) => {
    using client = await WireClient.connect(program.port("msas"));
    await client.write(octets);
    assert.equal(await untilClosed(client), "");
  });
  await Promise.all(slow);
  await about(program, /at msas: no PROXY header within 3 s/, 3);
});

test("a header in pieces is put together", async (program) => {
  for (const header of [utf8(HEADER), binaryHeader({ tlvs: [SHOWN_TLS], sum: true })]) {
    using client = await WireClient.connect(program.port("mta"));
    for (let at = 0; at < header.length; at += 7) {
      await client.write(header.slice(at, at + 7));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.match(await client.reply(), /^220 /);
    await client.command("QUIT");
  }
});

test("300 connections with random octets harm nobody", async (program) => {
  const random = new Random(11);
  const begin = [utf8(HEADER), binaryHeader({ tlvs: [SHOWN_TLS] }), new Uint8Array()];
  for (let round = 0; round < 100; round++) {
    await Promise.all(["msa", "msas", "ended"].map(async (name) => {
      const octets = concat(random.pick(begin), random.octets(random.below(3000)));
      if (!random.oneIn(3)) octets[random.below(Math.max(1, octets.length))] = random.below(256);
      using client = await WireClient.connect(program.port(name));
      await client.write(octets).catch(() => {});
    }));
  }
});

Deno.test("a shutdown does not wait for a proxy's header", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [], listeners: LISTENERS });
  await using program = await startProgram(site);
  using silent = await WireClient.connect(program.port("msa"));
  using greetedOne = await greeted(program, "msa");
  const stopped = program.process.stop();
  assert.match(await greetedOne.reply(), /^421 /);
  assert.equal(await untilClosed(silent), "");
  assert.equal((await stopped).code, 0);
  assert.deepEqual(program.log.filter(({ about }) => about === "proxy"), []);
});

test("a client at the proxy's own address is told of once it does what no health check does", async (program) => {
  const header = HEADER.replace(CLIENT, "127.0.0.1");
  using check = await greeted(program, "mta", header);
  await check.command("EHLO probe.example");
  assert.match(await check.command("QUIT"), /^221 /);
  using client = await greeted(program, "mta", header);
  await client.command("EHLO client.example");
  assert.match(await client.command("MAIL FROM:<x@example.net>"), /^250 /);
  assert.match(await client.command("RCPT TO:<nobody@baz.co.jp>"), /^550 /);
  await client.command("QUIT");
  await program.events(1, ({ kind }) => kind === "disconnected");
  const told = program.log.filter(({ remote }) => remote === "127.0.0.1").map(({ kind }) => kind);
  assert.deepEqual(told, ["refused", "disconnected"]);
});
