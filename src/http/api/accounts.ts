/**
 * `/accounts`: the accounts of our own store.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import type { SidecarParts } from "../parts.ts";
import { accountItem, accountSchema, actsOf, refused, storeQuery, withAccount } from "./account_answers.ts";
import {
  accountOf,
  accountParameter,
  type Api,
  API_BASE,
  countParameter,
  idempotencyHeaders,
  json,
  jsonBody,
  needs,
  PAGE_DEFAULT,
  pageOf,
  passwordField,
  problems,
} from "./frame.ts";

const NAME_EXPECTED = "expected an account such as taro@example.jp";

const newAccount = z.strictObject({
  account: z.string({ error: NAME_EXPECTED }).min(1, { error: NAME_EXPECTED }).max(320, { error: NAME_EXPECTED })
    .openapi({ example: "taro@example.jp" }),
  password: passwordField(),
});
const change = z.strictObject({ disabled: z.boolean({ error: "expected true or false" }) });
const listQuery = storeQuery.extend({
  search: z.string().min(1).max(320).optional().openapi({
    description: "A part of the name or of an address, without case.",
  }),
  realm: z.string().min(1).max(255).optional(),
  after: z.string().min(1).max(320).optional().openapi({ description: "The `next` of the page before." }),
  count: countParameter(),
});

const reads = { ...needs("accounts:read"), tags: ["accounts"] };
const writes = { ...needs("accounts:write"), tags: ["accounts"] };
const one = { params: accountParameter, query: storeQuery };

/** Adds the operations. */
export function addAccounts(api: Api, parts: SidecarParts): void {
  api.openapi(
    createRoute({
      ...{ ...reads, method: "get", path: "/accounts" },
      operationId: "listAccounts",
      summary: "List accounts, sorted by name",
      request: { query: listQuery },
      responses: { 200: json(pageOf(accountSchema), "One page."), ...problems(400, 409, 503) },
    }),
    async (context) => {
      const { search, realm, after = null, count = PAGE_DEFAULT } = context.req.valid("query");
      const filter = { ...search !== undefined && { search }, ...realm !== undefined && { realm } };
      const listed = await actsOf(parts, context).list(filter, { after, count });
      if (!listed.ok) return refused(listed.problem);
      return context.json({ items: listed.value.items.map(accountItem), next: listed.value.next });
    },
  );
  api.openapi(
    createRoute({
      ...{ ...writes, method: "post", path: "/accounts" },
      operationId: "makeAccount",
      summary: "Make an account",
      request: {
        ...{ query: storeQuery, headers: idempotencyHeaders },
        body: jsonBody(newAccount, "Its name, and the password for every mechanism."),
      },
      responses: {
        201: {
          ...json(accountSchema, "The account."),
          headers: { Location: { description: "Where it is.", schema: { type: "string" } } },
        },
        ...problems(400, 409, 413, 415, 422, 503),
      },
    }),
    async (context) => {
      const { account, password } = context.req.valid("json");
      const user = accountOf(parts, account);
      if (user === null) return refused({ kind: "bad-name" });
      const added = await actsOf(parts, context).add(user, password);
      if (!added.ok) return refused(added.problem);
      context.header("Location", `${API_BASE}/accounts/${encodeURIComponent(added.value.name)}`);
      return context.json(accountItem(added.value), 201);
    },
  );
  api.openapi(
    createRoute({
      ...{ ...reads, method: "get", path: "/accounts/{account}" },
      operationId: "showAccount",
      summary: "Show an account",
      request: one,
      responses: { 200: json(accountSchema, "The account."), ...problems(400, 404, 409, 503) },
    }),
    (context) =>
      withAccount(parts, context, async (acts, user) => {
        const shown = await acts.show(user);
        return shown.ok ? context.json(accountItem(shown.value)) : refused(shown.problem);
      }),
  );
  api.openapi(
    createRoute({
      ...{ ...writes, method: "patch", path: "/accounts/{account}" },
      operationId: "changeAccount",
      summary: "Disable an account, or let it log in again",
      description: "A disabled account cannot log in, and its sessions of the pages end.",
      request: { ...one, body: jsonBody(change, "What changes.") },
      responses: { 200: json(accountSchema, "The account."), ...problems(400, 404, 409, 413, 415, 422, 503) },
    }),
    (context) =>
      withAccount(parts, context, async (acts, user) => {
        const set = await acts.setDisabled(user, context.req.valid("json").disabled);
        return set.ok ? context.json(accountItem(set.value)) : refused(set.problem);
      }),
  );
  api.openapi(
    createRoute({
      ...{ ...writes, method: "delete", path: "/accounts/{account}" },
      operationId: "deleteAccount",
      summary: "Delete an account",
      description: "Its app passwords, sessions and part of the authentication log go with it; queued mail stays.",
      request: one,
      responses: { 204: { description: "It is gone." }, ...problems(400, 404, 409, 503) },
    }),
    (context) =>
      withAccount(parts, context, async (acts, user) => {
        const removed = await acts.remove(user);
        return removed.ok ? context.body(null, 204) : refused(removed.problem);
      }),
  );
}
