/**
 * What one client, and all of them, may take of the running program: time, connections, octets.
 *
 * @module
 */

import assert from "node:assert/strict";
import { connect } from "node:net";
import { SITE } from "./lib/people.ts";
import { makeSite, type RunningProgram, type Site, startProgram } from "./lib/program.ts";
import { beginContent, converse, queueIdOf, SHIN, submit } from "./lib/submission.ts";
import { WireClient } from "./lib/wire_client.ts";
import { makeFolder } from "./servers/lib.ts";

const PEOPLE = [{ local: "shin", realm: "baz.co.jp", password: SHIN.password, disabled: false }];

/** Of loopback; any other address has the configured one. */
const LOOPBACK_CONNECTIONS = 1000;

/** Runs a test against a program of its own with these limits. */
function test(name: string, limits: string, run: (program: RunningProgram, site: Site) => Promise<void>): void {
  Deno.test(name, async () => {
    await using folder = await makeFolder();
    const site = await makeSite(folder.path, { people: PEOPLE, more: `[limits]\n${limits}` });
    await using program = await startProgram(site);
    await run(program, site);
    assert.equal((await program.process.stop()).code, 0);
    assert.deepEqual(program.log.filter(({ kind }) => kind === "bug" || kind === "alarm"), []);
  });
}

test(
  "before authentication a session on msa has a limit of its own",
  'session_before_auth = "1s"',
  async (program, site) => {
    using authenticated = await converse(program, site);
    using onMta = await converse(program, site, { listener: "mta" });
    using silent = await WireClient.connect(program.port("msa"));
    assert.match(await silent.reply(), /^220 /);
    using secure = await converse(program, site, { login: null });
    for (const client of [silent, secure]) {
      assert.match(await client.reply(), /^421 4\.4\.2 /);
      assert.equal(await client.line(), null);
    }
    // To be busy does not help: the limit is the session's.
    using busy = await converse(program, site, { login: null });
    let reply = await busy.command("NOOP");
    while (reply.startsWith("250")) reply = await busy.command("NOOP");
    assert.match(reply, /^421 4\.4\.2 |^$/);
    for (const client of [authenticated, onMta]) {
      assert.match(await client.command("NOOP"), /^250 /);
      assert.match(await client.command("QUIT"), /^221 /);
    }
  },
);

test("who says nothing for longer than a command may take gets a 421", 'command = "1s"', async (program, site) => {
  using onMta = await converse(program, site, { listener: "mta" });
  using authenticated = await converse(program, site, { listener: "msas" });
  using inTransaction = await converse(program, site, { listener: "msa" });
  assert.match(await inTransaction.command("MAIL FROM:<shin@baz.co.jp>"), /^250 /);
  using halfLine = await converse(program, site, { listener: "mta" });
  await halfLine.write("NOO");
  for (const client of [onMta, authenticated, inTransaction, halfLine]) {
    assert.match(await client.reply(), /^421 4\.4\.2 /);
    assert.equal(await client.line(), null);
  }
});

test(
  "content that stops or drips is cut, and content that goes on is taken",
  'command = "3s"',
  async (program, site) => {
    using stopped = await converse(program, site);
    await beginContent(stopped, { to: "shin@baz.co.jp" });
    await stopped.write("Subject: stopped\r\n");
    using dripping = await converse(program, site);
    await beginContent(dripping, { to: "shin@baz.co.jp" });
    using steady = await converse(program, site);
    await beginContent(steady, { to: "shin@baz.co.jp" });
    const drip = setInterval(() => {
      // One octet each time is far below a kilobyte in a minute; ten lines are above it.
      void dripping.write("x").catch(() => {});
      void steady.write(`${"y".repeat(98)}\r\n`);
    }, 200);
    const [atStop, atDrip] = await Promise.all([stopped.line(), dripping.line()]);
    assert.deepEqual([atStop, atDrip], [null, null]);
    clearInterval(drip);
    await steady.write(".\r\n");
    queueIdOf(await steady.reply());
    await program.events(2, ({ kind, reason }) => kind === "disconnected" && reason === "timeout");
    await program.events(1, ({ kind }) => kind === "accepted-mail");
    assert.equal(program.log.filter(({ kind }) => kind === "accepted-mail").length, 1);
  },
);

test("a client that never reads replies holds nobody up and is cut", 'command = "6s"', async (program, site) => {
  const deaf = await Deno.connect({ hostname: "127.0.0.1", port: program.port("mta") });
  const bare = await Deno.connect({ hostname: "127.0.0.1", port: program.port("msas") });
  const deafInTls = await Deno.startTls(bare, { hostname: SITE.hostname, caCerts: [site.authority] });
  const flood = new TextEncoder().encode("HELP\r\n".repeat(10_000));
  const flooding = [deaf, deafInTls].map(async (conn) => {
    try {
      for (;;) await conn.write(flood);
    } catch {
      // Cut by the server, or closed below.
    }
  });
  using other = await converse(program, site);
  queueIdOf(await submit(other, { to: "shin@baz.co.jp" }));
  await program.events(2, ({ kind, reason }) => kind === "disconnected" && reason === "timeout");
  for (const conn of [deaf, deafInTls]) conn.close();
  await Promise.all(flooding);
});

test(
  "one connection too many gets a 421, and the next one that is free again is given",
  "connections = 20",
  async (program) => {
    await fillUp(program, { count: 20, open: () => WireClient.connect(program.port("mta")) });
  },
);

test("one address has a limit; another address has its own", "connections = 5000", async (program) => {
  const open = () => WireClient.connect(program.port("mta"));
  await fillUp(program, {
    count: LOOPBACK_CONNECTIONS,
    open,
    whileFull: async () => assert.match(await greetingFrom("127.0.0.2", program.port("mta")), /^220 /),
  });
});

/** Opens so many connections, then one more, then again one in the place of another. */
async function fillUp(
  program: RunningProgram,
  { count, open, whileFull }: {
    readonly count: number;
    readonly open: () => Promise<WireClient>;
    readonly whileFull?: () => Promise<void>;
  },
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const clients: WireClient[] = [];
  while (clients.length < count) {
    const client = stack.use(await open());
    assert.match(await client.reply(), /^220 /, `connection ${clients.length + 1}`);
    clients.push(client);
  }
  for (let more = 0; more < 3; more++) {
    using refused = await open();
    assert.match(await refused.reply(), /^421 4\.7\.0 /);
    assert.equal(await refused.line(), null);
  }
  await whileFull?.();
  assert.match(await clients[0]!.command("QUIT"), /^221 /);
  await program.events(1, ({ kind, reason }) => kind === "disconnected" && reason === "closed");
  using next = await open();
  assert.match(await next.reply(), /^220 /);
}

/** Deno.connect cannot choose the address that it comes from. */
function greetingFrom(localAddress: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, localAddress });
    socket.on("error", reject);
    socket.once("data", (octets: Uint8Array) => {
      resolve(new TextDecoder().decode(octets));
      socket.destroy();
    });
  });
}
