/**
 * The HTTP applications: one for the control socket (its mode is the right to do everything), one for the public socket of this
 * machine (health and the own password), one for [http].
 *
 * @module
 */

import { type Context, Hono } from "hono";
import { z } from "zod";
import { createApi } from "./api/api.ts";
import { API_BASE } from "./api/frame.ts";
import { healthRoutes } from "./health_routes.ts";
import { mayLook } from "./may_look.ts";
import { metricsRoutes } from "./metrics/metrics_routes.ts";
import { type HttpEnv, receive } from "./receive.ts";
import type { PublicParts, SidecarParts } from "./parts.ts";
import type { PasswordOutcome } from "./password.ts";
import { frame, problem, readBody } from "./problem.ts";
import { pages } from "./pages/pages.tsx";
import { profileRoutes } from "./profiles/profile_routes.ts";

export type { HttpParts, PublicParts, SidecarParts } from "./parts.ts";

const BODY_LIMIT_OCTETS = 4096;
const CHANGE_WAIT_MS = 60_000;

const passwordSchema = z.strictObject({
  user: z.string().min(1).max(320),
  oldPassword: z.string().min(1).max(1024),
  newPassword: z.string().min(1).max(1024),
});

/** For `control.sock` (mode 660). */
export function controlApp(parts: SidecarParts): Hono<HttpEnv> {
  const app = frame(new Hono<HttpEnv>(), { secret: hasBody, log: parts.log });
  healthRoutes(app, { health: parts.health, mayLook: () => true });
  metricsRoutes(app, { metrics: parts.metrics, mayLook: () => true });
  app.route(API_BASE, createApi(parts, { control: true }));
  return app;
}

/** For `public.sock` (mode 666). */
export function publicApp(parts: PublicParts): Hono<HttpEnv> {
  const app = frame(new Hono<HttpEnv>(), { secret: true, log: parts.log });
  healthRoutes(app, { health: parts.health, mayLook: () => false });
  app.post("/v1/password", async (context) => {
    const body = await readBody(context, { schema: passwordSchema, limitOctets: BODY_LIMIT_OCTETS });
    if (!body.ok) return body.problem;
    // Not the request's signal: a client that hangs up early gets its guess counted all the same.
    return passwordAnswer(await parts.changePassword(body.value, { signal: AbortSignal.timeout(CHANGE_WAIT_MS) }));
  });
  return app;
}

/** For [http]: what a stranger may know, the API for tokens, and the pages. Health is answered whatever the Host: probes go by address. */
export function httpApp(parts: SidecarParts): Hono<HttpEnv> {
  const app = frame(new Hono<HttpEnv>(), { secret: true, log: parts.log });
  app.use(receive(parts));
  const looks = (context: Context<HttpEnv>) => mayLook(parts, context);
  healthRoutes(app, { health: parts.health, mayLook: looks });
  metricsRoutes(app, { metrics: parts.metrics, mayLook: looks });
  app.route(API_BASE, createApi(parts, { control: false }));
  profileRoutes(app, parts);
  app.route("/", pages(parts));
  return app;
}

/** Whether a request may hold a password. */
function hasBody({ req }: Context<HttpEnv>): boolean {
  return req.raw.body !== null;
}

function passwordAnswer(outcome: PasswordOutcome): Response {
  switch (outcome.kind) {
    case "changed":
      return new Response(null, { status: 204 });
    case "rejected":
      return problem(403, { detail: "Wrong user or password" });
    case "unavailable":
      return problem(503, { detail: "The password cannot be checked now: try again in a minute" });
    case "foreign":
      return problem(409, {
        detail:
          `The password is kept by the backend "${outcome.backend}", which this program only reads: change it there`,
      });
    case "refused":
      return problem(422, { detail: "The new password cannot be used", field: "newPassword" });
  }
}
