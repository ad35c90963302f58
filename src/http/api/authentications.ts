/**
 * `/authentications`: the authentication log.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import type { AuthenticationFilter, AuthenticationRecord } from "../../records/records.ts";
import type { SidecarParts } from "../parts.ts";
import {
  type Api,
  countParameter,
  json,
  needs,
  PAGE_DEFAULT,
  pageOf,
  problems,
  seqPage,
  seqParameter,
  timeOf,
} from "./frame.ts";

const RESULTS = ["accepted", "rejected", "too-weak", "delayed", "unavailable", "malformed", "cancelled"] as const;

const recordSchema = z.object({
  seq: z.int().openapi({ description: "Its place in the log." }),
  at: z.iso.datetime(),
  id: z.string().openapi({ description: "The id in the SMTP reply and in the log." }),
  remote: z.string(),
  listener: z.string(),
  mechanism: z.string(),
  tls: z.string().nullable(),
  authcid: z.string().nullable().openapi({ description: "The name as it was given." }),
  authzid: z.string().nullable(),
  account: z.string().nullable(),
  credential: z.string().nullable(),
  result: z.enum(RESULTS),
  reason: z.string(),
  chain: z.array(z.object({ backend: z.string(), answer: z.string(), ms: z.number() })).openapi({
    description: "How each backend answered that was asked.",
  }),
  ms: z.number(),
}).openapi("Authentication");

const listQuery = z.strictObject({
  account: z.string().min(1).max(320).optional().openapi({
    description: "Of this account, whether it logged in or a login by its name failed.",
  }),
  remote: z.string().min(1).max(64).optional().openapi({ description: "From this address." }),
  result: z.enum(RESULTS).optional(),
  mechanism: z.string().min(1).max(32).optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  after: seqParameter(),
  count: countParameter(),
});

/** Adds the operation. */
export function addAuthentications(api: Api, { records }: Pick<SidecarParts, "records">): void {
  api.openapi(
    createRoute({
      ...needs("authentications:read"),
      ...{ tags: ["authentications"], method: "get", path: "/authentications" },
      operationId: "listAuthentications",
      summary: "List logins and failures, the newest first",
      request: { query: listQuery },
      responses: { 200: json(pageOf(recordSchema), "One page."), ...problems(400) },
    }),
    (context) => {
      const { after: before = null, count = PAGE_DEFAULT, ...rest } = context.req.valid("query");
      const found = records.authentications.list(filterOf(rest), { before, count: count + 1 });
      return context.json(seqPage(found, count, recordItem));
    },
  );
}

function filterOf(
  { account, remote, result, mechanism, since }: Omit<z.output<typeof listQuery>, "after" | "count">,
): AuthenticationFilter {
  return {
    ...account !== undefined && { account },
    ...remote !== undefined && { remote },
    ...result !== undefined && { result },
    ...mechanism !== undefined && { mechanism: mechanism.toUpperCase() },
    ...since !== undefined && { since: Date.parse(since) },
  };
}

function recordItem(
  { at, ...record }: AuthenticationRecord,
): Omit<AuthenticationRecord, "at"> & { readonly at: string } {
  return { ...record, at: timeOf(at) };
}
