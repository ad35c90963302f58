/**
 * `/limits` and `/holds`: what accounts have used, values of their own, and accounts on hold.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import { LIMITS } from "../../policy/limits.ts";
import { accountLimitsSchema, holdViewSchema, limitKey, limitNameOf } from "../limit_operations.ts";
import { auditedLimits, countedAccount } from "../operations/limits.ts";
import type { SidecarParts } from "../parts.ts";
import { problem } from "../problem.ts";
import {
  accountOf,
  accountParameter,
  type Api,
  type ApiContext,
  countParameter,
  idempotencyHeaders,
  json,
  jsonBody,
  needs,
  PAGE_DEFAULT,
  problems,
  unknownAccount,
} from "./frame.ts";

const NUMBER_EXPECTED = "expected a number from 0 to 1000000000000, or null for no limit";
const most = z.int({ error: NUMBER_EXPECTED }).min(0, { error: NUMBER_EXPECTED }).max(1e12, { error: NUMBER_EXPECTED })
  .nullable();
const values = z.strictObject({
  set: z.partialRecord(z.enum(LIMITS.map(({ name }) => limitKey(name))), most).optional().openapi({
    description: "Values of its own by name, such as `mails_per_day`; null: no limit.",
  }),
  unset: z.array(z.enum(LIMITS.map(({ name }) => limitKey(name)))).optional().openapi({
    description: "Names of limits for which the configuration's value is to hold again.",
  }),
});
const REASON_EXPECTED = "expected a text of 1 to 200 characters";
const wanted = z.strictObject({
  account: z.string({ error: "expected a name such as taro@example.jp" }),
  reason: z.string({ error: REASON_EXPECTED }).trim().min(1, { error: REASON_EXPECTED }).max(200, {
    error: REASON_EXPECTED,
  }),
});
const limits = accountLimitsSchema;
const held = holdViewSchema;
const done = z.object({ mails: z.int().openapi({ description: "How many mails that touched." }) });

const [readsLimits, writesLimits] = [needs("accounts:read"), needs("accounts:write")]
  .map((security) => ({ ...security, tags: ["limits"] }));
const [readsHolds, writesHolds] = [needs("queue:read"), needs("queue:write")]
  .map((security) => ({ ...security, tags: ["holds"] }));

/** Adds the operations. */
export function addLimits(api: Api, parts: SidecarParts): void {
  const named = async (context: ApiContext): Promise<string | null> => {
    const user = accountOf(parts, context.req.param("account") ?? "");
    return user === null ? null : await countedAccount(parts, user, context.req.raw.signal);
  };
  const limitsBy = (context: ApiContext) => auditedLimits(parts, context.get("actor"));

  api.openapi(
    createRoute({
      ...{ ...readsLimits, method: "get", path: "/limits" },
      operationId: "listLimitedAccounts",
      summary: "List the accounts that have sent within the last days or have limits of their own",
      request: { query: z.strictObject({ count: countParameter() }) },
      responses: { 200: json(z.object({ items: z.array(z.string()) }), "The latest first."), ...problems(400) },
    }),
    (context) => {
      const { count = PAGE_DEFAULT } = context.req.valid("query");
      return context.json({ items: [...parts.limits.accounts(count)] });
    },
  );
  api.openapi(
    createRoute({
      ...{ ...readsLimits, method: "get", path: "/limits/{account}" },
      operationId: "showLimits",
      summary: "Show how the limits of an account stand",
      request: { params: accountParameter },
      responses: { 200: json(limits, "Each limit."), ...problems(404) },
    }),
    async (context) => {
      const account = await named(context);
      return account === null ? unknownAccount() : context.json(parts.limits.show(account));
    },
  );
  api.openapi(
    createRoute({
      ...{ ...writesLimits, method: "post", path: "/limits/{account}" },
      operationId: "setLimits",
      summary: "Give an account limits of its own",
      request: { params: accountParameter, headers: idempotencyHeaders, body: jsonBody(values, "The changes.") },
      responses: { 200: json(limits, "As they stand now."), ...problems(400, 404, 409, 413, 415, 422) },
    }),
    async (context) => {
      const account = await named(context);
      if (account === null) return unknownAccount();
      const { set = {}, unset = [] } = context.req.valid("json");
      const changes = [
        ...Object.entries(set),
        ...unset.map((key) => [key, undefined] as const),
      ].flatMap(([key, value]) => {
        const name = limitNameOf(key);
        return name === null ? [] : [[name, value] as const];
      });
      limitsBy(context).setValues(account, new Map(changes));
      return context.json(parts.limits.show(account));
    },
  );
  api.openapi(
    createRoute({
      ...{ ...writesLimits, method: "post", path: "/limits/{account}/reset" },
      operationId: "resetLimits",
      summary: "Let what an account has used begin at 0 again",
      request: { params: accountParameter, headers: idempotencyHeaders },
      responses: { 200: json(limits, "As they stand now."), ...problems(400, 404, 409, 422) },
    }),
    async (context) => {
      const account = await named(context);
      if (account === null) return unknownAccount();
      limitsBy(context).reset(account);
      return context.json(parts.limits.show(account));
    },
  );
  api.openapi(
    createRoute({
      ...{ ...readsHolds, method: "get", path: "/holds" },
      operationId: "listHolds",
      summary: "List the accounts on hold",
      responses: { 200: json(z.object({ items: z.array(held) }), "The latest first."), ...problems() },
    }),
    (context) => context.json({ items: [...parts.limits.listHolds()] }),
  );
  api.openapi(
    createRoute({
      ...{ ...writesHolds, method: "post", path: "/holds" },
      operationId: "addHold",
      summary: "Put an account on hold: its mail is accepted, queued and not sent",
      request: { headers: idempotencyHeaders, body: jsonBody(wanted, "Whose mail, and why.") },
      responses: { 200: json(done, "It is on hold."), ...problems(400, 404, 409, 413, 415, 422, 503) },
    }),
    async (context) => {
      const { account: text, reason } = context.req.valid("json");
      const user = accountOf(parts, text);
      const account = user === null ? null : await countedAccount(parts, user, context.req.raw.signal);
      if (account === null) return unknownAccount();
      const mails = await limitsBy(context).hold(account, reason);
      return mails === null ? problem(409, { detail: "The account is on hold already" }) : context.json({ mails });
    },
  );
  for (
    const [verb, summary] of [
      ["release", "Take an account off hold and send what the hold has held"],
      ["discard", "Delete what the hold has held, without a notice to anybody; the account stays on hold"],
    ] as const
  ) {
    api.openapi(
      createRoute({
        ...{ ...writesHolds, method: "post", path: `/holds/{account}/${verb}` },
        operationId: `${verb}Hold`,
        summary,
        request: { params: accountParameter, headers: idempotencyHeaders },
        responses: { 200: json(done, "Done."), ...problems(400, 404, 409, 422, 503) },
      }),
      async (context) => {
        // Not asked for at the backends: an account that is gone must not stay on hold for ever.
        const user = accountOf(parts, context.req.param("account") ?? "");
        const account = user === null ? null : heldName(parts, `${user.local}@${user.realm}`);
        const mails = account === null ? null : await limitsBy(context)[verb](account);
        return mails === null ? problem(404, { detail: "The account is not on hold" }) : context.json({ mails });
      },
    );
  }
}

/** The account on hold that is meant: as it is written, else without regard to case. */
function heldName({ limits }: Pick<SidecarParts, "limits">, written: string): string | null {
  const names = limits.listHolds().map(({ account }) => account);
  return names.find((name) => name === written) ??
    names.find((name) => name.toLowerCase() === written.toLowerCase()) ?? null;
}
