/**
 * `/metrics`, for Prometheus.
 *
 * @module
 */

import type { Context, Env, Hono } from "hono";
import { problem } from "../problem.ts";
import { EXPOSITION_TYPE } from "./exposition.ts";
import type { Metrics } from "./metrics.ts";

/** What the route needs. */
export interface MetricsRouteParts<Environment extends Env> {
  readonly metrics: Pick<Metrics, "text">;
  /** Whether this request may see numbers: it comes from this machine, or has a token with the scope `metrics:read`. */
  readonly mayLook: (context: Context<Environment>) => boolean;
}

/** Adds `GET /metrics`. Whoever may not look gets 401 before anything is read. */
export function metricsRoutes<Environment extends Env>(
  app: Hono<Environment>,
  { metrics, mayLook }: MetricsRouteParts<Environment>,
): void {
  app.get("/metrics", async (context) => {
    if (mayLook(context)) return context.body(await metrics.text(), 200, { "content-type": EXPOSITION_TYPE });
    const detail = "Metrics are for this machine, or for a token with the scope metrics:read over HTTPS";
    return problem(401, { detail }, { "www-authenticate": "Bearer" });
  });
}
