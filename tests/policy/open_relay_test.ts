import assert from "node:assert/strict";
import { AccessMap, parseAccess } from "../../src/policy/access_map.ts";
import { findOpenRelays } from "../../src/policy/open_relay.ts";

function found(
  text: string,
  more: { networks?: string[]; domains?: string[]; gateway?: string } = {},
): readonly string[] {
  const { networks = [], domains = [], gateway = null } = more;
  const map = new AccessMap(parseAccess(text).entries);
  return findOpenRelays({ map, relayNetworks: networks, relayDomains: domains, gateway }).map(({ where, text }) => {
    assert.match(text, /^OPEN RELAY: /);
    return typeof where === "string" ? where : String(where.line);
  });
}

Deno.test("findOpenRelays() names each rule that lets everybody relay, and no other", () => {
  assert.deepEqual(
    found(
      "0.0.0.0/0 RELAY\nConnect:64.0.0.0/2 RELAY\n::/0 RELAY\ncom RELAY\nTo:jp RELAY\n" +
        "10 RELAY\nFrom:net RELAY\nfoobar.co.jp RELAY\norg OK\n0.0.0.0/1 REJECT\nConnect:org RELAY\n2001:db8::/32 RELAY\n",
    ),
    ["1", "2", "3", "4", "5"],
  );
  assert.deepEqual(found("", { networks: ["0.0.0.0/0", "10.0.0.0/8", "::/1"], domains: ["com", "foobar.co.jp"] }), [
    "0.0.0.0/0",
    "::/1",
    "com",
  ]);
});

Deno.test("findOpenRelays() knows a network that holds the gateway of a container", () => {
  const networks = ["172.16.0.0/12", "10.0.0.0/8"];
  assert.deepEqual(found("172.17 RELAY\n172.18 RELAY\n", { networks, gateway: "172.17.0.1" }), ["1", "172.16.0.0/12"]);
  assert.deepEqual(found("172.17 RELAY\n", { networks }), []);
});
