/**
 * SIGHUP: nobody who is connected notices, whoever comes next gets the new configuration.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { makeCertificate } from "../../src/cli/demo_certificate.ts";
import { startCountingSink } from "../lib/counting_sink.ts";
import { type Acknowledged, handOver, judgeCopy, LOAD_STYLES, makeLoadMail } from "../lib/load.ts";
import { mailsIn } from "../lib/maildir.ts";
import { SITE } from "../lib/people.ts";
import { type LoggedEvent, makeSite, type RunningProgram, type Site, startProgram } from "../lib/program.ts";
import { Random } from "../lib/random.ts";
import { converse, SHIN, submit } from "../lib/submission.ts";
import { WireClient } from "../lib/wire_client.ts";
import { makeFolder } from "../servers/lib.ts";

const SHIN_PERSON = { local: "shin", realm: "baz.co.jp", password: SHIN.password, disabled: false };
const RELOADS = 30;
const RELOAD_EVERY_MS = 100;
const CLIENTS = 6;
const RECIPIENTS = ["shin@baz.co.jp", "taro@example.net"];

Deno.test("reloads under load lose no mail, send none twice and cut no session", async () => {
  await using folder = await makeFolder();
  using sink = startCountingSink();
  const site = await makeSite(folder.path, {
    people: [SHIN_PERSON],
    sasl: 'cleartext_networks = ["127.0.0.1"]',
    smarthost: `address = "127.0.0.1:${sink.port}"\ntls = "never"`,
  });
  await using program = await startProgram(site);
  const acknowledged: Acknowledged[] = [];
  const seed = Math.floor(Math.random() * 2 ** 31);
  let over = false;
  const clients = Array.from({ length: CLIENTS }, async (_, at) => {
    const random = new Random(seed + at);
    // The first keeps one conversation through all reloads, the others begin anew every few mails.
    for (let serial = 0; !over;) {
      using client = await converse(program, site, at % 2 === 0 ? IN_THE_CLEAR : {});
      do {
        const mails = Array.from({ length: 4 }, () => {
          const octets = 1 + random.below(4_000);
          return makeLoadMail(random, { id: `c${at}-${++serial}`, recipients: RECIPIENTS, octets });
        });
        const style = random.pick(LOAD_STYLES);
        await handOver(client, mails, { style, acknowledge: (mail) => acknowledged.push(mail) });
      } while (at === 0 && !over);
      assert.match(await client.command("QUIT"), /^221 /, `seed ${seed}`);
    }
  });
  const reloads = (async () => {
    for (let count = 1; count <= RELOADS; count++) {
      program.process.signal("SIGHUP");
      const pause = new Promise((resolve) => setTimeout(resolve, RELOAD_EVERY_MS));
      await Promise.all([pause, program.events(count, isKind("reloaded"))]);
    }
    over = true;
  })();
  await Promise.all([reloads, ...clients]);

  await program.events(acknowledged.length, isKind("mail-done"));
  // The last generation that was replaced goes when its last conversation has gone.
  await program.events(RELOADS, isKind("retired"));
  const arrived = [
    ...(await mailsIn(join(site.mail, "shin"))).map((octets) => ({ octets, path: "shin@baz.co.jp" })),
    ...sink.take().flatMap(({ content, recipients }) => recipients.map((path) => ({ octets: content, path }))),
  ].map(({ octets, path }) => ({ ...judgeCopy(octets), path }));
  assert.deepEqual(arrived.filter(({ whole }) => !whole), []);
  assert.deepEqual(
    arrived.map(({ id, path }) => `${id} ${path}`).sort(),
    acknowledged.flatMap(({ id }) => RECIPIENTS.map((path) => `${id} ${path}`)).sort(),
    `seed ${seed}`,
  );
  assert.ok(acknowledged.length > RELOADS, `${acknowledged.length} mails are no load`);
  assert.equal((await program.process.stop()).code, 0);
  assert.deepEqual(program.log.filter(({ kind }) => kind === "bug" || kind === "alarm"), []);
});

Deno.test("a new certificate is shown to new clients", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [SHIN_PERSON] });
  await using program = await startProgram(site);
  using before = await converse(program, site);
  using waiting = await WireClient.connect(program.port("msa"));
  assert.match(await waiting.reply(), /^220 /);

  const fresh = await makeCertificate([SITE.hostname], Date.now());
  await Deno.writeTextFile(join(site.folder, "certificate.pem"), fresh.certificate);
  await Deno.writeTextFile(join(site.folder, "key.pem"), fresh.key);
  await reload(program);
  using after = await converse(program, fresh);
  using implicit = await converse(program, fresh, { listener: "msas" });
  await assert.rejects(converse(program, site), /invalid peer certificate/);
  assert.match(await submit(before, { to: "shin@baz.co.jp" }), /^250 2\.0\.0 Queued/);
  assert.match(await submit(after, { to: "shin@baz.co.jp" }), /^250 2\.0\.0 Queued/);
  assert.match(await submit(implicit, { to: "shin@baz.co.jp" }), /^250 2\.0\.0 Queued/);
  // A conversation belongs to the configuration that it began with, although its TLS begins later.
  assert.match(await waiting.command("EHLO client.example"), /^250/);
  assert.match(await waiting.command("STARTTLS"), /^220 /);
  await waiting.startTls(SITE.hostname, site.authority);
  assert.match(await waiting.command("EHLO client.example"), /^250/);
  assert.deepEqual(program.log.filter(isKind("retired")), []);
  for (const client of [before, waiting]) assert.match(await client.command("QUIT"), /^221 /);
  await program.events(1, isKind("retired"));
});

Deno.test("a configuration with mistakes leaves the old one running, and each mistake stands in the log", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [SHIN_PERSON] });
  await using program = await startProgram(site);
  const good = await Deno.readTextFile(site.config);
  const refused = async (count: number) => {
    program.process.signal("SIGHUP");
    return (await program.events(count, isKind("reload-refused")))[count - 1]?.["mistakes"];
  };

  await Deno.writeTextFile(site.config, good.replace("hostname", "hostnam").replace("postmaster", "postmastre"));
  const unknown = await refused(1);
  assert.ok(Array.isArray(unknown) && unknown.length >= 2, JSON.stringify(unknown));
  assert.ok(
    unknown.some((mistake) => /^hostnam: /.test(mistake)) && unknown.some((mistake) => /^postmastre: /.test(mistake)),
  );
  await Deno.writeTextFile(site.config, good.replace('data_dir = "data"', 'data_dir = "elsewhere"'));
  assert.deepEqual(await refused(2), ["data_dir: a change of it needs a restart"]);
  await Deno.writeTextFile(site.config, good.replace("certificate.pem", "key.pem"));
  assert.match(String(await refused(3)), /key\.pem/);
  await Deno.remove(site.config);
  assert.match(String(await refused(4)), /^Cannot read /);
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await Deno.writeTextFile(site.config, good + listener("extra", `127.0.0.1:${taken.addr.port}`));
  assert.match(
    String(await refused(5)),
    new RegExp(`^Cannot listen on 127\\.0\\.0\\.1:${taken.addr.port} \\(extra\\): `),
  );

  using client = await converse(program, site);
  assert.match(await submit(client, { to: "shin@baz.co.jp" }), /^250 2\.0\.0 Queued/);
  await Deno.writeTextFile(site.config, good);
  await reload(program);
  assert.deepEqual(program.log.filter(({ kind }) => kind === "bug" || kind === "alarm"), []);
});

Deno.test("listeners come and go by reload; those that stay keep their ports and take new limits", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [SHIN_PERSON] });
  await using program = await startProgram(site);
  const good = await Deno.readTextFile(site.config);
  using before = await WireClient.connect(program.port("mta"));
  assert.match(await before.reply(), /^220 /);

  await Deno.writeTextFile(site.config, `${good}[limits]\nmessage_size = "1MiB"\n${listener("extra", "127.0.0.1:0")}`);
  await reload(program);
  const [added] = await program.events(1, ({ kind, listener }) => kind === "listening" && listener === "extra");
  const port = Number(String(added?.["address"]).split(":").at(-1));
  using extra = await WireClient.connect(port);
  assert.match(await extra.reply(), /^220 /);
  using after = await WireClient.connect(program.port("mta"));
  assert.match(await after.reply(), /^220 /);
  assert.match(await after.command("EHLO client.example"), /^250-SIZE 1048576$/m);
  assert.match(await before.command("EHLO client.example"), /^250-SIZE 52428800$/m);

  await Deno.writeTextFile(site.config, good);
  await reload(program, 2);
  await assert.rejects(WireClient.connect(port), Deno.errors.ConnectionRefused);
  // Who was let in there stays.
  assert.match(await extra.command("EHLO client.example"), /^250/);
  assert.equal(await send(program, site, "mta"), "250");
  assert.equal(program.log.filter(({ kind }) => kind === "listening").length, 4);
});

async function send(program: RunningProgram, site: Site, listener: string): Promise<string> {
  using client = await converse(program, site, { listener });
  return (await submit(client, { from: "taro@example.net", to: "shin@baz.co.jp" })).slice(0, 3);
}

async function reload(program: RunningProgram, count = 1): Promise<void> {
  program.process.signal("SIGHUP");
  await program.events(count, isKind("reloaded"));
}

function listener(name: string, address: string): string {
  return `[[listener]]\nname = "${name}"\naddress = "${address}"\nrole = "mta"\n`;
}

function isKind(kind: string): (event: LoggedEvent) => boolean {
  return (event) => event.kind === kind;
}

const IN_THE_CLEAR = { tls: "none", login: { ...SHIN, mechanism: "CRAM-MD5" } } as const;
