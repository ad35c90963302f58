/**
 * `/simulate` and `/access/test`: what would become of a session. Nothing is changed, so nothing is audited.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import { accessSubject, judgeAccess } from "../../policy/access_report.ts";
import type { SidecarParts } from "../parts.ts";
import { problem } from "../problem.ts";
import { accessReport, accessReportSchema, simulationRequestSchema, simulationSchema } from "../simulation.ts";
import { type Api, idempotencyHeaders, json, jsonBody, needs, problems } from "./frame.ts";

/** Backends that are asked whether a name is known. */
const WAIT_MS = 60_000;

const accessQuestionSchema = z.strictObject({
  about: z.string().min(1).max(320).openapi({
    description: "a client's IP address, or a mail address: the recipient where there is `from`, else the sender",
    example: "192.0.2.1",
  }),
  from: z.string().max(320).optional().openapi({ description: "the sender" }),
  to: z.string().max(320).optional().openapi({ description: "the recipient" }),
  login: z.boolean().optional().openapi({ description: "whether the client has logged in" }),
});

/** Adds the operations. */
export function addSimulation(api: Api, parts: Pick<SidecarParts, "simulate" | "current">): void {
  api.openapi(
    createRoute({
      ...{ ...needs("configuration:read"), tags: ["configuration"], method: "post", path: "/simulate" },
      operationId: "simulate",
      summary: "Tell what would become of a session",
      description:
        "By the rules in force, as on the wire. Nothing is sent, logged or counted, and no password is needed. " +
        "The answer tells which accounts exist.",
      request: {
        headers: idempotencyHeaders,
        body: jsonBody(simulationRequestSchema, "Who would send what, from where."),
      },
      responses: {
        200: json(simulationSchema.openapi("Simulation"), "What would come of it."),
        ...problems(400, 413, 415, 422),
      },
    }),
    async (context) => {
      const signal = AbortSignal.timeout(WAIT_MS);
      const simulated = await parts.simulate(context.req.valid("json"), { signal });
      return simulated.ok
        ? context.json(simulated.value)
        : problem(422, { detail: simulated.problem, field: "listener" });
    },
  );
  api.openapi(
    createRoute({
      ...{ ...needs("configuration:read"), tags: ["configuration"], method: "post", path: "/access/test" },
      operationId: "testAccess",
      summary: "Tell which line of the access rules decides",
      request: { headers: idempotencyHeaders, body: jsonBody(accessQuestionSchema, "Of whom.") },
      responses: {
        200: json(accessReportSchema.openapi("AccessReport"), "What the rules say."),
        ...problems(400, 413, 415, 422),
      },
    }),
    async (context) => {
      const subject = accessSubject(context.req.valid("json"));
      if (typeof subject === "string") return problem(422, { detail: subject, field: "about" });
      const { access, config } = parts.current();
      return context.json(accessReport(judgeAccess(await access(), subject, config)));
    },
  );
}
