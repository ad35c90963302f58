/**
 * `/audit`: who did what to accounts, queue, tokens and configuration.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
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

const recordSchema = z.object({
  seq: z.int().openapi({ description: "Its place in the log." }),
  at: z.iso.datetime(),
  who: z.string().openapi({ description: "An account, `token LABEL`, `control socket` or `command`." }),
  from: z.string().openapi({ description: "The address, or `local`." }),
  what: z.string().openapi({ example: "account.add" }),
  target: z.string(),
  detail: z.string(),
}).openapi("Act");

const listQuery = z.strictObject({ after: seqParameter(), count: countParameter() });

/** Adds the operation. */
export function addAudit(api: Api, { records }: Pick<SidecarParts, "records">): void {
  api.openapi(
    createRoute({
      ...{ ...needs("audit:read"), tags: ["audit"], method: "get", path: "/audit" },
      operationId: "listActs",
      summary: "List acts of administration, the newest first",
      request: { query: listQuery },
      responses: { 200: json(pageOf(recordSchema), "One page."), ...problems(400) },
    }),
    (context) => {
      const { after: before = null, count = PAGE_DEFAULT } = context.req.valid("query");
      const found = records.audit.list({ before, count: count + 1 });
      return context.json(seqPage(found, count, ({ at, ...act }) => ({ ...act, at: timeOf(at) })));
    },
  );
}
