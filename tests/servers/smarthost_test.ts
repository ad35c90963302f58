import assert from "node:assert/strict";
import { makeSite, personOf, type RunningProgram, runProgram, startProgram } from "../lib/program.ts";
import { makeCertificate } from "./certificate.ts";
import { makeFolder, requirePrograms } from "./lib.ts";
import { type Postfix, POSTFIX_PROGRAMS, startPostfix } from "./postfix.ts";
import { swaks, SWAKS_PROGRAMS } from "./swaks.ts";

const MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-1", "DIGEST-MD5", "CRAM-MD5", "PLAIN", "LOGIN"];
const USER = "shin@baz.co.jp";
const PASSWORD = "correct horse";
const SMARTHOST_PASSWORD = "pass word, 合言葉";
const test = requirePrograms([...POSTFIX_PROGRAMS, ...SWAKS_PROGRAMS, "openssl"]);

/** One service for each mechanism, so that no other can be chosen, and one with all of them on the port of implicit TLS. */
async function startSmarthost(folder: string): Promise<{ readonly postfix: Postfix; readonly caFile: string }> {
  const certificate = await makeCertificate(folder, { names: ["smarthost.example.net"], label: "smarthost" });
  const postfix = await startPostfix({
    services: [
      ...MECHANISMS.map((name) => ({ name, mechanisms: [name], tls: "starttls" } as const)),
      { name: "smtps", mechanisms: MECHANISMS, tls: "implicit" },
    ],
    users: [{ user: "relay", realm: "example.net", password: SMARTHOST_PASSWORD }],
    certificate,
  });
  return { postfix, caFile: certificate.caFile };
}

async function smarthostKeys(
  folder: string,
  { port, caFile, password }: { readonly port: number; readonly caFile: string; readonly password: string },
): Promise<string> {
  const file = `${folder}/default-auth-info-${port}`;
  await Deno.writeTextFile(file, `relay\nrelay\n${password}\nexample.net\n`, { mode: 0o600 });
  return `address = "127.0.0.1:${port}"\nca_file = "${caFile}"\nauth_info_file = "${file}"`;
}

async function submit(server: RunningProgram, subject: string): Promise<void> {
  const sent = await swaks({
    ...{ port: server.port("msa"), tls: "starttls", from: USER, to: "friend@example.net" },
    auth: { mechanism: "PLAIN", user: USER, password: PASSWORD },
    message: `From: ${USER}\nSubject: ${subject}\n\n.dot\n`,
  });
  assert.equal(sent.code, 0, sent.output);
}

test("serve relays through a real Postfix by each mechanism and by implicit TLS", async () => {
  await using folder = await makeFolder();
  const { postfix, caFile } = await startSmarthost(folder.path);
  await using _postfix = postfix;
  for (const service of [...MECHANISMS, "smtps"]) {
    const port = postfix.port(service);
    const smarthost = await smarthostKeys(folder.path, { port, caFile, password: SMARTHOST_PASSWORD });
    const tls = service === "smtps" ? '\ntls = "implicit"' : "";
    await using ours = await makeFolder();
    const site = await makeSite(ours.path, { people: [personOf(USER, PASSWORD)], smarthost: smarthost + tls });
    await using server = await startProgram(site);
    await submit(server, `by ${service}`);
    await server.events(1, ({ kind, outcome }) => kind === "delivery" && outcome === "relayed");
    assert.equal((await server.process.stop()).code, 0);
  }
  const mails = (await postfix.mails(MECHANISMS.length + 1)).map((octets) => new TextDecoder().decode(octets));
  const subjects = mails.map((mail) => /^Subject: (.*)$/m.exec(mail)?.[1]);
  assert.deepEqual(subjects, [...MECHANISMS, "smtps"].map((service) => `by ${service}`));
  for (const mail of mails) assert.match(mail, /\n\n\.dot\n/);
  const strongest = postfix.log.filter((line) => line.includes("sasl_method=")).at(-1) ?? "";
  assert.match(strongest, /sasl_method=SCRAM-SHA-256/);
});

test("serve keeps the mail and raises an alarm when the smarthost refuses the login or shows a certificate of nobody", async () => {
  await using folder = await makeFolder();
  const { postfix, caFile } = await startSmarthost(folder.path);
  await using _postfix = postfix;
  const port = postfix.port("PLAIN");
  await using stranger = await makeFolder();
  const { caFile: strangeCaFile } = await makeCertificate(stranger.path);
  for (
    const settings of [
      { port, caFile, password: "wrong" },
      { port, caFile: strangeCaFile, password: SMARTHOST_PASSWORD },
    ]
  ) {
    const smarthost = await smarthostKeys(folder.path, settings);
    await using ours = await makeFolder();
    const site = await makeSite(ours.path, { people: [personOf(USER, PASSWORD)], smarthost });
    await using server = await startProgram(site);
    await submit(server, "kept");
    await server.events(1, ({ kind }) => kind === "alarm");
    await server.events(1, ({ kind, outcome }) => kind === "delivery" && outcome === "deferred");
    assert.equal((await server.process.stop()).code, 0);
    const queue: unknown = JSON.parse((await runProgram(["queue", "list", "--json", "--config", site.config])).output);
    assert.ok(Array.isArray(queue) && queue.length === 1);
  }
  assert.ok(!postfix.log.some((line) => line.includes("status=sent")));
});
