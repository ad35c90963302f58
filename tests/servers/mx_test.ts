import assert from "node:assert/strict";
import { join } from "node:path";
import { ownAddress, startDns } from "../lib/dns_server.ts";
import { mailsIn } from "../lib/maildir.ts";
import {
  type LoggedEvent,
  makeSite,
  type RunningProgram,
  runProgram,
  type Site,
  startProgram,
} from "../lib/program.ts";
import { serveMail, startPeer } from "../lib/scripted_peer.ts";
import { converse } from "../lib/submission.ts";
import { makeCertificate } from "./certificate.ts";
import { makeFolder, requirePrograms } from "./lib.ts";
import { POSTFIX_PROGRAMS, startPostfix } from "./postfix.ts";

const test = requirePrograms([...POSTFIX_PROGRAMS, "openssl"]);

function siteFor(folder: string, { dnsPort, retry = "1h" }: { readonly dnsPort: number; readonly retry?: string }) {
  return makeSite(folder, {
    more: `[delivery]\ndefault = "mx"\nretry = ["${retry}"]\n[delivery.mx]\nresolvers = ["127.0.0.1:${dnsPort}"]`,
  });
}

async function send(server: RunningProgram, site: Site, to: string, from = "shin@baz.co.jp"): Promise<void> {
  using client = await converse(server, site);
  assert.match(await client.command(`MAIL FROM:<${from}> SMTPUTF8`), /^250/);
  assert.match(await client.command(`RCPT TO:<${to}>`), /^250/);
  assert.match(await client.command("DATA"), /^354/);
  await client.write(new TextEncoder().encode(`From: <${from}>\r\nSubject: to ${domainOf(to)}\r\n\r\nHello\r\n.\r\n`));
  assert.match(await client.reply(), /^250/);
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1).replace(/[^a-z.]/g, "");
}

function deliveryOf(recipient: string, outcome: string): (event: LoggedEvent) => boolean {
  return (event) => event.kind === "delivery" && event["recipient"] === recipient && event["outcome"] === outcome;
}

test("serve delivers to a real Postfix by MX with STARTTLS, also for an internationalized domain, and gives back what has no domain", async () => {
  await using folder = await makeFolder();
  const address = ownAddress();
  await using postfix = await startPostfix({
    services: [{ name: "mx", mechanisms: [], tls: "starttls", address: { host: address, port: 25 } }],
    certificate: await makeCertificate(folder.path, { names: ["mx.example.net"] }),
  });
  await using dns = await startDns({
    "example.net": { mx: [[10, "mx.example.net"]] },
    "mx.example.net": { addresses: [address] },
    "xn--wgv71a119e.example": { mx: [[10, "mx.example.net"]] },
    "null.example": { mx: [[0, "."]] },
  });
  const site = await siteFor(folder.path, { dnsPort: dns.port });
  await using server = await startProgram(site);
  await send(server, site, "friend@example.net");
  await send(server, site, "friend@日本語.example");
  await send(server, site, "friend@missing.example");
  await send(server, site, "friend@null.example");
  const mails = (await postfix.mails(2)).map((octets) => new TextDecoder().decode(octets));
  assert.deepEqual(mails.map((mail) => /^Subject: (.*)$/m.exec(mail)?.[1]).toSorted(), [
    "to .example",
    "to example.net",
  ]);
  for (const mail of mails) assert.match(mail, /^\tby smarthost\.example\.net \(Postfix\) with ESMTPS id/m);
  const [missing] = await server.events(1, deliveryOf("friend@missing.example", "failed"));
  assert.match(String(missing?.["reply"]), /^550 5\.1\.2 The domain missing\.example does not exist/);
  const [none] = await server.events(1, deliveryOf("friend@null.example", "failed"));
  assert.match(String(none?.["reply"]), /^556 5\.1\.10 /);
  await server.events(2, (event) => event.kind === "delivery" && event["route"] === "maildir");
  assert.ok(dns.questions.includes("xn--wgv71a119e.example MX"));
});

test("serve keeps a mail while all hosts of its domain are down, and delivers it when one is up", async () => {
  await using folder = await makeFolder();
  const addresses = [ownAddress(), ownAddress()];
  await using dns = await startDns({
    "example.net": { mx: [[10, "a.example.net"], [20, "b.example.net"]] },
    "a.example.net": { addresses: addresses.slice(0, 1) },
    "b.example.net": { addresses: addresses.slice(1) },
  });
  const site = await siteFor(folder.path, { dnsPort: dns.port });
  await using server = await startProgram(site);
  await send(server, site, "friend@example.net");
  const [waiting] = await server.events(1, deliveryOf("friend@example.net", "deferred"));
  assert.match(String(waiting?.["reply"]), /^451 4\.4\.1 Cannot connect to b\.example\.net\[/);
  await using _peer = await startPeer((peer) => serveMail(peer), { host: addresses[1] ?? "", port: 25 });
  const retried = await runProgram(["queue", "retry", "--config", site.config]);
  assert.equal(retried.code, 0, retried.output);
  await server.events(1, deliveryOf("friend@example.net", "relayed"));
});

test("serve with a short timetable tries all hosts again by itself", async () => {
  await using folder = await makeFolder();
  const address = ownAddress();
  await using dns = await startDns({ "example.net": { rcode: "SERVFAIL" } });
  const site = await siteFor(folder.path, { dnsPort: dns.port, retry: "1s" });
  await using server = await startProgram(site);
  await send(server, site, "friend@example.net");
  await server.events(1, deliveryOf("friend@example.net", "deferred"));
  await using _peer = await startPeer((peer) => serveMail(peer), { host: address, port: 25 });
  dns.zone.set("example.net", { addresses: [address] });
  await server.events(1, deliveryOf("friend@example.net", "relayed"));
});

Deno.test("what a host of the domain refuses is told with the host's name: log and report", async () => {
  await using folder = await makeFolder();
  const [gone, address] = [ownAddress(), ownAddress()];
  await using dns = await startDns({
    "example.net": { mx: [[10, "a.example.net"], [20, "b.example.net"]] },
    "a.example.net": { addresses: [gone] },
    "b.example.net": { addresses: [address] },
  });
  const reply = (line: string) => line.startsWith("RCPT") ? "550 5.1.1 Nobody of this name\r\n" : null;
  await using _peer = await startPeer((peer) => serveMail(peer, { reply }), { host: address, port: 25 });
  const site = await siteFor(folder.path, { dnsPort: dns.port });
  await using server = await startProgram(site);
  await send(server, site, "friend@example.net");
  const [failed] = await server.events(1, deliveryOf("friend@example.net", "failed"));
  assert.equal(failed?.["host"], "b.example.net");
  await server.events(1, deliveryOf("shin@baz.co.jp", "delivered"));
  const [report] = await mailsIn(join(site.mail, "shin"));
  assert.match(new TextDecoder().decode(report), /^Status: 5\.1\.1\r\nRemote-MTA: dns; b\.example\.net\r$/m);
});
