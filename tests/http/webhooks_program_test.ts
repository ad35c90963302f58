/**
 * Webhooks of the whole program: what it tells of a real directory and a real smarthost, and over a restart.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { makeCertificate as makeDemoCertificate } from "../../src/cli/demo_certificate.ts";
import { openRecords } from "../../src/records/open_records.ts";
import { SITE } from "../lib/people.ts";
import { makeSite, personOf, type RunningProgram, type Site, startProgram } from "../lib/program.ts";
import { converse, logIn, submit } from "../lib/submission.ts";
import { makeCertificate } from "../servers/certificate.ts";
import { freePort, makeFolder, requirePrograms } from "../servers/lib.ts";
import { POSTFIX_PROGRAMS, startPostfix } from "../servers/postfix.ts";
import { type Slapd, SLAPD_PROGRAMS, startSlapd, SUFFIX } from "../servers/slapd.ts";
import { startReceiver } from "./webhook_receiver.ts";

const DAY_MS = 86_400_000;
const SECRET = "a secret of twenty-four characters";
const KEY = new TextEncoder().encode(SECRET);
const TARO = { authcid: "taro@baz.co.jp", password: "tanstaaf" };
const SHIN = { authcid: "shin@baz.co.jp", password: "correct-horse" };
const LDIF = `dn: uid=taro,${SUFFIX}
objectClass: inetOrgPerson
uid: taro
cn: Taro
sn: Taro
userPassword: ${TARO.password}
`;

const slapdTest = requirePrograms(SLAPD_PROGRAMS);
const postfixTest = requirePrograms([...POSTFIX_PROGRAMS, "openssl"]);

function webhookTable(url: string, more = ""): string {
  return `[[webhook]]\nurl = "${url}"\nsecret_file = "secret"\n${more}\n`;
}

async function writeSecret(folder: string): Promise<void> {
  await Deno.writeTextFile(join(folder, "secret"), `${SECRET}\n`, { mode: 0o600 });
}

function directorySite(folder: string, slapd: Slapd, more: string): Promise<Site> {
  return makeSite(folder, {
    people: [],
    sasl: 'pwcheck_method = ["staff"]',
    more: `[backend.staff]\ntype = "ldap"\nurl = "${slapd.url}"\nbase = "${SUFFIX}"\nfilter = "(uid={user})"
realms = ["baz.co.jp"]\n${more}`,
  });
}

/** As if the half minute to the second try were over; no server runs. */
async function haveAllDue(site: Site): Promise<void> {
  const records = openRecords(join(site.dataDir, "records"), { now: Date.now });
  assert.ok(records.ok);
  const { outbox } = records.value;
  const waiting = outbox.due(Number.MAX_SAFE_INTEGER, 10);
  assert.deepEqual(waiting.map(({ attempts }) => attempts), [1]);
  for (const { id } of waiting) outbox.failed(id, { due: Date.now(), error: "for the test" });
  await records.value[Symbol.asyncDispose]();
}

/** The code of a login by PLAIN. */
async function codeOf(program: RunningProgram, site: Site): Promise<string> {
  using client = await converse(program, site, { login: null });
  return (await logIn(client, TARO)).slice(0, 3);
}

slapdTest("a directory that stops is told as down once, and as up once when it answers again", async () => {
  await using receiver = startReceiver(KEY);
  await using slapd = await startSlapd({ ldif: LDIF });
  await using folder = await makeFolder();
  await writeSecret(folder.path);
  const site = await directorySite(folder.path, slapd, webhookTable(receiver.url));
  await using program = await startProgram(site);
  assert.equal(await codeOf(program, site), "235");
  await slapd.stop();
  for (let login = 1; login <= 3; login++) assert.equal(await codeOf(program, site), "454");
  const [down] = await receiver.wait(1);
  await slapd.start();
  for (let login = 1; login <= 3; login++) assert.equal(await codeOf(program, site), "235");
  const [, up] = await receiver.wait(2);
  assert.deepEqual([down?.type, up?.type], ["backend-down", "backend-up"]);
  assert.deepEqual([down?.data["backend"], up?.data["backend"]], ["staff", "staff"]);
  assert.match(String(down?.data["reason"]), /refused|connect/i);
  assert.equal((await program.process.stop()).code, 0);
  assert.equal(receiver.received.length, 2);
});

slapdTest("what nobody took before a restart is sent after it", async () => {
  await using slapd = await startSlapd({ ldif: LDIF });
  await using folder = await makeFolder();
  await writeSecret(folder.path);
  const port = freePort();
  const url = `http://127.0.0.1:${port}/hook`;
  const site = await directorySite(folder.path, slapd, webhookTable(url));
  {
    await using program = await startProgram(site);
    await slapd.stop();
    assert.equal(await codeOf(program, site), "454");
    await program.events(1, ({ kind, about }) => kind === "warning" && about === "webhook");
    assert.equal((await program.process.stop()).code, 0);
  }
  await haveAllDue(site);
  await using receiver = startReceiver(KEY, { port });
  await using program = await startProgram(site);
  const [down] = await receiver.wait(1);
  assert.equal(down?.type, "backend-down");
  assert.equal((await program.process.stop()).code, 0);
});

postfixTest("a smarthost that refuses our login is told, and a reload takes webhooks in and out", async () => {
  await using receiver = startReceiver(KEY);
  await using folder = await makeFolder();
  await writeSecret(folder.path);
  const certificate = await makeCertificate(folder.path, { names: ["smarthost.example.net"], label: "smarthost" });
  await using postfix = await startPostfix({
    services: [{ name: "smtp", mechanisms: ["PLAIN"], tls: "starttls" }],
    users: [{ user: "relay", realm: "example.net", password: "right" }],
    certificate,
  });
  const port = postfix.port("smtp");
  const authFile = join(folder.path, "auth-info");
  await Deno.writeTextFile(authFile, "relay\nrelay\nwrong\nexample.net\n", { mode: 0o600 });
  const site = await makeSite(folder.path, {
    people: [personOf(SHIN.authcid, SHIN.password)],
    smarthost: `address = "127.0.0.1:${port}"\nca_file = "${certificate.caFile}"\nauth_info_file = "${authFile}"`,
  });
  await using program = await startProgram(site);
  const without = await Deno.readTextFile(site.config);
  const events = 'events = ["smarthost-refused"]';
  await Deno.writeTextFile(site.config, `${without}\n${webhookTable(receiver.url, events)}`);
  program.process.signal("SIGHUP");
  await program.events(1, ({ kind }) => kind === "reloaded");
  using client = await converse(program, site, { login: SHIN });
  await submit(client, { to: "friend@example.net" });
  const [refused] = await receiver.wait(1);
  assert.equal(refused?.type, "smarthost-refused");
  assert.equal(refused?.data["smarthost"], `127.0.0.1:${port}`);
  assert.equal(refused?.data["route"], "smarthost");
  assert.match(String(refused?.data["reason"]), /refused AUTH: 535/);
  assert.equal((await program.process.stop()).code, 0);
  assert.equal(receiver.received.length, 1);
});

Deno.test("a certificate near its end and an old queue are told by the running program", async () => {
  await using receiver = startReceiver(KEY);
  await using folder = await makeFolder();
  await writeSecret(folder.path);
  const site = await makeSite(folder.path, {
    people: [personOf(SHIN.authcid, SHIN.password)],
    more: webhookTable(receiver.url, 'queue_age = "1ms"'),
  });
  {
    await using program = await startProgram(site);
    using client = await converse(program, site, { login: SHIN });
    await submit(client, { to: "friend@example.net" });
    await program.events(1, ({ kind }) => kind === "delivery");
    assert.equal((await program.process.stop()).code, 0);
  }
  const old = await makeDemoCertificate([SITE.hostname], Date.now() - 20 * DAY_MS);
  await Deno.writeTextFile(site.certificate.certificateFile, old.certificate);
  await Deno.writeTextFile(site.certificate.keyFile, old.key);
  assert.equal(receiver.received.length, 0);
  await using program = await startProgram(site);
  const told = (await receiver.wait(2)).toSorted((one, other) => one.type < other.type ? -1 : 1);
  assert.deepEqual(told.map(({ type }) => type), ["certificate-near-end", "queue-old"]);
  assert.deepEqual([told[0]?.data["daysLeft"], told[1]?.data["mails"]], [9, 1]);
  assert.equal((await program.process.stop()).code, 0);
});
