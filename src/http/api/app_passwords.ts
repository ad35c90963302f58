/**
 * `/accounts/{account}/app-passwords`, for accounts of every backend.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import { type AppPasswordRefusal, explainRefusal } from "../../auth/app_password_admin.ts";
import type { UserName } from "../../backend.ts";
import { type AppPasswordOperations, appPasswordOperations } from "../operations/app_passwords.ts";
import type { SidecarParts } from "../parts.ts";
import { problem } from "../problem.ts";
import { credentialItem, credentialSchema } from "./account_answers.ts";
import {
  accountOf,
  accountParameter,
  type Api,
  type ApiContext,
  idempotencyHeaders,
  json,
  jsonBody,
  needs,
  problems,
  unknownAccount,
} from "./frame.ts";

const LABEL_EXPECTED = "expected a text of 1 to 64 characters";
const NETWORKS_EXPECTED = "expected a list of 20 networks at most";
const MECHANISMS_EXPECTED = "expected a list of mechanisms, or null";
const TIME_EXPECTED = "expected a time such as 2027-01-31T00:00:00Z, or null";

const wanted = z.strictObject({
  label: z.string({ error: LABEL_EXPECTED }).min(1, { error: LABEL_EXPECTED }).max(64, { error: LABEL_EXPECTED })
    .openapi({ description: "What it is for; no other app password of the account has it.", example: "phone" }),
  networks: z.array(z.string({ error: "expected a network" }).max(64, { error: "expected a network" }), {
    error: NETWORKS_EXPECTED,
  }).max(20, { error: NETWORKS_EXPECTED }).optional().openapi({
    description: "From where it is accepted; without it from everywhere.",
    example: ["192.0.2.0/24"],
  }),
  mechanisms: z.array(z.string({ error: "expected a mechanism" }).max(32, { error: "expected a mechanism" }), {
    error: MECHANISMS_EXPECTED,
  }).max(20, { error: MECHANISMS_EXPECTED }).nullable().optional().openapi({
    description: "With which mechanisms; without it, or null, with each.",
    example: ["PLAIN"],
  }),
  expires: z.string({ error: TIME_EXPECTED }).max(40, { error: TIME_EXPECTED }).nullable().optional().openapi({
    format: "date-time",
    description: "Until when; without it, or null, until it is revoked.",
  }),
});
const made = z.object({
  account: z.string(),
  credential: credentialSchema,
  password: z.string().openapi({ description: "Shown this once." }),
});

const tags = ["app passwords"];
const path = "/accounts/{account}/app-passwords";

/** Adds the operations. */
export function addAppPasswords(api: Api, parts: SidecarParts): void {
  const withUser = async (
    context: ApiContext,
    work: (acts: AppPasswordOperations, user: UserName) => Promise<Response>,
  ): Promise<Response> => {
    const user = accountOf(parts, context.req.param("account") ?? "");
    return user === null ? unknownAccount() : await work(appPasswordOperations(parts, context.get("actor")), user);
  };

  api.openapi(
    createRoute({
      ...{ ...needs("accounts:read"), tags, method: "get", path },
      operationId: "listAppPasswords",
      summary: "List the app passwords of an account of any backend",
      request: { params: accountParameter },
      responses: {
        200: json(z.object({ items: z.array(credentialSchema) }), "Without their secrets, the oldest first."),
        ...problems(404, 409, 503),
      },
    }),
    (context) =>
      withUser(context, async (acts, user) => {
        const listed = await acts.list(user);
        return listed.ok ? context.json({ items: listed.value.map(credentialItem) }) : refused(listed.problem);
      }),
  );
  api.openapi(
    createRoute({
      ...{ ...needs("accounts:write"), tags, method: "post", path },
      operationId: "makeAppPassword",
      summary: "Make an app password",
      description: "The password is in this answer and nowhere else.",
      request: { params: accountParameter, headers: idempotencyHeaders, body: jsonBody(wanted, "What it is to be.") },
      responses: { 201: json(made, "The app password."), ...problems(400, 404, 409, 413, 415, 422, 503) },
    }),
    (context) =>
      withUser(context, async (acts, user) => {
        const { label, networks = [], mechanisms = null, expires = null } = context.req.valid("json");
        const added = await acts.add(user, { label, networks, mechanisms, expires });
        if (!added.ok) return refused(added.problem);
        context.set("secret", true);
        const { account, credential, password } = added.value;
        return context.json({ account: account.name, credential: credentialItem(credential), password }, 201);
      }),
  );
  api.openapi(
    createRoute({
      ...{ ...needs("accounts:write"), tags, method: "delete", path: `${path}/{id}` },
      operationId: "revokeAppPassword",
      summary: "Revoke an app password",
      description: "No login by it is accepted from now on.",
      request: { params: accountParameter.extend({ id: z.string() }) },
      responses: { 204: { description: "It is revoked." }, ...problems(404, 503) },
    }),
    (context) =>
      withUser(context, async (acts, user) => {
        const revoked = await acts.revoke(user, context.req.valid("param").id);
        if (revoked.ok) return context.body(null, 204);
        return revoked.problem === "unavailable"
          ? problem(503, { detail: "The app passwords cannot be changed now" })
          : problem(404, { detail: "The account has no app password with this id" });
      }),
  );
}

function refused(refusal: AppPasswordRefusal): Response {
  if (refusal.kind === "unknown-account") return unknownAccount();
  const detail = `There is no app password: ${explainRefusal(refusal)}`;
  switch (refusal.kind) {
    case "bad-label":
      return problem(422, { detail, field: "label" });
    case "bad-networks":
      return problem(422, { detail, field: "networks" });
    case "bad-mechanisms":
      return problem(422, { detail, field: "mechanisms" });
    case "bad-expires":
      return problem(422, { detail, field: "expires" });
    case "label-taken":
      return problem(409, { detail, field: "label" });
    case "too-many":
    case "not-allowed":
    case "no-lookup":
    case "required":
    case "bad-name":
      return problem(409, { detail });
    case "unavailable":
      return problem(503, { detail });
  }
}
