import assert from "node:assert/strict";
import { temporaryFolder } from "../accounts/lib.ts";
import { open } from "./lib.ts";

const NOW = Date.UTC(2026, 10, 24);
const ban = (network: string, until: number | null = null) => ({ network, reason: "x", who: "shin@baz.co.jp", until });

Deno.test("a ban holds for the addresses of its network until its end, and survives a restart", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/records`;
  {
    await using records = open(file);
    const { bans } = records;
    const wide = bans.add(ban("192.0.2.99/24", NOW + 1000), NOW);
    assert.equal(wide.network, "192.0.2.0/24");
    bans.add(ban("2001:DB8:0:1::/64"), NOW + 1);
    bans.add(ban("::ffff:198.51.100.7"), NOW + 2);
    for (const inside of ["192.0.2.1", "::ffff:192.0.2.255", "2001:db8:0:1:ffff::1", "198.51.100.7"]) {
      assert.notEqual(bans.around(inside, NOW), null, inside);
    }
    for (const outside of ["192.0.3.1", "2001:db8:0:2::1", "198.51.100.8", "local", "::"]) {
      assert.equal(bans.around(outside, NOW), null, outside);
    }
    assert.equal(bans.around("192.0.2.1", NOW + 1000), null, "it is over");
  }
  await using records = open(file);
  const listed = records.bans.list(NOW).map(({ network }) => network);
  assert.deepEqual(listed, ["198.51.100.7", "2001:db8:0:1::/64", "192.0.2.0/24"]);
  const [single] = records.bans.list(NOW);
  assert.equal(records.bans.remove(single?.id ?? "")?.network, "198.51.100.7");
  assert.equal(records.bans.remove(single?.id ?? ""), null);
  assert.equal(records.bans.around("198.51.100.7", NOW), null, "at once");
  records.sweep(NOW + 2000, { authenticationDays: 90 });
  assert.deepEqual(records.bans.list(NOW).map(({ network }) => network), ["2001:db8:0:1::/64"]);
});

Deno.test("of several bans the one that lasts longest is told; the same network again takes the place of the first", async () => {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const { bans } = records;
  bans.add(ban("192.0.2.7", NOW + 1000), NOW);
  bans.add(ban("192.0.2.0/24", NOW + 5000), NOW);
  assert.equal(bans.around("192.0.2.7", NOW)?.network, "192.0.2.0/24");
  bans.add(ban("192.0.2.7"), NOW);
  assert.deepEqual([bans.list(NOW).length, bans.around("192.0.2.7", NOW)?.until], [2, null]);
});
