import assert from "node:assert/strict";
import { Hono } from "hono";
import { metricsRoutes } from "../../../src/http/metrics/metrics_routes.ts";

function app(allowed: boolean) {
  let asked = 0;
  const routes = new Hono();
  const text = () => {
    asked++;
    return Promise.resolve("# HELP a A.\n");
  };
  metricsRoutes(routes, { metrics: { text }, mayLook: () => allowed });
  return { routes, asked: () => asked };
}

Deno.test("/metrics is text in the format of Prometheus", async () => {
  const answer = await app(true).routes.request("/metrics");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(await answer.text(), "# HELP a A.\n");
});

Deno.test("whoever may not look gets a problem document, and nothing is read", async () => {
  const { routes, asked } = app(false);
  const answer = await routes.request("/metrics");
  assert.equal(answer.status, 401);
  assert.equal(answer.headers.get("www-authenticate"), "Bearer");
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  assert.equal((await answer.json()).status, 401);
  assert.equal(asked(), 0);
});
