import assert from "node:assert/strict";
import { Hono } from "hono";
import { healthReport, type HealthStatus } from "../../src/http/health.ts";
import { healthRoutes } from "../../src/http/health_routes.ts";

function app(status: HealthStatus, allowed: boolean): Hono {
  const routes = new Hono();
  const report = healthReport([{ name: "backend ldap", status, reason: "connection refused" }]);
  healthRoutes(routes, { health: () => Promise.resolve(report), mayLook: () => allowed });
  return routes;
}

Deno.test("ready is 503 when the server cannot do its job; a warning is no reason to send nobody", async () => {
  const codes = await Promise.all(
    (["ok", "warn", "down"] as const).map(async (status) => (await app(status, true).request("/health/ready")).status),
  );
  assert.deepEqual(codes, [200, 200, 503]);
});

Deno.test("reasons are only for who may look", async () => {
  const shown = await (await app("down", true).request("/health/ready")).json();
  assert.deepEqual(shown, {
    status: "down",
    checks: [{ name: "backend ldap", status: "down", reason: "connection refused" }],
  });
  assert.deepEqual(await (await app("down", false).request("/health/ready")).json(), { status: "down" });
});

Deno.test("live is 200 whatever else is wrong", async () => {
  const answer = await app("down", false).request("/health/live");
  assert.deepEqual([answer.status, await answer.json()], [200, { status: "ok" }]);
});
