import assert from "node:assert/strict";
import { sameDomain, toAscii } from "../src/lib/domain.ts";
import { canonicalAddress, hostOf, isLoopback, isNetwork, networkOf, networkSet } from "../src/lib/network.ts";
import { equalConstantTime } from "../src/lib/constant_time.ts";
import { concat, decodeBase64, decodeUtf8, encodeLatin1, latin1, utf8 } from "../src/lib/octets.ts";
import { asciiLower, hasControl, printable } from "../src/lib/text.ts";

Deno.test("networks of addresses", () => {
  const cases = [
    ["192.0.2.7", "192.0.2.0/24", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.0/24", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1::/48", "2001:db8:1:2::/64"],
    ["2001:DB8::1", "2001:db8:0::/48", "2001:db8:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0::/48", "fe80:0:0:0::/64"],
    ["::1", "0:0:0::/48", "0:0:0:0::/64"],
    ["local", "local", "local"],
  ];
  for (const [address = "", network, host] of cases) {
    assert.equal(networkOf(address), network, address);
    assert.equal(hostOf(address), host, address);
  }
});

Deno.test("networkSet() knows IPv4, IPv6 and mapped addresses, and refuses what is none", () => {
  const set = networkSet(["192.0.2.0/24", "2001:db8::/32", "198.51.100.9"]);
  for (const inside of ["192.0.2.255", "::ffff:192.0.2.1", "2001:db8:ffff::1", "198.51.100.9"]) {
    assert.ok(set.has(inside), inside);
  }
  for (const outside of ["192.0.3.0", "2001:db9::1", "198.51.100.8", "local", ""]) {
    assert.ok(!set.has(outside), outside);
  }
  assert.ok(!networkSet([]).has("127.0.0.1"));
  for (
    const bad of ["192.0.2.0/33", "2001:db8::/129", "192.0.2", "010.0.0.1", "a/8", "10.0.0.0/8/8", "10.0.0.0/", ""]
  ) {
    assert.ok(!isNetwork(bad), bad);
    assert.throws(() => networkSet([bad]), RangeError);
  }
});

Deno.test("loopback and canonical addresses", () => {
  for (const address of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) assert.ok(isLoopback(address), address);
  for (const address of ["128.0.0.1", "::2", "127.example", "localhost"]) assert.ok(!isLoopback(address), address);
  assert.equal(canonicalAddress("::FFFF:10.1.2.3"), "10.1.2.3");
});

Deno.test("octets: strict decoding, joining, comparing", () => {
  assert.deepEqual(decodeBase64("YQ=="), utf8("a"));
  for (const bad of ["YQ", "YQ=", "YR==", "Y Q==", "YQ==\n", "=", "YQ==YQ==", "YQ-_"]) {
    assert.equal(decodeBase64(bad), null, bad);
  }
  assert.deepEqual(decodeBase64(""), new Uint8Array());
  assert.equal(decodeUtf8(new Uint8Array([0xc0, 0x80])), null);
  assert.equal(decodeUtf8(utf8("\ufeffé")), "\ufeffé");
  const all = Uint8Array.from({ length: 20_000 }, (_, at) => at % 256);
  assert.deepEqual(encodeLatin1(latin1(all)), all);
  assert.equal(encodeLatin1("ひ"), null);
  assert.deepEqual(concat(utf8("a"), new Uint8Array(), utf8("bc")), utf8("abc"));
  assert.ok(equalConstantTime(utf8("abc"), utf8("abc")));
  assert.ok(!equalConstantTime(utf8("abc"), utf8("abd")) && !equalConstantTime(utf8("abc"), utf8("ab")));
});

Deno.test("domains in one form", () => {
  assert.equal(toAscii("Example.JP"), "example.jp");
  assert.equal(toAscii("例え.jp"), "xn--r8jz45g.jp");
  for (const bad of ["", ".", "a.", "a..b", "-a.b", "a-.b", "a_b.c", "a b", `${"a".repeat(64)}.b`, "xn--\u0000"]) {
    assert.equal(toAscii(bad), null, bad);
  }
  assert.ok(sameDomain("例え.JP", "XN--R8JZ45G.jp") && !sameDomain("a.b", "a.c") && !sameDomain("a..b", "a..b"));
});

Deno.test("text from outside is made fit for a line", () => {
  assert.equal(printable("a\r\nb\u2028c\x9b"), "a??b?c?");
  assert.equal(printable("x".repeat(300)).length, 203);
  assert.ok(hasControl("\x7f") && !hasControl("ひ é"));
  assert.equal(asciiLower("ÄBC"), "Äbc");
});
