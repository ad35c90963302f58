import assert from "node:assert/strict";
import { type DnsServer, ownAddress, type Records, startDns } from "../../lib/dns_server.ts";
import { serveMail, startPeer } from "../../lib/scripted_peer.ts";
import { makeFolder } from "../../servers/lib.ts";
import { certify, deliverTo, startHost } from "./lib.ts";

const NOBODY = "127.255.255.254";

Deno.test("mx: the host of the lowest preference gets the mail, without AUTH, and the others are not asked", async () => {
  await using best = await startHost({ offers: ["AUTH PLAIN LOGIN"] });
  await using second = await startHost();
  await using dns = await startDns({
    "example.net": { mx: [[20, "second.example.net"], [5, "best.example.net"]] },
    "best.example.net": { addresses: [best.address] },
    "second.example.net": { addresses: [second.address] },
  });
  const { outcome } = await deliverTo("example.net", dns);
  assert.deepEqual(outcome, { kind: "relayed", reply: "250 2.0.0 Queued as X1", host: "best.example.net" });
  assert.deepEqual(best.lines.slice(0, 2), ["EHLO mail.foobar.co.jp", "MAIL FROM:<shin@baz.co.jp>"]);
  assert.equal(second.conversations, 0);
});

Deno.test("mx: a host that is not there, or greets with 4xx or 5xx, or cuts, leads to the next one", async () => {
  await using busy = await startHost({ greeting: "421 4.3.2 Too busy\r\n" });
  await using never = await startHost({ greeting: "554 5.7.1 Not you\r\n" });
  await using odd = await startHost({ reply: (line) => line.startsWith("EHLO") ? "This is no SMTP\r\n" : null });
  await using good = await startHost();
  await using dns = await startDns({
    "example.net": { mx: [[1, "gone.test"], [2, "busy.test"], [3, "never.test"], [4, "odd.test"], [5, "good.test"]] },
    "gone.test": { addresses: [NOBODY] },
    "busy.test": { addresses: [busy.address] },
    "never.test": { addresses: [never.address] },
    "odd.test": { addresses: [odd.address] },
    "good.test": { addresses: [good.address] },
  });
  const { outcome, warnings } = await deliverTo("example.net", dns);
  assert.equal(outcome?.kind, "relayed");
  assert.deepEqual([busy.conversations, never.conversations, odd.conversations, good.conversations], [1, 1, 1, 1]);
  assert.equal(outcome?.host, "good.test");
  await good[Symbol.asyncDispose]();
  dns.zone.set("example.net", { mx: [[1, "busy.test"], [2, "never.test"]] });
  const { outcome: refused } = await deliverTo("example.net", dns);
  assert.deepEqual([refused?.kind, refused?.host], ["deferred", "never.test"]);
  assert.match(warnings.join("\n"), /mx-network: example\.net: Cannot connect to gone\.test\[127\.255\.255\.254\]:25/);
});

Deno.test("mx: what a host says to MAIL, RCPT or DATA holds, and no other host is asked", async () => {
  for (
    const [verb, reply] of [["MAIL", "451 4.7.1 Later"], ["RCPT", "550 5.1.1 Nobody"], [
      "DATA",
      "554 5.7.0 No",
    ]] as const
  ) {
    await using first = await startHost({ reply: (line) => line.startsWith(verb) ? `${reply}\r\n` : null });
    await using second = await startHost();
    await using dns = await startDns({
      "example.net": { mx: [[1, "first.test"], [2, "second.test"]] },
      "first.test": { addresses: [first.address] },
      "second.test": { addresses: [second.address] },
    });
    const { outcome } = await deliverTo("example.net", dns);
    assert.equal(outcome?.reply, reply);
    assert.equal(outcome?.host, "first.test");
    assert.equal(second.conversations, 0);
  }
});

Deno.test("mx: hosts of one preference share the mail", async () => {
  await using left = await startHost();
  await using right = await startHost();
  await using dns = await startDns({
    "example.net": { mx: [[10, "left.test"], [10, "right.test"]] },
    "left.test": { addresses: [left.address] },
    "right.test": { addresses: [right.address] },
  });
  // Once in 2^39 one of them gets none.
  for (let mail = 0; mail < 40; mail++) assert.equal((await deliverTo("example.net", dns)).outcome?.kind, "relayed");
  assert.ok(left.conversations > 0 && right.conversations > 0);
  assert.equal(left.conversations + right.conversations, 40);
});

Deno.test("mx: without MX records the domain itself is the host, also behind an alias", async () => {
  await using host = await startHost();
  await using dns = await startDns({
    "example.net": { addresses: [host.address] },
    "alias.example.net": { cname: "example.net" },
    "mail-alias.example.net": { cname: "elsewhere.test" },
    "elsewhere.test": { mx: [[10, "www.elsewhere.test"]] },
    "www.elsewhere.test": { cname: "host.elsewhere.test" },
    "host.elsewhere.test": { addresses: [host.address] },
  });
  for (const domain of ["example.net", "alias.example.net", "mail-alias.example.net"]) {
    assert.equal((await deliverTo(domain, dns)).outcome?.kind, "relayed");
  }
  assert.equal(host.conversations, 3);
});

Deno.test("mx: what the DNS says outright is final, and what it cannot say now is not", async () => {
  await using dns = await startDns({
    "null.test": { mx: [[0, "."]], addresses: [NOBODY] },
    "empty.test": { txt: ["nothing here"] },
    "nameless.test": { mx: [[10, "192.0.2.1"]] },
    "dangling.test": { mx: [[10, "not.there.test"]] },
    "ours.test": { mx: [[10, "mail.foobar.co.jp"], [20, "backup.test"]] },
    "backup.test": { addresses: [NOBODY] },
    "broken.test": { rcode: "SERVFAIL" },
    "refused.test": { rcode: "REFUSED" },
    "half.test": { mx: [[10, "broken.test"]] },
  });
  const reply = async (domain: string) => (await deliverTo(domain, dns)).outcome?.reply;
  assert.equal(await reply("null.test"), "556 5.1.10 null.test takes no mail (RFC 7505)");
  assert.equal(await reply("missing.test"), "550 5.1.2 The domain missing.test does not exist");
  assert.equal(
    await reply("empty.test"),
    "550 5.4.4 No host of empty.test has an address that can be reached from here",
  );
  assert.equal(await reply("nameless.test"), "550 5.4.4 The MX records of nameless.test name no host");
  assert.equal(
    await reply("dangling.test"),
    "550 5.4.4 No host of dangling.test has an address that can be reached from here",
  );
  assert.equal(
    await reply("ours.test"),
    "554 5.4.6 Mail for ours.test would come back to this server, which does not keep it",
  );
  for (const domain of ["broken.test", "refused.test", "half.test"]) {
    assert.deepEqual((await deliverTo(domain, dns)).outcome, {
      kind: "deferred",
      cause: "network",
      reply: `451 4.4.3 ${domain} cannot be looked up now`,
    });
  }
});

Deno.test("mx: our own host in the list, by name or by address, cuts it there", async () => {
  await using before = await startHost({ greeting: "421 4.3.2 Busy\r\n" });
  await using ours = await startHost();
  await using behind = await startHost();
  const hosts: Record<string, Records> = {
    "before.test": { addresses: [before.address] },
    "ours.test": { addresses: [ours.address] },
    "equal.test": { addresses: [behind.address] },
    "behind.test": { addresses: [behind.address] },
  };
  const list = (own: string) => ({
    mx: [[1, "before.test"], [2, own], [2, "equal.test"], [3, "behind.test"]] as const,
  });
  await using dns = await startDns({ ...hosts, "a.test": list("mail.foobar.co.jp"), "b.test": list("ours.test") });
  const isOurs = (address: string) => address === ours.address;
  for (const domain of ["a.test", "b.test"]) {
    assert.equal((await deliverTo(domain, dns, { isOurs })).outcome?.reply, "421 4.3.2 Busy");
  }
  assert.deepEqual([before.conversations, ours.conversations, behind.conversations], [2, 0, 0]);
});

Deno.test("mx: an address literal needs no name server", async () => {
  await using host = await startHost();
  await using dns = await startDns({});
  const { outcome } = await deliverTo(`[${host.address}]`, dns, { mtaSts: true });
  assert.deepEqual([outcome?.kind, outcome?.host], ["relayed", `[${host.address}]`]);
  assert.deepEqual(dns.questions, []);
});

Deno.test("mx: IPv6 comes first, and IPv4 where that leads nowhere", async () => {
  const address = ownAddress();
  await using four = await startHost({}, address);
  await using dns = await startDns({
    // RFC 3849: nobody has it.
    "example.net": { addresses: [address, "2001:db8::25"] },
  });
  const { outcome, warnings } = await deliverTo("example.net", dns);
  assert.equal(outcome?.kind, "relayed");
  assert.match(warnings.join("\n"), /Cannot connect to example\.net\[2001:db8::25\]:25/);
  assert.equal(four.conversations, 1);
});

Deno.test("mx: only the source addresses given are used", async () => {
  const address = ownAddress();
  const source = ownAddress();
  const seen: string[] = [];
  using listener = Deno.listen({ hostname: address, port: 25 });
  const accepting = (async () => {
    for await (const connection of listener) {
      seen.push(connection.remoteAddr.hostname);
      connection.close();
    }
  })();
  await using dns = await startDns({ "example.net": { addresses: [address, "2001:db8::25"] } });
  const { outcome, warnings } = await deliverTo("example.net", dns, { sourceAddresses: [source] });
  assert.equal(outcome?.kind, "deferred");
  assert.deepEqual(seen, [source]);
  assert.ok(!warnings.join("\n").includes("2001:db8::25"));
  listener.close();
  await accepting;
});

Deno.test("mx: TLS is taken as it is, and where the handshake fails or is refused the mail goes in the clear", async () => {
  const strange = await certify(["other.test"], { daysAgo: 60 });
  const at = async (service: Parameters<typeof startHost>[0]) => {
    await using host = await startHost(service);
    await using dns = await startDns({ "example.net": { addresses: [host.address] } });
    const { outcome, warnings } = await deliverTo("example.net", dns);
    assert.equal(outcome?.kind, "relayed");
    return { lines: [...host.lines], conversations: host.conversations, warnings: warnings.join("\n") };
  };
  const STARTTLS = { offers: ["STARTTLS"], secureOffers: ["SIZE"] };
  const secure = await at({ ...STARTTLS, secureContext: strange.context });
  assert.match(secure.lines[3] ?? "", /^MAIL FROM:<shin@baz\.co\.jp> SIZE=/);
  const refusing = await at({ ...STARTTLS, reply: (line) => line === "STARTTLS" ? "454 4.7.0 Not now\r\n" : null });
  assert.equal(refusing.conversations, 1);
});

Deno.test("mx: a host that says 220 to STARTTLS and cannot do it gets the mail in the clear, which is logged", async () => {
  const address = ownAddress();
  await using peer = await startPeer(async (conversation) => {
    if (conversation.number > 1) return await serveMail(conversation, { offers: ["STARTTLS"] });
    for (const line of ["220 peer.test\r\n", "250-peer.test\r\n250 STARTTLS\r\n", "220 2.0.0 Go ahead\r\n"]) {
      conversation.send(line);
      await (line.startsWith("220 2") ? conversation.skip() : conversation.line());
    }
    conversation.send("454 4.7.0 TLS not available due to local problem\r\n");
  }, { host: address, port: 25 });
  await using dns = await startDns({ "example.net": { addresses: [address] } });
  const { outcome, warnings } = await deliverTo("example.net", dns);
  assert.equal(outcome?.kind, "relayed");
  assert.equal(peer.conversations, 2);
  assert.deepEqual(peer.lines.slice(0, 4).map((line) => line.split(" ")[0]), ["EHLO", "STARTTLS", "EHLO", "MAIL"]);
  assert.match(warnings.join("\n"), /^mx-tls: example\.net: .*TLS/m);
});

Deno.test("mx: a policy that cannot be looked for changes nothing", async () => {
  await using folder = await makeFolder();
  await using host = await startHost();
  const dnsOf = (records: Records): Promise<DnsServer> =>
    startDns({ "example.net": { addresses: [host.address] }, "_mta-sts.example.net": records });
  for (const records of [{ rcode: "SERVFAIL" }, { txt: ["v=STSv1; id=1;"] }, { txt: ["v=spf1 -all"] }] as const) {
    await using dns = await dnsOf(records);
    const { outcome } = await deliverTo("example.net", dns, { mtaSts: true, stsFolder: folder.path });
    assert.equal(outcome?.kind, "relayed");
  }
});
