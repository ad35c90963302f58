/**
 * `/queue`: mails that wait, and what can be done to them.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import { toAscii } from "../../lib/domain.ts";
import { auditedQueue } from "../operations/queue.ts";
import type { SidecarParts } from "../parts.ts";
import { problem } from "../problem.ts";
import { queueItemSchema, queuePageSchema } from "../queue_item.ts";
import type { QueueVerb } from "../queue_operations.ts";
import {
  type Api,
  type ApiContext,
  countParameter,
  idempotencyHeaders,
  json,
  needs,
  PAGE_DEFAULT,
  problems,
} from "./frame.ts";

const listQuery = z.strictObject({
  after: z.string().min(1).max(64).optional().openapi({ description: "The `next` of the page before." }),
  count: countParameter(),
  account: z.string().min(1).max(320).optional().openapi({ description: "Sent by this account." }),
  domain: z.string().max(255).transform((domain) => toAscii(domain)).pipe(z.string()).optional().openapi({
    type: "string",
    description: "With a recipient in this domain.",
  }),
});
const changed = z.object({ changed: z.int().openapi({ description: "How many mails that touched." }) });
const params = z.object({ id: z.string().openapi({ param: { name: "id", in: "path" } }) });

const writes = { ...needs("queue:write"), tags: ["queue"] };
const reads = { ...needs("queue:read"), tags: ["queue"] };

/** What can be done to one mail by POST, and the words for it. */
const VERBS = [
  ["retry", "Try a mail now"],
  ["hold", "Hold a mail back"],
  ["release", "Let a mail that was held go on"],
] as const;

/** Adds the operations. */
export function addQueue(api: Api, parts: SidecarParts): void {
  const queueOf = (context: ApiContext) => auditedQueue(parts, context.get("actor"));
  const change = async (context: ApiContext, verb: QueueVerb): Promise<Response> => {
    switch (await queueOf(context).change(verb, context.req.param("id") ?? "")) {
      case "changed":
        return new Response(null, { status: 204 });
      case "unknown":
        return unknownMail();
      case "unchanged":
        return problem(409, { detail: `Cannot ${verb} the mail: none of its recipients is in a state for that` });
    }
  };

  api.openapi(
    createRoute({
      ...{ ...reads, method: "get", path: "/queue" },
      operationId: "listMails",
      summary: "List mails, in order of arrival",
      request: { query: listQuery },
      responses: { 200: json(queuePageSchema, "One page."), ...problems(400, 503) },
    }),
    async (context) => {
      const { after = null, count = PAGE_DEFAULT, account, domain } = context.req.valid("query");
      const filter = { ...account !== undefined && { account }, ...domain !== undefined && { domain } };
      return context.json(await queueOf(context).list(filter, { after, count }));
    },
  );
  api.openapi(
    createRoute({
      ...{ ...writes, method: "post", path: "/queue/retry" },
      operationId: "retryQueue",
      summary: "Try everything that waits now",
      request: { headers: idempotencyHeaders },
      responses: { 200: json(changed, "Done."), ...problems(400, 409, 422, 503) },
    }),
    async (context) => context.json({ changed: await queueOf(context).retryAll() }),
  );
  api.openapi(
    createRoute({
      ...{ ...reads, method: "get", path: "/queue/{id}" },
      operationId: "showMail",
      summary: "Show a mail and each of its recipients",
      request: { params },
      responses: { 200: json(queueItemSchema, "The mail."), ...problems(404, 503) },
    }),
    async (context) => {
      const item = await queueOf(context).show(context.req.valid("param").id);
      return item === null ? unknownMail() : context.json(item);
    },
  );
  for (const [verb, summary] of VERBS) {
    api.openapi(
      createRoute({
        ...{ ...writes, method: "post", path: `/queue/{id}/${verb}` },
        operationId: `${verb}Mail`,
        summary,
        request: { params, headers: idempotencyHeaders },
        responses: { 204: { description: "Done." }, ...problems(400, 404, 409, 422, 503) },
      }),
      (context) => change(context, verb),
    );
  }
  api.openapi(
    createRoute({
      ...{ ...writes, method: "delete", path: "/queue/{id}" },
      operationId: "deleteMail",
      summary: "Delete a mail",
      description: "Nobody is told: neither its recipients nor its sender.",
      request: { params },
      responses: { 204: { description: "It is gone." }, ...problems(404, 409, 503) },
    }),
    (context) => change(context, "delete"),
  );
}

function unknownMail(): Response {
  return problem(404, { detail: "There is no mail with this id in the queue" });
}
