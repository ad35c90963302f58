import assert from "node:assert/strict";
import { makeSite, personOf, type RunningProgram, runProgram, startProgram } from "../lib/program.ts";
import { type Certificate, makeCertificate } from "./certificate.ts";
import { makeFolder, requirePrograms } from "./lib.ts";
import { type Postfix, POSTFIX_PROGRAMS, startPostfix } from "./postfix.ts";
import { swaks, SWAKS_PROGRAMS } from "./swaks.ts";

const USER = "shin@baz.co.jp";
const PASSWORD = "correct horse";
const test = requirePrograms([...POSTFIX_PROGRAMS, ...SWAKS_PROGRAMS, "openssl"]);

async function startSmarthost(certificate: Certificate): Promise<Postfix> {
  return await startPostfix({
    services: [{ name: "relay", mechanisms: ["PLAIN"], tls: "starttls" }],
    users: [
      { user: "one", realm: "example.net", password: "password of one" },
      { user: "two", realm: "example.net", password: "password of two" },
    ],
    certificate,
  });
}

function writeLogin(
  file: string,
  { user, password }: { readonly user: string; readonly password: string },
): Promise<void> {
  return Deno.writeTextFile(file, `\n${user}\n${password}\nexample.net\n`, { mode: 0o600 });
}

async function submit(server: RunningProgram, { to, subject }: { readonly to: string; readonly subject: string }) {
  const sent = await swaks({
    ...{ port: server.port("msa"), tls: "starttls", from: USER, to },
    auth: { mechanism: "PLAIN", user: USER, password: PASSWORD },
    message: `From: ${USER}\nSubject: ${subject}\n\nHello\n`,
  });
  assert.equal(sent.code, 0, sent.output);
}

test("serve with a smarthost that answers 535: nothing bounces, an alarm is logged, and the mail goes once the password is mended", async () => {
  await using folder = await makeFolder({ open: true });
  const certificate = await makeCertificate(folder.path, { names: ["smarthost.example.net"] });
  await using postfix = await startSmarthost(certificate);
  const file = `${folder.path}/auth-info`;
  await writeLogin(file, { user: "one@example.net", password: "an old password" });
  await using ours = await makeFolder();
  const site = await makeSite(ours.path, {
    people: [personOf(USER, PASSWORD)],
    smarthost: `address = "127.0.0.1:${postfix.port("relay")}"
ca_file = "${certificate.caFile}"
auth_info_file = "${file}"`,
  });
  await using server = await startProgram(site);
  await submit(server, { to: "friend@example.net", subject: "patience" });
  await server.events(1, ({ kind, about, text }) => {
    return kind === "alarm" && about === "smarthost-auth" && /refused AUTH: 535/.test(String(text));
  });
  await server.events(1, ({ kind, outcome }) => kind === "delivery" && outcome === "deferred");

  await writeLogin(file, { user: "one@example.net", password: "password of one" });
  server.process.signal("SIGHUP");
  await server.events(1, ({ kind }) => kind === "reloaded");
  const retried = await runProgram(["queue", "retry", "--config", site.config]);
  assert.equal(retried.code, 0, retried.output);
  await server.events(1, ({ kind, outcome }) => kind === "delivery" && outcome === "relayed");
  assert.ok(!server.log.some(({ kind, outcome }) => kind === "notice" || outcome === "failed"));
  assert.ok(!server.log.some((event) => JSON.stringify(event).includes("old password")));
});

test("serve with two routes to one host: each mail goes with the login of its route (NethServer/dev#5888)", async () => {
  await using folder = await makeFolder({ open: true });
  const certificate = await makeCertificate(folder.path, { names: ["smarthost.example.net"] });
  await using postfix = await startSmarthost(certificate);
  for (const user of ["one", "two"]) {
    await writeLogin(`${folder.path}/${user}`, { user: `${user}@example.net`, password: `password of ${user}` });
  }
  await using ours = await makeFolder();
  const keys = (user: string) =>
    `address = "127.0.0.1:${postfix.port("relay")}"
ca_file = "${certificate.caFile}"
auth_info_file = "${folder.path}/${user}"`;
  const site = await makeSite(ours.path, {
    people: [personOf(USER, PASSWORD)],
    smarthost: keys("one"),
    more: `[[route]]
name = "second"
recipient_domains = ["second.example"]
[route.smarthost]
${keys("two")}`,
  });
  await using server = await startProgram(site);
  const names = ["one", "two", "one", "two"];
  for (const [at, user] of names.entries()) {
    const domain = user === "two" ? "second.example" : "first.example";
    await submit(server, { to: `friend${at}@${domain}`, subject: `mail ${at}` });
  }
  const delivered = await server.events(4, ({ kind, outcome }) => kind === "delivery" && outcome === "relayed");
  assert.deepEqual(new Set(delivered.map(({ route }) => route)), new Set(["smarthost", "second"]));
  await postfix.mails(4);
  const log = postfix.log.join("\n");
  for (const [at, user] of names.entries()) {
    const domain = user === "two" ? "second.example" : "first.example";
    // By its queue id: the login of the session in which it came.
    const id = new RegExp(`(\\w+): to=<friend${at}@${domain}>`).exec(log)?.[1];
    assert.ok(id !== undefined, log);
    assert.match(log, new RegExp(`${id}: client=.*sasl_method=PLAIN, sasl_username=${user}@example\\.net`));
  }
});
