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
import type { QueueChanges, QueueVerb } from "../queue_operations.ts";
import { routeNames } from "../queue_route.ts";
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
const selectionQuery = z.strictObject({
  account: z.string().min(1).max(320).optional().openapi({ description: "Sent by this account." }),
  domain: listQuery.shape.domain.openapi({
    description: "For recipients in this domain; what the same mails are to others stays as it is.",
  }),
  route: z.string().min(1).max(64).optional().openapi({ description: "For recipients that take this route." }),
  all: z.literal("true").optional().openapi({
    description: "Where nothing else tells which mails it has to be given, but for a retry.",
  }),
  after: listQuery.shape.after.openapi({ description: "The `next` of the piece before." }),
  count: z.string().regex(/^\d{1,6}$/).transform(Number).pipe(z.number().min(1)).optional().openapi({
    type: "integer",
    minimum: 1,
    maximum: 999_999,
    description: "Goes through so many mails of the queue and no more; without it, through all.",
  }),
});
const changed = z.object({
  changed: z.int().openapi({ description: "How many mails that touched." }),
  mails: z.array(z.string()).optional().openapi({ description: "Their ids; where `count` was given." }),
  next: z.string().nullable().openapi({ description: "`after` of the next piece; null: that was all." }),
});
const params = z.object({ id: z.string().openapi({ param: { name: "id", in: "path" } }) });

const writes = { ...needs("queue:write"), tags: ["queue"] };
const reads = { ...needs("queue:read"), tags: ["queue"] };

/** What can be done to one mail by POST, and the words for it. */
const VERBS = [
  ["retry", "Try a mail now"],
  ["hold", "Hold a mail back"],
  ["release", "Let a mail that was held go on"],
] as const;

/** What can be done to many. */
const MANY = [
  ["retry", "Try what waits now: everything, or what is selected"],
  ["hold", "Hold mails back"],
  ["release", "Let mails that were held go on"],
  ["delete", "Delete mails"],
] as const;

/** Mails that are gone through at once. */
const PIECE_MAILS = 10_000;

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
  const changeMany = async (
    context: ApiContext,
    verb: QueueVerb,
    { after, count, all, ...selection }: z.output<typeof selectionQuery>,
  ): Promise<Response> => {
    const { account, domain, route } = selection;
    const names = routeNames(parts.current().config);
    if (route !== undefined && !names.includes(route)) {
      return problem(400, { detail: `There is no such route; there are ${names.join(", ")}`, field: "route" });
    }
    if (verb !== "retry" && all === undefined && (account ?? domain ?? route) === undefined) {
      return problem(400, { detail: "Say which mails by account, domain or route, or all=true", field: "all" });
    }
    const given = {
      ...account !== undefined && { account },
      ...domain !== undefined && { domain },
      ...route !== undefined && { route },
    };
    const mails: string[] = [];
    let next: string | null = after ?? null;
    do {
      const changes: QueueChanges = await queueOf(context).changeMany(verb, given, {
        after: next,
        count: count ?? PIECE_MAILS,
      });
      mails.push(...changes.mails);
      next = changes.next;
    } while (next !== null && count === undefined);
    return context.json({ changed: mails.length, ...count !== undefined && { mails }, next });
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
  for (const [verb, summary] of MANY) {
    api.openapi(
      createRoute({
        ...{ ...writes, method: "post", path: `/queue/${verb}` },
        operationId: `${verb}Queue`,
        summary,
        ...verb === "delete" && { description: "Nobody is told: neither their recipients nor their senders." },
        request: { query: selectionQuery, headers: idempotencyHeaders },
        responses: { 200: json(changed, "Done."), ...problems(400, 409, 422, 503) },
      }),
      (context) => changeMany(context, verb, context.req.valid("query")),
    );
  }
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
