import assert from "node:assert/strict";
import { crc32c } from "../src/lib/crc32c.ts";
import { concat, utf8 } from "../src/lib/octets.ts";
import { type ReadHeader, readProxyHeader } from "../src/lib/proxy_header.ts";
import type { ClientTls } from "../src/lib/proxy_tlvs.ts";
import { binaryHeader, SHOWN_TLS, tlsTlv, tlv } from "./lib/proxy_header.ts";
import { Random } from "./lib/random.ts";

const TLS = { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", commonName: "scanner 3" };

/** A header of this kind that takes all of the octets. */
function assertReads(octets: Uint8Array, header: Extract<ReadHeader, { kind: "header" }>["header"]): void {
  assert.deepEqual(readProxyHeader(octets), { kind: "header", header, octets: octets.length });
}

function client(address: string, tls: ClientTls | null = null) {
  return { kind: "client", address, tls } as const;
}

function assertBad(octets: Uint8Array | string, why: RegExp): void {
  const read = readProxyHeader(typeof octets === "string" ? utf8(octets) : octets);
  assert.equal(read.kind, "bad", typeof octets === "string" ? octets : "");
  assert.match(read.kind === "bad" ? read.why : "", why);
}

Deno.test("crc32c() agrees with RFC 3720 section B.4", () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e);
});

Deno.test("version 1: the client's address, in the form that the system has", () => {
  const cases = [
    ["TCP4 192.0.2.7 198.51.100.1 1000 587", "192.0.2.7"],
    ["TCP4 255.255.255.255 255.255.255.255 65535 65535", "255.255.255.255"],
    ["TCP6 2001:DB8:0:0::7 ::1 0 587", "2001:db8::7"],
    ["TCP6 2001:0db8:0000:0000:0000:0000:0000:0007 ::1 1 2", "2001:db8::7"],
    ["TCP6 ::ffff:192.0.2.7 ::1 1 2", "192.0.2.7"],
    ["TCP6 ::ffff:c000:207 ::1 1 2", "192.0.2.7"],
  ];
  for (const [words = "", address = ""] of cases) assertReads(utf8(`PROXY ${words}\r\n`), client(address));
});

Deno.test("version 1: UNKNOWN is a health check, whatever follows", () => {
  for (const rest of ["", " ", " ffff:f...f:ffff ffff:f...f:ffff 65535 65535", " \x00\xff"]) {
    assertReads(utf8(`PROXY UNKNOWN${rest}\r\n`), { kind: "health" });
  }
});

Deno.test("version 1: what is malformed is refused", () => {
  for (
    const words of [
      ...["", "TCP4", "TCP5 192.0.2.7 198.51.100.1 1 2", "tcp4 192.0.2.7 198.51.100.1 1 2", "UNKNOWNS"],
      ...["TCP4 192.0.2.7 198.51.100.1 1", "TCP4 192.0.2.7 198.51.100.1 1 2 3", "TCP4  192.0.2.7 198.51.100.1 1 2"],
      ...[
        "TCP4 192.0.2.7 198.51.100.1 1 65536",
        "TCP4 192.0.2.7 198.51.100.1 01 2",
        "TCP4 192.0.2.7 198.51.100.1 -1 2",
      ],
      ...["TCP4 192.0.2.256 198.51.100.1 1 2", "TCP4 192.0.2.07 198.51.100.1 1 2", "TCP4 192.0.2 198.51.100.1 1 2"],
      ...["TCP4 2001:db8::7 2001:db8::1 1 2", "TCP6 192.0.2.7 198.51.100.1 1 2", "TCP6 fe80::1%eth0 ::1 1 2"],
      ...["TCP4 192.0.2.7 198.51.100.1 1 2 ", "TCP4 192.0.2.7\t198.51.100.1 1 2", "TCP4 host.example 198.51.100.1 1 2"],
    ]
  ) assertBad(`PROXY ${words}\r\n`, /malformed/);
  assertBad("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n", /CRLF/);
  assertBad("PROXY \n", /CRLF/);
});

Deno.test("version 1: 107 octets are taken, one more is not, and nothing is waited for beyond", () => {
  const line = (length: number) => `PROXY UNKNOWN ${"x".repeat(length - 16)}\r\n`;
  assertReads(utf8(line(107)), { kind: "health" });
  assertBad(line(108), /longer than 107/);
  assertBad(line(108).slice(0, 107), /longer than 107/);
  assert.equal(readProxyHeader(utf8(line(107).slice(0, 106))).kind, "more");
});

Deno.test("version 2: addresses of each family", () => {
  assertReads(binaryHeader(), client("192.0.2.7"));
  const ipv6 = (source: readonly number[]) =>
    binaryHeader({ family: 0x21, addresses: [...source, ...new Array(16).fill(1), 0, 1, 0, 2] });
  assertReads(ipv6([0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), 7]), client("2001:db8::7"));
  assertReads(ipv6([...new Array(10).fill(0), 255, 255, 192, 0, 2, 7]), client("192.0.2.7"));
  assertReads(binaryHeader({ family: 0x31, addresses: new Array(216).fill(0) }), { kind: "nobody", family: "UNIX" });
  assertReads(binaryHeader({ family: 0x00, addresses: [] }), { kind: "nobody", family: "UNSPEC" });
});

Deno.test("version 2: LOCAL is a health check, and what follows it is passed over", () => {
  assertReads(binaryHeader({ command: 0x20, family: 0, addresses: [] }), { kind: "health" });
  assertReads(binaryHeader({ command: 0x20, family: 0x11 }), { kind: "health" });
  assertReads(binaryHeader({ command: 0x20, family: 0xff, addresses: [1, 2, 3] }), { kind: "health" });
});

Deno.test("version 2: the TLV of TLS tells of the client's, others are passed over", () => {
  const others = [tlv(0x04, new Uint8Array(7)), tlv(0x02, "mail.foobar.co.jp"), tlv(0xea, "\x01vpce-1"), tlv(0x05, "")];
  assertReads(binaryHeader({ tlvs: [...others, SHOWN_TLS], sum: true }), client("192.0.2.7", TLS));
  assertReads(binaryHeader({ tlvs: others }), client("192.0.2.7"));
  const parts = [tlv(0x21, "TLSv1.3"), tlv(0x23, "TLS_AES_256_GCM_SHA384"), tlv(0x22, "scanner 3")];
  const read = (one: Uint8Array) => binaryHeader({ tlvs: [one] });
  // No TLS, whatever stands there.
  assertReads(read(tlsTlv({ client: 0x06, parts })), client("192.0.2.7"));
  // No certificate, or one that the proxy did not find good.
  assertReads(read(tlsTlv({ parts })), client("192.0.2.7", { ...TLS, commonName: null }));
  assertReads(
    read(tlsTlv({ client: 0x03, verify: 1, parts })),
    client("192.0.2.7", { ...TLS, commonName: null }),
  );
  const said = (...parts: readonly Uint8Array[]) => {
    const found = readProxyHeader(read(tlsTlv({ client: 0x03, parts })));
    return found.kind === "header" && found.header.kind === "client" ? found.header.tls : null;
  };
  assert.deepEqual(said(), { version: "TLS", cipher: "", commonName: null });
  // Nothing that could begin a line or end a comment comes through.
  assert.deepEqual(said(tlv(0x21, "TLSv1.3)\r\nBcc: x"), tlv(0x23, "\0"), tlv(0x22, "a\r\nb")), {
    ...{ version: "TLS", cipher: "", commonName: "a??b" },
  });
});

Deno.test("version 2: what is malformed is refused", () => {
  assertBad(binaryHeader({ command: 0x22 }), /command/);
  assertBad(binaryHeader({ command: 0x11 }), /version/);
  for (const family of [0x10, 0x12, 0x22, 0x32, 0x41, 0xff]) assertBad(binaryHeader({ family }), /family/);
  assertBad(binaryHeader({ addresses: [192, 0, 2, 7] }), /cut short/);
  assertBad(binaryHeader({ family: 0x21 }), /cut short/);
  for (const one of [Uint8Array.of(4), Uint8Array.of(4, 0), Uint8Array.of(4, 0, 1), Uint8Array.of(4, 255, 255, 0)]) {
    assertBad(binaryHeader({ tlvs: [one] }), /TLVs are cut short/);
  }
  assertBad(binaryHeader({ tlvs: [tlv(0x20, Uint8Array.of(1, 0, 0, 0))] }), /TLS is cut short/);
  assertBad(binaryHeader({ tlvs: [tlsTlv({ parts: [Uint8Array.of(0x21, 0, 9)] })] }), /TLS is cut short/);
  assertBad(binaryHeader({ tlvs: [tlv(0x03, Uint8Array.of(1, 2, 3, 4))] }), /checksum/);
  assertBad(binaryHeader({ tlvs: [tlv(0x03, "")] }), /checksum/);
  const summed = binaryHeader({ tlvs: [SHOWN_TLS], sum: true });
  for (let at = 16; at < summed.length - 7; at += 5) {
    const changed = summed.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.equal(readProxyHeader(changed).kind, "bad", `octet ${at}`);
  }
});

Deno.test("version 2: 4,096 octets are taken, one more is refused before it is there", () => {
  const padded = (length: number) => binaryHeader({ tlvs: [tlv(0x04, new Uint8Array(length - 16 - 12 - 3))] });
  assertReads(padded(4096), client("192.0.2.7"));
  assertBad(padded(4097).subarray(0, 16), /longer than 4096/);
});

Deno.test("what begins otherwise is refused at its first wrong octet", () => {
  for (
    const text of [
      "EHLO client.example\r\n",
      "PROXX",
      "PR0",
      "\r\n\r\n\0\r\nQUIT\r",
      "\x16\x03\x01",
      "\r\n\r\n\r",
      "proxy ",
    ]
  ) {
    assertBad(text, /begins otherwise/);
  }
});

Deno.test("property: however a header is cut, it is more until it is there, then the same, and what follows is not touched", () => {
  const random = new Random(6);
  const headers = [
    utf8("PROXY TCP4 192.0.2.7 198.51.100.1 1000 587\r\n"),
    utf8("PROXY TCP6 2001:db8::7 2001:db8::1 1000 587\r\n"),
    utf8("PROXY UNKNOWN\r\n"),
    binaryHeader(),
    binaryHeader({ tlvs: [SHOWN_TLS, tlv(0x04, new Uint8Array(300))], sum: true }),
    binaryHeader({ command: 0x20, family: 0, addresses: [] }),
  ];
  for (const header of headers) {
    const whole = readProxyHeader(header);
    assert.equal(whole.kind, "header");
    for (let count = 0; count < header.length; count++) {
      assert.deepEqual(readProxyHeader(header.subarray(0, count)), { kind: "more" });
    }
    for (let round = 0; round < 50; round++) {
      assert.deepEqual(readProxyHeader(concat(header, random.octets(random.below(200)))), whole);
    }
  }
});

Deno.test("property: random octets, and headers with an octet changed, are read or refused; a refusal stays one", () => {
  const random = new Random(7);
  const good = [
    utf8("PROXY TCP4 192.0.2.7 198.51.100.1 1000 587\r\n"),
    utf8("PROXY TCP6 2001:db8::7 2001:db8::1 1000 587\r\n"),
    binaryHeader({ tlvs: [SHOWN_TLS], sum: true }),
    binaryHeader({ tlvs: [SHOWN_TLS, tlv(0x04, "")] }),
    binaryHeader({ family: 0x31, addresses: new Array(216).fill(0) }),
  ];
  for (let round = 0; round < 20_000; round++) {
    const octets = random.oneIn(4) ? random.octets(random.below(40)) : random.pick(good).slice();
    for (let change = random.below(3); change > 0 && octets.length > 0; change--) {
      octets[random.below(octets.length)] = random.below(256);
    }
    let refused = false;
    for (let count = 0; count <= octets.length; count += 1 + random.below(20)) {
      const read = readProxyHeader(octets.subarray(0, count));
      if (refused) assert.equal(read.kind, "bad");
      refused = read.kind === "bad";
      if (read.kind === "header") assert.ok(read.octets <= count);
    }
  }
});
