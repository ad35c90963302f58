import assert from "node:assert/strict";
import { checkConfig } from "../../src/config/load.ts";
import type { LogEvent } from "../../src/log/event.ts";
import { createAutoBans } from "../../src/server/auto_bans.ts";
import { temporaryFolder } from "../accounts/lib.ts";
import { refusedLogin } from "../lib/login_event.ts";
import { open } from "../records/lib.ts";
import { SASLDB } from "../../backends/sasldb.ts";

const NOW = Date.UTC(2026, 10, 24);

async function failures(toml: string, events: readonly Parameters<typeof refusedLogin>[0][]) {
  using folder = temporaryFolder();
  await using records = open(`${folder.path}/records`);
  const loaded = checkConfig(`hostname = "mail.example.jp"\n${toml}`, {
    modules: new Map([["sasldb", SASLDB]]),
    folder: "/etc/dokodemo",
  });
  assert.ok(loaded.ok);
  const logged: LogEvent[] = [];
  const note = createAutoBans({
    ...{ records, config: () => loaded.config, log: (event: LogEvent) => void logged.push(event), now: () => NOW },
    isKnown: (network, since) => network === "203.0.113.0/24" && since === NOW - 30 * 86_400_000,
  });
  for (const event of events) note(refusedLogin(event));
  assert.deepEqual(
    logged.map((event) => event.kind === "banned" ? event.network : event.kind),
    records.bans.list(NOW).map(({ network }) => network).toReversed(),
  );
  return records.bans.list(NOW).map(({ network, until, who, reason }) => ({ network, until, who, reason }));
}

const times = (count: number, event: Parameters<typeof refusedLogin>[0]) => Array.from({ length: count }, () => event);

Deno.test("nothing is banned by itself until [bans] has a number", async () => {
  assert.deepEqual(await failures("", times(1000, { remote: "192.0.2.7" })), []);
});

Deno.test("an address with so many failures is banned for the time that is set", async () => {
  const toml = '[bans]\nfailures_per_hour = 10\ntime = "2h"\n';
  assert.deepEqual(await failures(toml, times(9, { remote: "192.0.2.7" })), []);
  assert.deepEqual(await failures(toml, times(30, { remote: "192.0.2.7" })), [{
    ...{ network: "192.0.2.7", until: NOW + 7_200_000, who: "dokodemo" },
    reason: "10 failed logins within an hour",
  }]);
});

Deno.test("never banned by itself: loopback, exempt networks, proxies, networks that somebody logs in from", async () => {
  const toml = `[guessing]\nexempt_networks = ["198.51.100.0/24"]\n[bans]\nfailures_per_hour = 3\nafter_delays = 3\n` +
    `[http]\ntrusted_proxies = ["192.0.2.1"]\n`;
  const waits = "wrong-secret; network is guessing, reply waits 60 s";
  for (const remote of ["127.0.0.1", "::1", "local", "198.51.100.9", "192.0.2.1", "203.0.113.7"]) {
    assert.deepEqual(await failures(toml, times(20, { remote, reason: waits })), [], remote);
  }
});

Deno.test("what is no guess does not count", async () => {
  const toml = "[bans]\nfailures_per_hour = 3\n";
  for (const result of ["delayed", "unavailable", "too-weak", "cancelled", "malformed", "accepted"] as const) {
    assert.deepEqual(await failures(toml, times(20, { remote: "192.0.2.7", result })), [], result);
  }
  for (const reason of ["disabled", "expired", "not-allowed", "stale password"]) {
    assert.deepEqual(await failures(toml, times(20, { remote: "192.0.2.7", reason })), [], reason);
  }
});

Deno.test("a network whose refusals have to wait is banned as a whole", async () => {
  const waits = { reason: "unknown-user; network is guessing, reply waits 60 s" };
  const events = [1, 2, 3].map((host) => ({ ...waits, remote: `192.0.2.${host}` }));
  assert.deepEqual((await failures("[bans]\nafter_delays = 3\n", events)).map(({ network }) => network), [
    "192.0.2.0/24",
  ]);
});
