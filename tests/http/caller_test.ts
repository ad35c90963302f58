import assert from "node:assert/strict";
import { type CallerSettings, createCallers, hostOf } from "../../src/http/caller.ts";

const SETTINGS: CallerSettings = {
  tls: false,
  trustedProxies: ["192.0.2.1", "2001:db8::/32"],
  publicUrl: "https://mail.foobar.co.jp:8443",
  hostname: "mx.foobar.co.jp",
  domains: ["baz.co.jp"],
};

function find(peer: string, headers: Readonly<Record<string, string>>, settings: Partial<CallerSettings> = {}) {
  return createCallers({ ...SETTINGS, ...settings }).find(new Headers(headers), peer);
}

Deno.test("header fields of proxies are believed of trusted peers alone", () => {
  const fields = { "x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https" };
  const stranger = { remote: "198.51.100.1", secure: false, tls: false, local: false };
  assert.deepEqual(find("198.51.100.1", fields), stranger);
  const proxied = { remote: "203.0.113.7", secure: true, tls: true, local: false };
  assert.deepEqual(find("192.0.2.1", fields), proxied);
  assert.deepEqual(find("::ffff:192.0.2.1", fields), proxied);
});

Deno.test("of several hops the last one counts that no trusted proxy has", () => {
  const at = (forwarded: string) => find("192.0.2.1", { "x-forwarded-for": forwarded }).remote;
  assert.equal(at("127.0.0.1, 203.0.113.7, 2001:db8::5"), "203.0.113.7");
  assert.equal(at("203.0.113.7, 198.51.100.1"), "198.51.100.1");
  for (const odd of ["", "unknown", "203.0.113.7, nobody", "2001:db8::5"]) assert.equal(at(odd), "192.0.2.1", odd);
});

Deno.test("a process of this machine is local, one behind a proxy of this machine is not", () => {
  assert.deepEqual(find("127.0.0.1", {}), { remote: "127.0.0.1", secure: true, tls: false, local: true });
  assert.deepEqual(find("local", {}), { remote: "local", secure: true, tls: false, local: true });
  const behind = find("127.0.0.1", { "x-forwarded-for": "127.0.0.1" }, { trustedProxies: ["127.0.0.1"] });
  assert.deepEqual(behind, { remote: "127.0.0.1", secure: false, tls: false, local: false });
});

Deno.test("hosts: ours, those of mail clients, and everybody else's", () => {
  const { hostKind } = createCallers(SETTINGS);
  const hosts = [
    "mail.foobar.co.jp:8443",
    "MX.foobar.co.jp",
    "mx.foobar.co.jp.",
    "localhost:8025",
    "192.0.2.7",
    "[::1]:8025",
  ];
  for (const host of hosts) assert.equal(hostKind(host), "page", host);
  for (const host of ["baz.co.jp", "autoconfig.baz.co.jp", "autodiscover.baz.co.jp:80"]) {
    assert.equal(hostKind(host), "profile", host);
  }
  const strange = ["evil.example", "localhost.evil.example", "mail.foobar.co.jp@evil.example", "", "a b", null];
  for (const host of strange) assert.equal(hostKind(host), null, String(host));
});

Deno.test("the host of a request is that of the field Host, and of HTTP/2 that of its URL", () => {
  const of = (host: string | null) => {
    return hostOf({ headers: new Headers(host === null ? {} : { host }), url: "https://mail.foobar.co.jp:8443/x" });
  };
  assert.equal(of("mx.foobar.co.jp"), "mx.foobar.co.jp");
  assert.equal(of(""), "");
  assert.equal(of(null), "mail.foobar.co.jp:8443");
});
