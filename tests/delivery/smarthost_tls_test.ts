import assert from "node:assert/strict";
import type { SmarthostConfig } from "../../src/config/config.ts";
import { encodeBase64, utf8 } from "../../src/lib/octets.ts";
import { contextOf, type MailService, type PeerConversation, serveMail, startPeer } from "../lib/scripted_peer.ts";
import { type Certificate, makeCertificate } from "../servers/certificate.ts";
import { deliverAll, recordTask, smarthostAt } from "./lib.ts";

const AUTH = { authzid: "", authcid: "shin", password: "correct-horse", realm: "" };
const PLAIN = encodeBase64(utf8("\0shin\0correct-horse"));

const folder = await Deno.makeTempDir();
const good: Certificate = await makeCertificate(folder, { label: "good" });
const elsewhere: Certificate = await makeCertificate(folder, { label: "elsewhere" });
const goodContext = contextOf(good);
const elsewhereContext = contextOf(elsewhere);
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

async function deliver(
  script: (peer: PeerConversation) => Promise<void>,
  config: Partial<SmarthostConfig>,
) {
  await using peer = await startPeer(script);
  const smarthost = await smarthostAt(peer.port, { host: "localhost", caFile: good.caFile, ...config });
  const task = recordTask();
  const problem = await deliverAll(smarthost, [task]);
  return { outcome: problem ?? task.outcomes.get(1), lines: peer.lines, alarms: smarthost.alarms().join("\n") };
}

function serving(service: MailService) {
  return (peer: PeerConversation) => serveMail(peer, { secureContext: goodContext, ...service });
}

const STARTTLS: MailService = { offers: ["STARTTLS", "AUTH PLAIN"], secureOffers: ["AUTH LOGIN PLAIN", "SIZE"] };

Deno.test("smarthost: STARTTLS with a good certificate, EHLO anew, then AUTH PLAIN from what is offered after TLS", async () => {
  const service: MailService = {
    ...STARTTLS,
    reply: (line) => line.startsWith("AUTH") ? "235 2.7.0 Welcome\r\n" : null,
  };
  const { outcome, lines } = await deliver(serving(service), { tls: "required", auth: AUTH });
  assert.equal(outcome?.kind, "relayed");
  assert.deepEqual(lines.slice(0, 4), [
    "EHLO mail.foobar.co.jp",
    "STARTTLS",
    "EHLO mail.foobar.co.jp",
    `AUTH PLAIN ${PLAIN}`,
  ]);
  assert.match(lines[4] ?? "", /^MAIL FROM:<shin@baz\.co\.jp> SIZE=/);
});

Deno.test("smarthost: implicit TLS begins before the greeting", async () => {
  const { outcome } = await deliver((peer) => {
    peer.startTls(goodContext);
    return serveMail(peer);
  }, { tls: "implicit" });
  assert.equal(outcome?.kind, "relayed");
});

Deno.test("smarthost: an address as the host is checked against the certificate's addresses", async () => {
  const { outcome } = await deliver(serving(STARTTLS), { tls: "required", host: "127.0.0.1" });
  assert.equal(outcome?.kind, "relayed");
});

Deno.test("smarthost: a certificate of an unknown authority, or for another name, defers before any AUTH or MAIL", async () => {
  const foreign = await deliver(serving(STARTTLS), { tls: "required", caFile: elsewhere.caFile, auth: AUTH });
  const named = await makeCertificate(folder, { label: "named", names: ["smtp.example.net"] });
  const misnamed = await deliver(serving({ ...STARTTLS, secureContext: contextOf(named) }), {
    tls: "required",
    caFile: named.caFile,
    auth: AUTH,
  });
  for (const { outcome, lines, alarms } of [foreign, misnamed]) {
    assert.deepEqual(outcome, { kind: "deferred", cause: "tls", reply: "451 4.7.5 TLS with localhost failed" });
    assert.deepEqual(lines, ["EHLO mail.foobar.co.jp", "STARTTLS"]);
    assert.match(alarms, /^smarthost-tls: /);
  }
});

Deno.test("smarthost: TLS that is required and not offered, or refused, defers before any AUTH or MAIL", async () => {
  const stripped = await deliver(serving({ offers: ["AUTH PLAIN"] }), { tls: "required", auth: AUTH });
  const refused = await deliver(
    serving({ ...STARTTLS, reply: (line) => line === "STARTTLS" ? "554 5.7.3 No\r\n" : null }),
    { tls: "required", auth: AUTH },
  );
  for (const { outcome, lines, alarms } of [stripped, refused]) {
    assert.ok(outcome?.kind === "deferred" && outcome.cause === "tls");
    assert.ok(lines.every((line) => line.startsWith("EHLO") || line === "STARTTLS"));
    assert.match(alarms, /^smarthost-tls: localhost: /);
  }
});

Deno.test("smarthost: opportunistic TLS takes any certificate, and no TLS where there is none", async () => {
  const unknown = await deliver(serving({ ...STARTTLS, secureContext: elsewhereContext }), { tls: "opportunistic" });
  assert.equal(unknown.outcome?.kind, "relayed");
  assert.deepEqual(unknown.lines.slice(0, 3), ["EHLO mail.foobar.co.jp", "STARTTLS", "EHLO mail.foobar.co.jp"]);
  assert.equal((await deliver(serving({ offers: [] }), { tls: "opportunistic" })).outcome?.kind, "relayed");
  const refused = serving({ ...STARTTLS, reply: (line) => line === "STARTTLS" ? "454 4.7.0 Not now\r\n" : null });
  assert.equal((await deliver(refused, { tls: "opportunistic" })).outcome?.kind, "relayed");
});

Deno.test("smarthost: PLAIN is not shown to a server whose certificate could not be checked", async () => {
  const service = { ...STARTTLS, secureContext: elsewhereContext };
  const { outcome, lines, alarms } = await deliver(serving(service), { tls: "opportunistic", auth: AUTH });
  assert.ok(outcome?.kind === "deferred" && outcome.cause === "auth");
  assert.ok(!lines.some((line) => line.startsWith("AUTH")));
  assert.match(alarms, /offers no mechanism that may be used here/);
});

Deno.test("smarthost: a reply that was sent ahead of TLS is not taken for one from inside (CVE-2011-0411)", async () => {
  const injecting = serving({
    ...STARTTLS,
    reply: (line) => line === "STARTTLS" ? "220 Go\r\n250-peer\r\n250 AUTH PLAIN\r\n" : null,
  });
  const { outcome, lines } = await deliver(injecting, { tls: "required", auth: AUTH });
  assert.ok(outcome?.kind === "deferred" && outcome.cause === "tls");
  assert.deepEqual(lines, ["EHLO mail.foobar.co.jp", "STARTTLS"]);
});

Deno.test("smarthost: a server that does not speak TLS after its 220 defers", async () => {
  const { outcome, alarms } = await deliver(async (peer) => {
    peer.send("220 peer\r\n");
    await peer.line();
    peer.send("250-peer\r\n250 STARTTLS\r\n");
    await peer.line();
    peer.send("220 go\r\n");
    await peer.skip();
    peer.send("500 What?\r\n");
    peer.end();
  }, { tls: "opportunistic" });
  assert.ok(outcome?.kind === "deferred" && outcome.cause === "tls");
  assert.match(alarms, /^smarthost-tls: /);
});

Deno.test("OpenSMTPD_64: a login that the smarthost refuses bounces nothing", async () => {
  for (const reply of ["535 5.7.8 Wrong\r\n", "454 4.7.0 Not now\r\n", "504 5.5.4 No such mechanism\r\n"]) {
    const service = serving({ ...STARTTLS, reply: (line) => line.startsWith("AUTH") ? reply : null });
    const { outcome, lines, alarms } = await deliver(service, { tls: "required", auth: AUTH });
    assert.deepEqual(outcome, { kind: "deferred", cause: "auth", reply: reply.trimEnd() });
    assert.ok(!lines.some((line) => line.startsWith("MAIL")));
    assert.equal(alarms.includes("smarthost-auth"), reply.startsWith("5"));
  }
});

Deno.test("smarthost: no text of the configuration's secret is in the log", async () => {
  const service = serving({
    ...STARTTLS,
    reply: (line) => line.startsWith("AUTH") ? `535 5.7.8 You sent ?\r\n` : null,
  });
  const { alarms } = await deliver(service, { tls: "required", auth: AUTH });
  assert.ok(!alarms.includes(AUTH.password) && !alarms.includes(PLAIN));
});
