import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
// @ts-types="../../lib/dns_packet.d.ts"
import packet, { type Answer } from "dns-packet";
import fc from "fast-check";
import { addressForm, decodeResponse, encodeQuestion } from "../../../src/delivery/mx/dns_message.ts";
import { ownAddresses } from "../../../src/delivery/mx/own_addresses.ts";
import { createResolver, readNameServers } from "../../../src/delivery/mx/resolver.ts";
import { startDns } from "../../lib/dns_server.ts";

const { signal } = new AbortController();

Deno.test("resolver: a name that does not exist, one without such records, and a server at fault are three things", async () => {
  await using dns = await startDns({
    "there.test": { addresses: ["192.0.2.1"] },
    "broken.test": { rcode: "SERVFAIL" },
  });
  const resolver = createResolver([{ host: "127.0.0.1", port: dns.port }]);
  assert.deepEqual(await resolver.mx("There.test", signal), { ok: true, value: [] });
  const missing = await resolver.mx("missing.test", signal);
  assert.ok(!missing.ok && missing.problem.kind === "no-domain");
  const broken = await resolver.mx("broken.test", signal);
  assert.ok(!broken.ok && broken.problem.kind === "unavailable");
  assert.equal(broken.problem.why, "MX of broken.test cannot be looked up: 127.0.0.1: SERVFAIL");
  // No search domain, and no second name, is ever tried.
  assert.deepEqual([...new Set(dns.questions)], ["there.test MX", "missing.test MX", "broken.test MX"]);
});

Deno.test("resolver: a server at fault or silent leads to the next one", async () => {
  await using broken = await startDns({ "example.net": { rcode: "REFUSED" } });
  await using silent = await startDns({ "example.net": { silent: true } });
  await using good = await startDns({ "example.net": { mx: [[10, "mx.example.net"]] } });
  const servers = [broken, silent, good].map(({ port }) => ({ host: "127.0.0.1", port }));
  const records = await createResolver(servers).mx("example.net", signal);
  assert.deepEqual(records, { ok: true, value: [{ preference: 10, exchange: "mx.example.net" }] });
});

Deno.test("resolver: an answer that is cut short is asked for over TCP", async () => {
  const mx = Array.from({ length: 60 }, (_, at) => [at, `host${at}.with-a-long-name.example.net`] as const);
  await using dns = await startDns({ "example.net": { mx, long: true } });
  const records = await createResolver([{ host: "127.0.0.1", port: dns.port }]).mx("example.net", signal);
  assert.ok(records.ok);
  assert.deepEqual(records.value.map(({ preference, exchange }) => [preference, exchange]), mx);
  assert.deepEqual(dns.questions, ["example.net MX", "example.net MX tcp"]);
});

Deno.test("resolver: aliases are followed, also from answer to answer, and a circle of them has an end", async () => {
  await using dns = await startDns({
    "a.test": { cname: "b.test" },
    "b.test": { cname: "c.test" },
    "c.test": { txt: ["x".repeat(450)], addresses: ["192.0.2.1", "2001:db8::1"] },
    "dangling.test": { cname: "missing.test" },
    "one.test": { cname: "two.test" },
    "two.test": { cname: "three.test" },
    "three.test": { cname: "one.test" },
  });
  const resolver = createResolver([{ host: "127.0.0.1", port: dns.port }]);
  assert.deepEqual(await resolver.txt("a.test", signal), { ok: true, value: ["x".repeat(450)] });
  assert.deepEqual(await resolver.addresses("a.test", 6, signal), { ok: true, value: ["2001:db8::1"] });
  const dangling = await resolver.addresses("dangling.test", 4, signal);
  assert.ok(!dangling.ok && dangling.problem.kind === "no-domain");
  for (const name of ["one.test", "two.test"]) {
    const circle = await resolver.mx(name, signal);
    assert.ok(!circle.ok && circle.problem.kind === "unavailable");
  }
});

Deno.test("resolver: aborting ends a wait", async () => {
  await using dns = await startDns({ "example.net": { silent: true } });
  const stop = new AbortController();
  const waiting = createResolver([{ host: "127.0.0.1", port: dns.port }]).mx("example.net", stop.signal);
  while (dns.questions.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort();
  const records = await waiting;
  assert.ok(!records.ok && records.problem.kind === "unavailable");
  assert.equal(dns.questions.length, 1);
});

Deno.test("readNameServers: resolv.conf, with what is no address left out", () => {
  const text =
    "# nameserver 192.0.2.9\nsearch example.net\nnameserver 192.0.2.53\n nameserver fe80::1%eth0 # here\nnameserver dns.test\n";
  assert.deepEqual(readNameServers(text).map(({ host }) => host), ["192.0.2.53", "fe80::1%eth0"]);
  assert.deepEqual(readNameServers(""), [{ host: "127.0.0.1", port: 53 }]);
});

Deno.test("decodeResponse: no octets make it throw or run on, and none but the answer to the question is taken", () => {
  const question = { id: 7, name: "example.net", type: "MX" } as const;
  const answers: Answer[] = [
    { name: "example.net", type: "MX", ttl: 1, data: { preference: 5, exchange: "mx.example.net" } },
    { name: "example.net", type: "TXT", ttl: 1, data: ["a", "b"] },
  ];
  const encode = (id: number, name: string, type: "MX" | "TXT") =>
    new Uint8Array(packet.encode({ type: "response", id, questions: [{ name, type }], answers }));
  const right = encode(7, "example.net", "MX");
  assert.deepEqual(decodeResponse(right, question)?.answers[0], {
    type: "MX",
    owner: "example.net",
    preference: 5,
    exchange: "mx.example.net",
  });
  for (
    const other of [encode(8, "example.net", "MX"), encode(7, "example.org", "MX"), encode(7, "example.net", "TXT")]
  ) {
    assert.equal(decodeResponse(other, question), null);
  }
  for (let length = 0; length < right.length; length++) {
    assert.equal(decodeResponse(right.subarray(0, length), question), null);
  }
  const damaged = fc.array(fc.tuple(fc.nat(right.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(damaged, (changes) => {
      const octets = right.slice();
      for (const [at, octet] of changes) octets[at] = octet;
      decodeResponse(octets, question);
    }),
    { numRuns: 2_000 },
  );
  // A pointer to itself in every place.
  const loop = encode(7, "example.net", "MX");
  for (let at = 12; at < loop.length - 1; at++) {
    const octets = loop.slice();
    octets.set([0xc0 | at >> 8, at & 0xff], at);
    decodeResponse(octets, question);
  }
});

Deno.test("encodeQuestion: another library reads it", () => {
  const octets = encodeQuestion({ id: 513, name: "_mta-sts.xn--eckwd4c7c.example", type: "TXT" });
  assert.ok(octets !== null);
  const { id, flags, questions } = packet.decode(Buffer.from(octets));
  assert.deepEqual([id, flags], [513, packet.RECURSION_DESIRED]);
  assert.deepEqual(questions, [{ name: "_mta-sts.xn--eckwd4c7c.example", type: "TXT", class: "IN" }]);
  for (const name of ["", "a..b", "a b.test", `${"x".repeat(64)}.test`, `${"x.".repeat(130)}test`, "日本.test"]) {
    assert.equal(encodeQuestion({ id: 1, name, type: "MX" }), null, name);
  }
});

Deno.test("ownAddresses: what a listener at port 25 takes", () => {
  const local = () => ["192.0.2.2", "fe80::1"];
  const any = ownAddresses([{ host: "::", port: 25 }], local);
  for (const address of ["192.0.2.2", "127.0.0.1", "::1", "FE80:0::1"]) assert.ok(any(address), address);
  assert.ok(!any("192.0.2.3"));
  const one = ownAddresses([{ host: "192.0.2.2", port: 25 }, { host: "::", port: 587 }], local);
  assert.deepEqual(["192.0.2.2", "127.0.0.1", "fe80::1"].map(one), [true, false, false]);
  assert.equal(addressForm("2001:DB8:0:0::1%eth0"), "2001:db8::1");
});
