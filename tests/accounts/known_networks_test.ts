import { equal, ok } from "node:assert/strict";
import { openKnownNetworks } from "../../src/accounts/known_networks.ts";
import { temporaryFolder } from "./lib.ts";

const DAY = 86_400_000;

const open = (file: string | null) => {
  const opened = openKnownNetworks(file);
  ok(opened.ok);
  return opened.value;
};

Deno.test("known networks survive a restart and end after half a year", () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/guessing`;
  {
    using known = open(file);
    known.add("shin@baz.co.jp", "192.0.2.0/24", 0);
  }
  equal((Deno.statSync(file).mode ?? 0) & 0o777, 0o600);
  using known = open(file);
  equal(known.has("shin@baz.co.jp", "192.0.2.0/24", DAY), true);
  equal(known.has("taro@baz.co.jp", "192.0.2.0/24", DAY), false);
  equal(known.has("shin@baz.co.jp", "198.51.100.0/24", DAY), false);
  equal(known.has("shin@baz.co.jp", "192.0.2.0/24", 181 * DAY), false);
  known.add("shin@baz.co.jp", "192.0.2.0/24", 100 * DAY);
  equal(known.has("shin@baz.co.jp", "192.0.2.0/24", 181 * DAY), true);
});

Deno.test("the latest fifty networks of an account are kept, in memory as well", () => {
  using known = open(null);
  for (let network = 0; network < 60; network++) known.add("a@b", `10.0.${network}.0/24`, network * DAY);
  equal(known.has("a@b", "10.0.9.0/24", 60 * DAY), false);
  equal(known.has("a@b", "10.0.10.0/24", 60 * DAY), true);
});
