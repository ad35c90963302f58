import { equal } from "node:assert/strict";
import { createSuccessCache } from "../../src/auth/success_cache.ts";

const KEY = new Uint8Array(32).fill(7);
const LOGIN = { backend: "sasldb", account: "shin@baz.co.jp", credential: "c", version: "1", password: "secret" };

Deno.test("the cache knows a login for five minutes from when it was remembered", () => {
  const cache = createSuccessCache({ key: KEY });
  equal(cache.knows(LOGIN, 0), false);
  cache.remember(LOGIN, 1000);
  equal(cache.knows(LOGIN, 1000), true);
  equal(cache.knows(LOGIN, 300_999), true);
  equal(cache.knows(LOGIN, 301_000), false);
  equal(cache.knows(LOGIN, 999), false, "a clock that was set back");
});

Deno.test("every part of a login tells it from another", () => {
  const cache = createSuccessCache({ key: KEY });
  cache.remember(LOGIN, 0);
  for (const part of ["backend", "account", "credential", "version", "password"] as const) {
    equal(cache.knows({ ...LOGIN, [part]: "x" }, 0), false, part);
  }
  equal(cache.knows({ ...LOGIN, version: "1s", password: "ecret" }, 0), false);
});

Deno.test("the cache holds so many, the latest used, and none when it is off", () => {
  const cache = createSuccessCache({ key: KEY, limit: 2 });
  const login = (account: string) => ({ ...LOGIN, account });
  cache.remember(login("a"), 0);
  cache.remember(login("b"), 0);
  equal(cache.knows(login("a"), 0), true);
  cache.remember(login("c"), 0);
  equal(cache.knows(login("b"), 0), false);
  equal(cache.knows(login("a"), 0), true);

  const off = createSuccessCache({ key: KEY, enabled: false });
  off.remember(LOGIN, 0);
  equal(off.knows(LOGIN, 0), false);
});
