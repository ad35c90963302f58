/**
 * What clients do to the TLS of the running program: half of it, none of it, too much of it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { connect } from "node:net";
import { SITE } from "./lib/people.ts";
import { makeSite, type RunningProgram, type Site, startProgram } from "./lib/program.ts";
import { converse, queueIdOf, SHIN, submit } from "./lib/submission.ts";
import { WireClient } from "./lib/wire_client.ts";
import { makeFolder } from "./servers/lib.ts";

const PEOPLE = [{ local: "shin", realm: "baz.co.jp", password: SHIN.password, disabled: false }];

/** Runs a test against a program of its own, which has to be as good afterwards as before. */
function test(name: string, run: (program: RunningProgram, site: Site) => Promise<void>): void {
  Deno.test(name, async () => {
    await using folder = await makeFolder();
    const site = await makeSite(folder.path, { people: PEOPLE });
    await using program = await startProgram(site);
    await run(program, site);
    for (const listener of ["msa", "msas"]) {
      using client = await converse(program, site, { listener });
      queueIdOf(await submit(client, { to: "shin@baz.co.jp" }));
      assert.match(await client.command("QUIT"), /^221 /);
    }
    assert.equal((await program.process.stop()).code, 0);
    assert.deepEqual(program.log.filter(({ kind }) => kind === "bug" || kind === "alarm"), []);
  });
}

test("garbage instead of a ClientHello ends that connection alone", async (program) => {
  const garbage = [
    "EHLO client.example\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "\0".repeat(500),
    "\x16\x03\x01\xff\xff".repeat(100),
  ];
  for (const octets of garbage) {
    using implicit = await WireClient.connect(program.port("msas"));
    await implicit.write(octets);
    await untilClosed(implicit);
    using upgraded = await WireClient.connect(program.port("msa"));
    assert.match(await upgraded.reply(), /^220 /);
    await upgraded.command("EHLO client.example");
    assert.match(await upgraded.command("STARTTLS"), /^220 /);
    await upgraded.write(octets);
    await untilClosed(upgraded);
  }
  const failed = await program.events(2 * garbage.length, ({ kind }) => kind === "tls-failed");
  assert.ok(failed.every(({ reason }) => typeof reason === "string" && reason !== ""));
});

test("200 handshakes that are broken off leave no socket open", async (program, site) => {
  const hello = await recordHello();
  // What the process opens once and keeps is open after this.
  using client = await converse(program, site);
  queueIdOf(await submit(client, { to: "shin@baz.co.jp" }));
  assert.match(await client.command("QUIT"), /^221 /);
  await program.events(1, ({ kind }) => kind === "mail-done");
  await breakOff(program, hello, { count: 8, before: 0 });
  const before = await openSockets(program);
  await breakOff(program, hello, { count: 200, before: 8 });
  assert.equal(await openSockets(program), before);
});

test("clients that reset before they are accepted keep nobody waiting", async (program) => {
  for (let count = 0; count < 100; count++) await resetAtOnce(program.port("mta"));
  using client = await WireClient.connect(program.port("mta"));
  assert.match(await client.reply(), /^220 /);
  // A pause after each would have been told.
  assert.deepEqual(program.log.filter(({ kind, about }) => kind === "warning" && about === "accept"), []);
});

test("a client that does not trust the certificate does not end the process", async (program) => {
  for (let count = 1; count <= 20; count++) {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: program.port("msas") });
    const secure = await Deno.startTls(conn, { hostname: SITE.hostname });
    await assert.rejects(secure.handshake(), /invalid peer certificate/);
    secure.close();
    await program.events(count, ({ kind }) => kind === "disconnected");
  }
});

test("300 clients that say nothing keep nobody from logging in", async (program, site) => {
  await using silent = new AsyncDisposableStack();
  for (const listener of ["mta", "msa", "msas"]) {
    for (let count = 0; count < 100; count++) silent.use(await WireClient.connect(program.port(listener)));
  }
  for (const listener of ["mta", "msa", "msas"]) {
    using client = await converse(program, site, { listener, login: listener === "mta" ? null : SHIN });
    assert.match(await client.command("NOOP"), /^250 /);
  }
});

test("what a client sent before the handshake is not taken for a command behind it", async (program, site) => {
  using client = await WireClient.connect(program.port("msa"));
  assert.match(await client.reply(), /^220 /);
  assert.match(await client.command("EHLO client.example"), /^250/);
  await client.write("STARTTLS\r\nRSET\r\nEHLO injected.example\r\n");
  assert.match(await client.reply(), /^220 /);
  await client.startTls(SITE.hostname, site.authority);
  assert.match(await client.command("NOOP"), /^250 2\.0\.0 OK$/);
  assert.match(await client.command("MAIL FROM:<shin@baz.co.jp>"), /^503 |^530 /);
});

/** Whatever it says: an alert is no line. */
async function untilClosed(client: WireClient): Promise<void> {
  while (await client.line() !== null);
}

/** The first flight of a TLS client. */
async function recordHello(): Promise<Uint8Array<ArrayBuffer>> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  using accepted = await listener.accept();
  const secure = await Deno.startTls(conn, { hostname: SITE.hostname });
  const failed = secure.handshake().catch(() => {});
  const buffer = new Uint8Array(16 * 1024);
  const count = await accepted.read(buffer);
  secure.close();
  await failed;
  return buffer.slice(0, count ?? 0);
}

/** Ends handshakes at every stage, by FIN and by RST, and waits until the server has done with each. */
async function breakOff(
  program: RunningProgram,
  hello: Uint8Array<ArrayBuffer>,
  { count, before }: { readonly count: number; readonly before: number },
): Promise<void> {
  for (let at = 0; at < count; at += 8) {
    await Promise.all(Array.from({ length: 8 }, async (_, index) => {
      const octets = hello.subarray(0, Math.floor(hello.length * (index % 4) / 3));
      await (index < 4 ? finish(program.port("msas"), octets) : reset(program.port("msa"), octets));
    }));
  }
  // One conversation of `before` is that of the mail.
  await program.events(1 + before + count, ({ kind }) => kind === "disconnected");
}

/** Sends a part of a hello, or the whole and takes a part of the answer, and leaves. */
async function finish(port: number, octets: Uint8Array<ArrayBuffer>): Promise<void> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  if (octets.length > 0) await conn.write(octets);
  if (isWhole(octets)) await conn.read(new Uint8Array(10));
}

function resetAtOnce(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.on("close", () => resolve());
    socket.on("error", () => {});
    socket.once("connect", () => socket.resetAndDestroy());
  });
}

/** The same after STARTTLS, so that the connection was accepted for sure, and by a reset, which Deno.connect cannot send. */
function reset(port: number, octets: Uint8Array<ArrayBuffer>): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    let text = "";
    socket.on("close", () => resolve());
    socket.on("error", () => {});
    socket.on("data", (answer: Uint8Array) => {
      text += new TextDecoder().decode(answer);
      if (/^220 2\.0\.0 .*\r\n[^]+/m.test(text)) return socket.resetAndDestroy();
      if (!/^220 2\.0\.0 .*\r\n$/m.test(text)) return;
      socket.write(octets, () => isWhole(octets) ? undefined : socket.resetAndDestroy());
    });
    socket.write("EHLO client.example\r\nSTARTTLS\r\n");
  });
}

/** Whether the record says that it ends here (RFC 8446 section 5.1). */
function isWhole(octets: Uint8Array): boolean {
  return octets.length === 5 + (octets[3] ?? 0) * 256 + (octets[4] ?? 0);
}

/** Sockets alone: files come and go with the queue's housekeeping. */
async function openSockets(program: RunningProgram): Promise<number> {
  const folder = `/proc/${program.process.pid}/fd`;
  const entries = await Array.fromAsync(Deno.readDir(folder));
  const targets = await Promise.all(entries.map(({ name }) => Deno.readLink(`${folder}/${name}`).catch(() => "")));
  return targets.filter((target) => target.startsWith("socket:")).length;
}
