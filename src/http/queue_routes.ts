/**
 * The queue in the API: `/api/v1/queue`.
 *
 * @module
 */

import { Hono } from "hono";
import { z } from "zod";
import { toAscii } from "../lib/domain.ts";
import { problem } from "./problem.ts";
import type { QueueOperations, QueueVerb } from "./queue_operations.ts";

const PAGE_DEFAULT = 100;
const PAGE_LIMIT = 1000;

const listSchema = z.strictObject({
  after: z.string().min(1).max(64).optional(),
  count: z.string().regex(/^\d{1,4}$/).transform(Number).pipe(z.number().min(1).max(PAGE_LIMIT)).optional(),
  account: z.string().min(1).max(320).optional(),
  domain: z.string().transform((domain) => toAscii(domain)).pipe(z.string()).optional(),
});

/** The routes under `/api/v1/queue`. */
export function queueRoutes(queue: QueueOperations): Hono {
  const routes = new Hono();
  routes.get("/", async (context) => {
    const query = listSchema.safeParse(context.req.query());
    if (!query.success) {
      const field = query.error.issues[0]?.path.join(".") || "query";
      return problem(400, { detail: `The parameter "${field}" is not one of this list or not of its form`, field });
    }
    const { after = null, count = PAGE_DEFAULT, account, domain } = query.data;
    const filter = { ...account !== undefined && { account }, ...domain !== undefined && { domain } };
    return context.json(await queue.list(filter, { after, count }));
  });
  routes.post("/retry", async (context) => context.json({ changed: await queue.retryAll() }));
  routes.get("/:id", async (context) => {
    const item = await queue.show(context.req.param("id"));
    return item === null ? unknownMail() : context.json(item);
  });
  routes.post("/:id/retry", (context) => change(queue, { verb: "retry", id: context.req.param("id") }));
  routes.post("/:id/hold", (context) => change(queue, { verb: "hold", id: context.req.param("id") }));
  routes.post("/:id/release", (context) => change(queue, { verb: "release", id: context.req.param("id") }));
  routes.delete("/:id", (context) => change(queue, { verb: "delete", id: context.req.param("id") }));
  return routes;
}

async function change(
  queue: QueueOperations,
  { verb, id }: { readonly verb: QueueVerb; readonly id: string },
): Promise<Response> {
  switch (await queue.change(verb, id)) {
    case "changed":
      return new Response(null, { status: 204 });
    case "unknown":
      return unknownMail();
    case "unchanged":
      return problem(409, { detail: `Cannot ${verb} the mail: none of its recipients is in a state for that` });
  }
}

function unknownMail(): Response {
  return problem(404, { detail: "There is no mail with this id in the queue" });
}
