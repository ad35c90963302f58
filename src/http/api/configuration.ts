/**
 * `/configuration` as it is in force, and `/reload`.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import { auditBy } from "../operations/act.ts";
import type { SidecarParts } from "../parts.ts";
import { problem } from "../problem.ts";
import { type Api, CONTROL_SOCKET, idempotencyHeaders, json, needs, problems } from "./frame.ts";
import { shownConfig } from "./shown_config.ts";
import { MASK } from "./shown_values.ts";

const configurationSchema = z.record(z.string(), z.unknown()).openapi("Configuration", {
  description: `Keys and values are those of the configuration file, defaults included; each secret is "${MASK}".`,
});

/** Adds the operations. */
export function addConfiguration(api: Api, parts: SidecarParts): void {
  api.openapi(
    createRoute({
      ...{ ...needs("configuration:read"), tags: ["configuration"], method: "get", path: "/configuration" },
      operationId: "showConfiguration",
      summary: "Show the configuration in force",
      responses: { 200: json(configurationSchema, "The configuration."), ...problems() },
    }),
    (context) => context.json(shownConfig(parts.current().config)),
  );
  api.openapi(
    createRoute({
      ...{ ...needs(CONTROL_SOCKET), tags: ["configuration"], method: "post", path: "/reload" },
      operationId: "reload",
      summary: "Read the configuration file again",
      description:
        "The same as SIGHUP. With a mistake in it the old one stays in force, and `mistakes` has all of them. " +
        "Over the control socket alone: no token is enough for it.",
      request: { headers: idempotencyHeaders },
      responses: { 200: json(z.object({ reloaded: z.literal(true) }), "It is in force."), ...problems(400, 409, 422) },
    }),
    async (context) => {
      const reloaded = await parts.reload();
      if (!reloaded.ok) {
        const detail = "The new configuration has mistakes: the old one stays in force";
        return problem(422, { detail, mistakes: reloaded.problem });
      }
      auditBy(parts, context.get("actor"))("configuration.reload", "configuration");
      return context.json({ reloaded: true });
    },
  );
}
