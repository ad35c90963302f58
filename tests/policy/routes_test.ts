import assert from "node:assert/strict";
import { chooseRoute, type RouteConditions } from "../../src/policy/routes.ts";

const PATH = { forwardPath: "taro@example.net", reversePath: "shin@baz.co.jp", account: "shin@baz.co.jp" };
const ANY: RouteConditions = { recipientDomains: [], accounts: [], senderDomains: [] };

function fits(when: Partial<RouteConditions>, path: Partial<typeof PATH> | { reversePath: null } | { account: null }) {
  return chooseRoute([{ when: { ...ANY, ...when } }], { ...PATH, ...path }) !== null;
}

Deno.test("chooseRoute(): the first that fits, in the order of the file", () => {
  const routes = [
    { name: "bulk", when: { ...ANY, accounts: ["bulk@baz.co.jp"] } },
    { name: "net", when: { ...ANY, recipientDomains: ["example.net"] } },
    { name: "late", when: { ...ANY, recipientDomains: ["example.net", "example.org"] } },
  ];
  const choose = (path: Partial<typeof PATH>) => chooseRoute(routes, { ...PATH, ...path })?.name ?? null;
  assert.equal(choose({}), "net");
  assert.equal(choose({ account: "bulk@baz.co.jp" }), "bulk");
  assert.equal(choose({ forwardPath: "x@example.org" }), "late");
  assert.equal(choose({ forwardPath: "x@example.com" }), null);
});

Deno.test("chooseRoute(): all conditions of a route have to fit", () => {
  const both = { recipientDomains: ["example.net"], senderDomains: ["baz.co.jp"] };
  assert.equal(fits(both, {}), true);
  assert.equal(fits(both, { reversePath: "x@foobar.co.jp" }), false);
  assert.equal(fits(both, { reversePath: null }), false);
  assert.equal(fits({ accounts: ["shin@baz.co.jp"] }, { account: null }), false);
});

Deno.test("chooseRoute(): domains are compared as A-labels, without case; *. stands for those below", () => {
  assert.equal(fits({ recipientDomains: ["example.net"] }, { forwardPath: "taro@EXAMPLE.net" }), true);
  assert.equal(fits({ recipientDomains: ["xn--r8jz45g.jp"] }, { forwardPath: "taro@例え.jp" }), true);
  assert.equal(fits({ recipientDomains: ["example.net"] }, { forwardPath: "taro@mx.example.net" }), false);
  const below = { recipientDomains: ["*.example.net"] };
  assert.equal(fits(below, { forwardPath: "taro@mx.example.net" }), true);
  assert.equal(fits(below, { forwardPath: "taro@example.net" }), false);
  assert.equal(fits(below, { forwardPath: "taro@notexample.net" }), false);
  assert.equal(fits({ recipientDomains: ["example.net"] }, { forwardPath: "postmaster" }), false);
});
