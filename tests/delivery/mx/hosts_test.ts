import assert from "node:assert/strict";
import fc from "fast-check";
import { chooseHosts, literalAddress } from "../../../src/delivery/mx/hosts.ts";

const OPTIONS = { domain: "example.net", hostname: "mail.foobar.co.jp", random: () => 0 };

Deno.test("chooseHosts: by preference, names once, addresses and the root left out", () => {
  const records = [
    { preference: 20, exchange: "c.test" },
    { preference: 10, exchange: "a.test" },
    { preference: 10, exchange: "b.test" },
    { preference: 30, exchange: "a.test" },
    { preference: 5, exchange: "192.0.2.1" },
    { preference: 0, exchange: "" },
  ];
  assert.deepEqual(chooseHosts(records, OPTIONS), { kind: "hosts", groups: [["a.test", "b.test"], ["c.test"]] });
  assert.deepEqual(chooseHosts(records, { ...OPTIONS, random: () => 0.99 }), {
    kind: "hosts",
    groups: [["b.test", "a.test"], ["c.test"]],
  });
});

Deno.test("chooseHosts: the domain itself without records, and nothing with a null MX", () => {
  assert.deepEqual(chooseHosts([], OPTIONS), { kind: "hosts", groups: [["example.net"]] });
  assert.deepEqual(chooseHosts([{ preference: 0, exchange: "" }], OPTIONS), { kind: "null-mx" });
  assert.deepEqual(chooseHosts([{ preference: 0, exchange: "10.0.0.1" }], OPTIONS), { kind: "unusable" });
});

Deno.test("chooseHosts: any list keeps the order of preferences, at most ten hosts, none at or behind ourselves", () => {
  const exchange = fc.constantFrom("mail.foobar.co.jp", "", ...Array.from({ length: 14 }, (_, at) => `h${at}.test`));
  const list = fc.array(fc.record({ preference: fc.nat(6), exchange }), { maxLength: 30 });
  fc.assert(fc.property(list, fc.integer({ min: 0, max: 99 }), (records, chance) => {
    const choice = chooseHosts(records, { ...OPTIONS, random: () => chance / 100 });
    if (choice.kind !== "hosts" || records.length === 0) return;
    const hosts = choice.groups.flat();
    assert.ok(hosts.length > 0 && hosts.length <= 10 && new Set(hosts).size === hosts.length);
    const best = (host: string) =>
      Math.min(...records.filter((each) => each.exchange === host).map((each) => each.preference));
    const preferences = hosts.map(best);
    assert.deepEqual(preferences, preferences.toSorted((a, b) => a - b));
    assert.ok(preferences.every((preference) => preference < best("mail.foobar.co.jp")));
  }));
});

Deno.test("literalAddress: IPv4 and IPv6 of RFC 5321, and nothing else", () => {
  assert.equal(literalAddress("[192.0.2.1]"), "192.0.2.1");
  assert.equal(literalAddress("[IPv6:2001:DB8::1]"), "2001:db8::1");
  for (
    const text of ["192.0.2.1", "[2001:db8::1]", "[IPv6:192.0.2.1]", "[example.net]", "[300.0.2.1]", "[tag:content]"]
  ) {
    assert.equal(literalAddress(text), null, text);
  }
});
