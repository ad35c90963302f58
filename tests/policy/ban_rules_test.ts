import { equal } from "node:assert/strict";
import { parseNetwork } from "../../src/lib/network_table.ts";
import { BanCounts } from "../../src/policy/ban_counts.ts";
import { objectionTo } from "../../src/policy/ban_rules.ts";

const CASES: readonly (readonly [string, string | null])[] = [
  ["192.0.2.7", null],
  ["192.0.2.0/24", null],
  ["2001:db8::/32", null],
  ["0.0.0.0/0", "too-wide"],
  ["::/0", "too-wide"],
  ["::ffff:0.0.0.0/96", "too-wide"],
  ["127.0.0.1", "loopback"],
  ["127.3.0.0/16", "loopback"],
  ["::1", "loopback"],
  ["::/16", "loopback"],
  ["203.0.113.9", "exempt"],
  ["203.0.0.0/16", "exempt"],
  ["198.51.100.0/24", "yourself"],
];

Deno.test("what would lock out everybody, this machine, an exempt network or oneself is told", () => {
  for (const [text, expected] of CASES) {
    const network = parseNetwork(text);
    if (network === null) throw new TypeError(text);
    equal(objectionTo(network, { exempt: ["203.0.113.0/24"], own: "198.51.100.7" }), expected, text);
  }
});

Deno.test("what is no network", () => {
  for (
    const text of [
      "",
      "192.0.2",
      "192.0.2.0/33",
      "192.0.2.0/",
      "2001:db8::/129",
      "::ffff:192.0.2.1/95",
      "a/8",
      "192.0.2.0/24/1",
    ]
  ) {
    equal(parseNetwork(text), null, text);
  }
});

Deno.test("an address is due after so many failures within an hour, a network after so many delays", () => {
  const counts = new BanCounts();
  const rules = { failuresPerHour: 3, afterDelays: 2 };
  const fail = (remote: string, now: number) => counts.note({ remote, what: "failure" }, rules, now)?.network ?? null;
  equal(fail("192.0.2.7", 0), null);
  equal(fail("192.0.2.8", 1), null, "another address");
  equal(fail("192.0.2.7", 3_600_000), null, "an hour later it begins anew");
  equal(fail("192.0.2.7", 3_600_001), null);
  equal(fail("192.0.2.7", 3_600_002), "192.0.2.7");
  equal(fail("192.0.2.7", 3_600_003), null, "and counts from the beginning");
  for (const host of [1, 2]) equal(fail(`2001:db8::${host}`, 0), null);
  equal(fail("2001:db8::3", 0), "2001:db8:0:0::/64");
  const delay = (remote: string) => counts.note({ remote, what: "delay" }, rules, 0)?.network ?? null;
  equal(delay("198.51.100.1"), null);
  equal(delay("198.51.100.2"), "198.51.100.0/24");
  const off = { failuresPerHour: null, afterDelays: null };
  for (let each = 0; each < 100; each++) equal(counts.note({ remote: "192.0.2.9", what: "failure" }, off, 0), null);
});
