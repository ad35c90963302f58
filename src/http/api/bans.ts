/**
 * `/bans`: networks that are closed to connections and sign-ins.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import type { Ban } from "../../records/records.ts";
import { hasControl } from "../../lib/text.ts";
import { type BanOperations, banOperations, banRefusalText } from "../operations/bans.ts";
import type { SidecarParts } from "../parts.ts";
import { problem } from "../problem.ts";
import { type Api, type ApiContext, idempotencyHeaders, json, jsonBody, needs, problems, timeOf } from "./frame.ts";

const LONGEST_SECONDS = 10 * 366 * 86_400;
const REASON_EXPECTED = "expected a text of at most 200 characters";
const SECONDS_EXPECTED = "expected a number of seconds, or null";

/** A ban in answers. */
export const banSchema = z.object({
  id: z.string(),
  network: z.string().openapi({ example: "192.0.2.0/24" }),
  reason: z.string(),
  who: z.string().openapi({ description: "`dokodemo`: the server by itself." }),
  since: z.iso.datetime(),
  until: z.iso.datetime().nullable().openapi({ description: "null: until it is lifted." }),
}).openapi("Ban");

const wanted = z.strictObject({
  network: z.string({ error: "expected an address or a network" }).min(1).max(60).openapi({ example: "192.0.2.7" }),
  reason: z.string({ error: REASON_EXPECTED }).max(200, { error: REASON_EXPECTED })
    .refine((text) => !hasControl(text), { error: REASON_EXPECTED }).default(""),
  seconds: z.int({ error: SECONDS_EXPECTED }).min(1, { error: SECONDS_EXPECTED })
    .max(LONGEST_SECONDS, { error: SECONDS_EXPECTED }).nullable()
    .openapi({ description: "How long it lasts; null: until it is lifted." }),
  force: z.boolean({ error: "expected true or false" }).default(false).openapi({
    description: "Also where loopback, an exempt network, a trusted proxy or the caller is in it.",
  }),
});

const common = { tags: ["bans"] };

/** Adds the operations. */
export function addBans(api: Api, parts: Pick<SidecarParts, "records" | "current" | "log" | "now">): void {
  const operations = (context: ApiContext): BanOperations =>
    banOperations({ ...parts, config: () => parts.current().config }, context.get("actor"));
  api.openapi(
    createRoute({
      ...{ ...common, ...needs("bans:read"), method: "get", path: "/bans" },
      operationId: "listBans",
      summary: "List the bans in force, the newest first",
      responses: { 200: json(z.object({ items: z.array(banSchema) }), "All of them."), ...problems() },
    }),
    (context) => context.json({ items: operations(context).list().map(banItem) }),
  );
  api.openapi(
    createRoute({
      ...{ ...common, ...needs("bans:write"), method: "post", path: "/bans" },
      operationId: "addBan",
      summary: "Ban an address or a network, from now on",
      request: { headers: idempotencyHeaders, body: jsonBody(wanted, "Whom, and for how long.") },
      responses: { 201: json(banSchema, "The ban."), ...problems(400, 409, 413, 415, 422) },
    }),
    (context) => {
      const { network, reason, seconds, force } = context.req.valid("json");
      const lastsMs = seconds === null ? null : seconds * 1000;
      const added = operations(context).add({ network, reason, lastsMs, force });
      if (added.ok) return context.json(banItem(added.value), 201);
      const detail = `The field "network": ${banRefusalText(added.problem)}`;
      return added.problem === "bad-network"
        ? problem(422, { detail, field: "network" })
        : problem(409, { detail, field: "network" });
    },
  );
  api.openapi(
    createRoute({
      ...{ ...common, ...needs("bans:write"), method: "delete", path: "/bans/{id}" },
      operationId: "liftBan",
      summary: "Lift a ban",
      request: { params: z.object({ id: z.string() }) },
      responses: { 204: { description: "It is lifted." }, ...problems(404) },
    }),
    (context) => {
      const lifted = operations(context).remove(context.req.valid("param").id);
      return lifted === null ? problem(404, { detail: "There is no ban with this id" }) : context.body(null, 204);
    },
  );
}

function banItem({ since, until, ...ban }: Ban): z.output<typeof banSchema> {
  return { ...ban, since: timeOf(since), until: until === null ? null : timeOf(until) };
}
