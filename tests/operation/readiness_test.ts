/**
 * Readiness of the whole program: it turns when the server cannot do its job, says why, and turns back.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { makeCertificate } from "../../src/cli/demo_certificate.ts";
import { eventually } from "../backends/contract_lib.ts";
import { PEOPLE_DN, REALM, startDirectory, TARO } from "../backends/ldap_people.ts";
import { HTTP_SECTION, sampleOf, scrape } from "../lib/metrics_scrape.ts";
import { SITE } from "../lib/people.ts";
import { makeSite, type RunningProgram, runProgram, type Site, startProgram } from "../lib/program.ts";
import { converse, logIn, queueIdOf, SHIN, submit } from "../lib/submission.ts";
import { fill, requireMount, tinyDisk } from "../lib/tiny_disk.ts";
import { makeFolder, requirePrograms } from "../servers/lib.ts";
import { SLAPD_PROGRAMS } from "../servers/slapd.ts";

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;
/** How long the certificates of `makeCertificate` are good. */
const VALID_MS = 30 * DAY_MS;
const SHIN_PERSON = { local: "shin", realm: "baz.co.jp", password: SHIN.password, disabled: false };

interface Ready {
  readonly code: number;
  readonly status: string;
  /** `NAME: STATUS: REASON` of each part that is not well. */
  readonly bad: readonly string[];
}

async function ready(program: RunningProgram): Promise<Ready> {
  const answer = await fetch(`http://127.0.0.1:${program.port("http")}/health/ready`);
  const { status, checks } = await answer.json();
  const bad = checks.flatMap((check: Record<"name" | "status" | "reason", string>) =>
    check.status === "ok" ? [] : [`${check.name}: ${check.status}: ${check.reason}`]
  );
  return { code: answer.status, status, bad };
}

/** Waits for the status, and gives the report that has it. */
async function turns(program: RunningProgram, wanted: string): Promise<Ready> {
  let last = await ready(program);
  await eventually(async () => {
    last = await ready(program);
    return last.status === wanted;
  });
  return last;
}

async function isWell(program: RunningProgram): Promise<void> {
  assert.deepEqual(await turns(program, "ok"), { code: 200, status: "ok", bad: [] });
}

function isDown({ code, bad }: Ready, ...parts: readonly RegExp[]): void {
  assert.equal(code, 503);
  assert.equal(bad.length, parts.length, bad.join("\n"));
  for (const [at, part] of parts.entries()) assert.match(bad[at] ?? "", part);
}

/** The command says the same by its exit code, and the socket of everybody the status alone. */
async function commandSays(site: Site, code: number, output: RegExp): Promise<void> {
  const health = await runProgram(["health", "--config", site.config]);
  assert.equal(health.code, code, health.output);
  assert.match(health.output, output);
}

async function metric(program: RunningProgram, sample: string): Promise<number | null> {
  return sampleOf(await scrape(program), sample);
}

requirePrograms(SLAPD_PROGRAMS)("the only backend is stopped and started again", async () => {
  await using folder = await makeFolder();
  await using slapd = await startDirectory();
  const site = await makeSite(folder.path, {
    people: [],
    sasl: 'pwcheck_method = ["ldap"]',
    more: `[backend.ldap]\nurl = "${slapd.url}"\nbase = "${PEOPLE_DN}"\nfilter = "(uid={user})"\n${HTTP_SECTION}`,
  });
  await using program = await startProgram(site);
  await isWell(program);
  for (const name of ['dokodemo_backend_up{backend="ldap"}', "dokodemo_ready"]) {
    assert.equal(await metric(program, name), 1, name);
  }

  await slapd.stop();
  isDown(await turns(program, "down"), /^backend ldap: down: .*(?:refused|closed|connect)/i);
  await commandSays(site, 69, /^down\nbackend ldap: down: ./);
  const reply = await (async () => {
    using client = await converse(program, site, { login: null });
    return await logIn(client, { authcid: `${TARO.user.local}@${REALM}`, password: TARO.password });
  })();
  assert.match(reply, /^454 4\.7\.0 /);
  for (const name of ['dokodemo_backend_up{backend="ldap"}', "dokodemo_ready"]) {
    assert.equal(await metric(program, name), 0, name);
  }
  const unavailable = 'dokodemo_logins_total{mechanism="PLAIN",backend="ldap",result="unavailable"}';
  assert.equal(await metric(program, unavailable), 1);

  await slapd.start();
  await isWell(program);
  await commandSays(site, 0, /^ok\n$/);
  assert.equal(await metric(program, 'dokodemo_backend_up{backend="ldap"}'), 1);
});

requirePrograms(SLAPD_PROGRAMS)("one backend of two that is stopped is a warning, and no reason for 503", async () => {
  await using folder = await makeFolder();
  await using slapd = await startDirectory();
  const site = await makeSite(folder.path, {
    people: [SHIN_PERSON],
    sasl: 'pwcheck_method = ["sasldb", "ldap"]',
    more: `[backend.ldap]\nurl = "${slapd.url}"\nbase = "${PEOPLE_DN}"\nfilter = "(uid={user})"\n${HTTP_SECTION}`,
  });
  await using program = await startProgram(site);
  await isWell(program);
  await slapd.stop();
  const report = await turns(program, "warn");
  assert.equal(report.code, 200);
  assert.match(report.bad.join("\n"), /^backend ldap: warn: .+$/);
  await slapd.start();
  await isWell(program);
});

(await requireMount())("the disk of the spool is full, and has room again", async () => {
  await using disk = await tinyDisk(128 * MIB);
  const site = await makeSite(disk.path, {
    people: [SHIN_PERSON],
    more: `[limits]\nmessage_size = "1MiB"\n${HTTP_SECTION}`,
  });
  await using program = await startProgram(site);
  await isWell(program);

  await fill(disk.path, "filler");
  isDown(
    await turns(program, "down"),
    /^spool: down: too little space is left on the disk of the spool$/,
    /^disk: down: Too little is free in data_dir: new mail is answered with 452$/,
  );
  await commandSays(site, 69, /^down\nspool: down: .+\ndisk: down: /);
  for (const name of ["dokodemo_spool_up", "dokodemo_ready"]) assert.equal(await metric(program, name), 0, name);
  assert.ok((await metric(program, "dokodemo_spool_free_bytes") ?? Infinity) < 64 * MIB);
  {
    using client = await converse(program, site);
    assert.match(await client.command("MAIL FROM:<shin@baz.co.jp>"), /^452 4\.3\.1 /);
  }

  await Deno.remove(join(disk.path, "filler"));
  await isWell(program);
  using client = await converse(program, site);
  queueIdOf(await submit(client, { to: "shin@baz.co.jp" }));
});

Deno.test("the certificate comes near its end, expires while the server runs, and is renewed", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [], more: HTTP_SECTION });
  await using program = await startProgram(site);
  await isWell(program);
  let reloads = 0;
  const install = async (leftMs: number) => {
    const made = await makeCertificate([SITE.hostname], Date.now() - VALID_MS + leftMs);
    await Deno.writeTextFile(site.certificate.certificateFile, made.certificate);
    await Deno.writeTextFile(site.certificate.keyFile, made.key);
    program.process.signal("SIGHUP");
    await program.events(++reloads, ({ kind }) => kind === "reloaded");
  };

  await install(13 * DAY_MS);
  const near = await turns(program, "warn");
  assert.equal(near.code, 200);
  assert.match(near.bad.join("\n"), /^certificate: warn: It ends in 1[23] days: put a new one in place and reload$/);

  await install(3_000);
  const expired = await turns(program, "down");
  isDown(expired, /^certificate: down: It has expired: put a new one in place and reload$/);
  await commandSays(site, 69, /^down\ncertificate: down: It has expired/);
  const ends = await metric(program, "dokodemo_certificate_expiry_timestamp_seconds");
  assert.ok(ends !== null && ends <= Date.now() / 1000);

  await install(VALID_MS);
  await isWell(program);
  await commandSays(site, 0, /^ok\n$/);
});

Deno.test("a server that drains is not ready, so that nobody is sent there", async () => {
  await using folder = await makeFolder();
  const site = await makeSite(folder.path, { people: [SHIN_PERSON], more: HTTP_SECTION });
  await using program = await startProgram(site);
  await isWell(program);
  const client = await converse(program, site);
  // Content that is under way is what the drain waits for.
  assert.match(await client.command("MAIL FROM:<shin@baz.co.jp>"), /^250 /);
  assert.match(await client.command("RCPT TO:<shin@baz.co.jp>"), /^250 /);
  assert.match(await client.command("DATA"), /^354 /);
  program.process.signal("SIGTERM");
  const report = await turns(program, "down");
  isDown(report, ...["mta", "msa", "msas"].map((name) => new RegExp(`^listener ${name}: down: Nobody listens on `)));
  await client.write(new TextEncoder().encode("Subject: x\r\n\r\nx\r\n.\r\n"));
  queueIdOf(await client.reply());
  client[Symbol.dispose]();
  assert.equal((await program.process.ended).code, 0);
});
