/**
 * The HTTP applications: one for the control socket (its mode is the right to do everything), one for the public socket of this
 * machine (health and the own password), one for [http] (health, for now).
 *
 * @module
 */

import { Hono } from "hono";
import { z } from "zod";
import type { Result } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import type { Spool } from "../spool/spool.ts";
import type { HealthReport } from "./health.ts";
import type { PasswordOutcome, PasswordRequest } from "./password.ts";
import { frame, problem, readBody } from "./problem.ts";
import { queueOperations } from "./queue_operations.ts";
import { queueRoutes } from "./queue_routes.ts";

/** What every application needs. */
export interface HttpParts {
  readonly health: () => Promise<HealthReport>;
  readonly log: Log;
}

/** What the control socket needs. */
export interface ControlParts extends HttpParts {
  readonly spool: Spool;
  /** Somebody asks for mails to be tried now. */
  readonly onRetry: () => void;
  /** The same as SIGHUP; the problem is the list of mistakes that keep the old configuration running. */
  readonly reload: () => Promise<Result<void, readonly string[]>>;
}

/** What the public socket needs. */
export interface PublicParts extends HttpParts {
  /** `changePassword` of `password.ts` with the authenticator of the generation in force. */
  readonly changePassword: (
    request: PasswordRequest,
    options: { readonly signal: AbortSignal },
  ) => Promise<PasswordOutcome>;
}

const BODY_LIMIT_OCTETS = 4096;
const CHANGE_WAIT_MS = 60_000;

const passwordSchema = z.strictObject({
  user: z.string().min(1).max(320),
  oldPassword: z.string().min(1).max(1024),
  newPassword: z.string().min(1).max(1024),
});

/** For `control.sock` (mode 660). */
export function controlApp(parts: ControlParts): Hono {
  const app = frame(new Hono(), { secret: false, log: parts.log });
  healthRoutes(app, { health: parts.health, details: true });
  const { spool, log, onRetry } = parts;
  app.route("/api/v1/queue", queueRoutes(queueOperations(spool, { by: "control", log, onRetry })));
  app.post("/api/v1/reload", async (context) => {
    const reloaded = await parts.reload();
    if (reloaded.ok) return context.json({ reloaded: true });
    const detail = "The new configuration has mistakes: the old one stays in force";
    return problem(422, { detail, mistakes: reloaded.problem });
  });
  return app;
}

/** For `public.sock` (mode 666). */
export function publicApp(parts: PublicParts): Hono {
  const app = frame(new Hono(), { secret: true, log: parts.log });
  healthRoutes(app, { health: parts.health, details: false });
  app.post("/v1/password", async (context) => {
    const body = await readBody(context, { schema: passwordSchema, limitOctets: BODY_LIMIT_OCTETS });
    if (!body.ok) return body.problem;
    // Not the request's signal: a client that hangs up early gets its guess counted all the same.
    return passwordAnswer(await parts.changePassword(body.value, { signal: AbortSignal.timeout(CHANGE_WAIT_MS) }));
  });
  return app;
}

/** For [http]: the details of readiness are for the control socket. */
export function httpApp(parts: HttpParts): Hono {
  const app = frame(new Hono(), { secret: false, log: parts.log });
  healthRoutes(app, { health: parts.health, details: false });
  return app;
}

function healthRoutes(
  app: Hono,
  { health, details }: { readonly health: HttpParts["health"]; readonly details: boolean },
): void {
  app.get("/health/live", (context) => context.json({ status: "ok" }));
  app.get("/health/ready", async (context) => {
    const report = await health();
    return context.json(details ? report : { status: report.status }, report.status === "down" ? 503 : 200);
  });
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
