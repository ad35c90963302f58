import assert from "node:assert/strict";
import fc from "fast-check";
import type { z } from "zod";
import {
  account,
  connectAddress,
  domain,
  duration,
  hostPort,
  listenAddress,
  size,
} from "../../src/config/quantities.ts";

function table(schema: z.ZodType, cases: readonly (readonly [unknown, unknown])[]): void {
  for (const [given, expected] of cases) {
    const parsed = schema.safeParse(given);
    assert.deepEqual(parsed.success ? parsed.data : null, expected, JSON.stringify(given));
  }
}

Deno.test("durations, in milliseconds", () => {
  table(duration, [
    ["10s", 10_000],
    ["250ms", 250],
    ["5min", 300_000],
    ["5 min", 300_000],
    ["4h", 14_400_000],
    ["2d", 172_800_000],
    [60, 60_000],
    ["0s", null],
    [0, null],
    [-1, null],
    [1.5, null],
    ["1.5h", null],
    ["10", null],
    ["10m", null],
    ["10S", null],
    ["25d", null],
    ["", null],
    ["s", null],
    [true, null],
    [undefined, null],
  ]);
});

Deno.test("sizes, in octets", () => {
  table(size, [
    ["50MiB", 52_428_800],
    ["10MB", 10_000_000],
    ["64 KiB", 65_536],
    ["1GiB", 1_073_741_824],
    ["100", 100],
    ["100B", 100],
    [4096, 4096],
    [0, null],
    ["50mib", null],
    ["50Mi", null],
    ["999999999999999GiB", null],
    ["1e3", null],
  ]);
});

Deno.test("addresses to listen on and to connect to", () => {
  table(listenAddress, [
    ["[::]:25", { host: "::", port: 25 }],
    ["[2001:DB8::1]:587", { host: "2001:db8::1", port: 587 }],
    ["127.0.0.1:0", { host: "127.0.0.1", port: 0 }],
    ["localhost:25", null],
    [":25", null],
    ["::1:25", null],
    ["[::1]", null],
    ["[127.0.0.1]:25", null],
    ["127.0.0.1:65536", null],
    ["127.0.0.1", null],
    [25, null],
  ]);
  table(connectAddress, [
    ["smtp.Example.net:587", { host: "smtp.example.net", port: 587 }],
    ["例え.jp:25", { host: "xn--r8jz45g.jp", port: 25 }],
    ["[::1]:25", { host: "::1", port: 25 }],
    ["smtp.example.net:0", null],
    ["smtp.example.net", null],
    ["300.1.1.1:25", null],
    ["a b:25", null],
  ]);
});

Deno.test("domains and accounts", () => {
  table(domain, [["Foobar.CO.JP", "foobar.co.jp"], ["例え.jp", "xn--r8jz45g.jp"], ["foobar.co.jp.", null], ["", null]]);
  table(account, [
    ["shin@BAZ.co.jp", "shin@baz.co.jp"],
    ["Shin", "Shin"],
    ["", null],
    ["@x.jp", null],
    ["a@", null],
    ["a\nb@x.jp", null],
  ]);
});

Deno.test("no text makes an address that is none, and none throws", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const address = hostPort(text);
    if (address === null) return;
    assert.ok(address.port >= 0 && address.port <= 65_535);
    assert.match(address.host, /^[a-z0-9.:-]+$/);
  }));
});
