/**
 * `/tokens`, on the control socket alone: a token that could make tokens would have every right.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import { hasControl } from "../../lib/text.ts";
import { SCOPES, type Token } from "../../records/records.ts";
import { tokenOperations } from "../operations/tokens.ts";
import type { SidecarParts } from "../parts.ts";
import { problem } from "../problem.ts";
import { type Api, CONTROL_SOCKET, idempotencyHeaders, json, jsonBody, needs, problems, timeOf } from "./frame.ts";

const LABEL_EXPECTED = "expected a text of 1 to 60 characters";
const SCOPES_EXPECTED = `expected a list of ${SCOPES.join(", ")}`;
const TIME_EXPECTED = "expected a time such as 2027-01-31T00:00:00Z, or null";

const tokenSchema = z.object({
  id: z.string(),
  label: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  created: z.iso.datetime(),
  expires: z.iso.datetime().nullable(),
  lastUsed: z.iso.datetime().nullable(),
}).openapi("Token");
const wanted = z.strictObject({
  label: z.string({ error: LABEL_EXPECTED }).trim().min(1, { error: LABEL_EXPECTED }).max(60, { error: LABEL_EXPECTED })
    .refine((label) => !hasControl(label), { error: LABEL_EXPECTED }).openapi({ example: "backup" }),
  scopes: z.array(z.enum(SCOPES, { error: SCOPES_EXPECTED }), { error: SCOPES_EXPECTED })
    .min(1, { error: SCOPES_EXPECTED }).max(SCOPES.length, { error: SCOPES_EXPECTED }),
  expires: z.iso.datetime({ offset: true, error: TIME_EXPECTED }).nullable().openapi({
    description: "When it ends; null: never.",
  }),
});
const made = z.object({ token: tokenSchema, secret: z.string().openapi({ description: "Shown this once." }) });

const onlyHere = "Over the control socket alone: no token is enough for it.";
const common = { ...needs(CONTROL_SOCKET), tags: ["tokens"], description: onlyHere };

/** Adds the operations. */
export function addTokens(api: Api, parts: Pick<SidecarParts, "records" | "now">): void {
  api.openapi(
    createRoute({
      ...{ ...common, method: "get", path: "/tokens" },
      operationId: "listTokens",
      summary: "List the tokens, without their secrets",
      responses: { 200: json(z.object({ items: z.array(tokenSchema) }), "The newest first."), ...problems() },
    }),
    (context) => {
      const tokens = tokenOperations(parts, context.get("actor")).list();
      return context.json({ items: tokens.map(tokenItem) });
    },
  );
  api.openapi(
    createRoute({
      ...{ ...common, method: "post", path: "/tokens" },
      operationId: "makeToken",
      summary: "Make a token",
      request: { headers: idempotencyHeaders, body: jsonBody(wanted, "What it is to be.") },
      responses: { 201: json(made, "The token."), ...problems(400, 409, 413, 415, 422) },
    }),
    (context) => {
      const { label, scopes, expires } = context.req.valid("json");
      const ends = expires === null ? null : Date.parse(expires);
      if (ends !== null && !(ends > parts.now())) {
        return problem(422, { detail: 'The field "expires" is a time in the future', field: "expires" });
      }
      const { token, secret } = tokenOperations(parts, context.get("actor")).add({ label, scopes, expires: ends });
      context.set("secret", true);
      return context.json({ token: tokenItem(token), secret }, 201);
    },
  );
  api.openapi(
    createRoute({
      ...{ ...common, method: "delete", path: "/tokens/{id}" },
      operationId: "revokeToken",
      summary: "Revoke a token",
      request: { params: z.object({ id: z.string() }) },
      responses: { 204: { description: "It is revoked." }, ...problems(404) },
    }),
    (context) => {
      const revoked = tokenOperations(parts, context.get("actor")).revoke(context.req.valid("param").id);
      return revoked ? context.body(null, 204) : problem(404, { detail: "There is no token with this id" });
    },
  );
}

function tokenItem({ created, expires, lastUsed, ...token }: Token): z.output<typeof tokenSchema> {
  return {
    ...token,
    scopes: [...token.scopes],
    created: timeOf(created),
    expires: expires === null ? null : timeOf(expires),
    lastUsed: lastUsed === null ? null : timeOf(lastUsed),
  };
}
