import assert from "node:assert/strict";
import { MAILDIR_HOP, routeFor, routeOfDomain, type RouteRule } from "../../src/delivery/routes.ts";
import type { LocalResolution } from "../../src/policy/local_recipients.ts";
import { accountNamed } from "./scheduler_fixture.ts";

const SMARTHOST = { route: "smarthost", host: "smtp.example.net", port: 587 };

const PATH = { forwardPath: "taro@example.net", reversePath: "shin@baz.co.jp", account: null, expanded: false };

function route(resolution: LocalResolution, smarthost: typeof SMARTHOST | null = SMARTHOST) {
  const recipients = { resolve: () => Promise.resolve(resolution) };
  return routeFor(PATH, { recipients, smarthost }, new AbortController().signal);
}

Deno.test("routeFor sends an account's mail to its Maildir and foreign mail to the smarthost", async () => {
  const account = accountNamed("shin@baz.co.jp");
  assert.deepEqual(await route({ kind: "local", account }), { kind: "hop", hop: MAILDIR_HOP, account });
  assert.deepEqual(await route({ kind: "not-local" }), { kind: "hop", hop: SMARTHOST, account: null });
});

Deno.test("routeFor fails what can never go anywhere and keeps what may", async () => {
  const outcome = async (resolution: LocalResolution, smarthost: typeof SMARTHOST | null = SMARTHOST) => {
    const found = await route(resolution, smarthost);
    assert.ok(found.kind === "settled");
    return found.outcome.kind === "failed" ? found.outcome.enhanced : found.outcome.kind;
  };
  assert.equal(await outcome({ kind: "unknown" }), "5.1.1");
  assert.equal(await outcome({ kind: "relay-path" }), "5.1.1");
  assert.equal(await outcome({ kind: "not-local" }, null), "5.4.4");
  assert.equal(await outcome({ kind: "unavailable", cause: "ldap is down" }), "deferred");
});

Deno.test("routeOfDomain tells by the name alone what routeFor would find for most of its mail", () => {
  const settings = { localDomains: ["baz.co.jp"], elsewhere: "smarthost" } as const;
  assert.equal(routeOfDomain("baz.co.jp", settings), MAILDIR_HOP.route);
  assert.equal(routeOfDomain("postmaster", settings), MAILDIR_HOP.route);
  assert.equal(routeOfDomain("example.net", settings), SMARTHOST.route);
  assert.equal(routeOfDomain("sub.baz.co.jp", settings), SMARTHOST.route);
  assert.equal(routeOfDomain("example.net", { ...settings, elsewhere: "none" }), "none");
  assert.equal(routeOfDomain("example.net", { ...settings, elsewhere: "mx" }), "mx");
});

Deno.test("routeFor takes the first route that fits, also for accounts here, whose mailbox is named where the route leads to one", async () => {
  const account = accountNamed("shin@baz.co.jp");
  const when = { recipientDomains: ["example.net"], accounts: [], senderDomains: [] };
  const place = { host: "boxes.example", port: 24 };
  const routed = async (resolution: LocalResolution, rule: Partial<RouteRule>) => {
    const recipients = { resolve: () => Promise.resolve(resolution) };
    const routes = [{ name: "own", when, place, toMailbox: false, ...rule }];
    return await routeFor(PATH, { recipients, smarthost: SMARTHOST, routes }, new AbortController().signal);
  };
  const hop = { route: "own", ...place };
  assert.deepEqual(await routed({ kind: "not-local" }, {}), { kind: "hop", hop, account: null });
  assert.deepEqual(await routed({ kind: "local", account }, {}), { kind: "hop", hop, account: null });
  assert.deepEqual(await routed({ kind: "local", account }, { toMailbox: true }), { kind: "hop", hop, account });
  assert.deepEqual(await routed({ kind: "not-local" }, { place: null }), {
    ...{ kind: "hop", hop: { route: "own", host: "example.net", port: 25 }, account: null },
  });
  const elsewhere = { when: { ...when, recipientDomains: ["example.org"] } };
  assert.deepEqual(await routed({ kind: "not-local" }, elsewhere), { kind: "hop", hop: SMARTHOST, account: null });
  // Who is unknown here is so before any route.
  assert.equal((await routed({ kind: "unknown" }, {})).kind, "settled");
});

Deno.test("routeOfDomain counts a domain under the route that its name alone decides", () => {
  const when = { recipientDomains: ["*.example.net"], accounts: [], senderDomains: [] };
  const routes = [
    { name: "bulk", when: { ...when, accounts: ["bulk@baz.co.jp"] } },
    { name: "partner", when },
  ];
  const settings = { localDomains: ["baz.co.jp"], local: "lmtp", elsewhere: "smarthost", routes };
  assert.equal(routeOfDomain("a.example.net", settings), "partner");
  assert.equal(routeOfDomain("example.net", settings), "smarthost");
  assert.equal(routeOfDomain("baz.co.jp", settings), "lmtp");
});
