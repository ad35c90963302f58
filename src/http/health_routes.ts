/**
 * `/health/live` and `/health/ready`.
 *
 * @module
 */

import type { Context, Env, Hono } from "hono";
import type { HealthReport } from "./health.ts";

/** What the routes need. */
export interface HealthRouteParts<Environment extends Env> {
  readonly health: () => Promise<HealthReport>;
  /** Whether this request may see the parts and their reasons; everybody else gets the status alone. */
  readonly mayLook: (context: Context<Environment>) => boolean;
}

/** Adds both. `live`: 200 while the process answers; `ready`: 503 when the server cannot do its job, else 200. */
export function healthRoutes<Environment extends Env>(
  app: Hono<Environment>,
  { health, mayLook }: HealthRouteParts<Environment>,
): void {
  app.get("/health/live", (context) => context.json({ status: "ok" }));
  app.get("/health/ready", async (context) => {
    const report = await health();
    const answer = mayLook(context) ? report : { status: report.status };
    return context.json(answer, report.status === "down" ? 503 : 200);
  });
}
