/**
 * `/accounts/{account}/...`: password, addresses and credentials of an account of our own store.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import type { SidecarParts } from "../parts.ts";
import {
  credentialItem,
  credentialSchema,
  refused,
  refusedAddresses,
  storeQuery,
  withAccount,
} from "./account_answers.ts";
import { accountParameter, type Api, json, jsonBody, needs, passwordField, problems } from "./frame.ts";

const ADDRESSES_EXPECTED = "expected a list of 100 addresses at most";
const ADDRESS_EXPECTED = "expected an address or a pattern";

const addressesSchema = z.strictObject({
  addresses: z.array(z.string({ error: ADDRESS_EXPECTED }).max(320, { error: ADDRESS_EXPECTED }), {
    error: ADDRESSES_EXPECTED,
  }).max(100, { error: ADDRESSES_EXPECTED }).openapi({
    description: "Addresses, or patterns: `@example.jp` is each address there, `*` is every address.",
    example: ["taro@example.jp", "info@example.jp"],
  }),
});
const newPassword = z.strictObject({ password: passwordField() });
const credentialsSchema = z.object({ items: z.array(credentialSchema) });

const reads = { ...needs("accounts:read"), tags: ["accounts"] };
const writes = { ...needs("accounts:write"), tags: ["accounts"] };
const one = { params: accountParameter, query: storeQuery };

/** Adds the operations. */
export function addAccountDetails(api: Api, parts: SidecarParts): void {
  api.openapi(
    createRoute({
      ...{ ...writes, method: "put", path: "/accounts/{account}/password" },
      operationId: "setPassword",
      summary: "Set the password",
      description: "All verifiers are made anew, the old password is refused at once, and sessions of the pages end.",
      request: { ...one, body: jsonBody(newPassword, "The new password.") },
      responses: { 204: { description: "It is set." }, ...problems(400, 404, 409, 413, 415, 422, 503) },
    }),
    (context) =>
      withAccount(parts, context, async (acts, user) => {
        const set = await acts.setPassword(user, context.req.valid("json").password);
        return set.ok ? context.body(null, 204) : refused(set.problem);
      }),
  );
  api.openapi(
    createRoute({
      ...{ ...reads, method: "get", path: "/accounts/{account}/addresses" },
      operationId: "listAddresses",
      summary: "List the addresses",
      request: one,
      responses: { 200: json(addressesSchema, "The addresses."), ...problems(400, 404, 409, 503) },
    }),
    (context) =>
      withAccount(parts, context, async (acts, user) => {
        const shown = await acts.show(user);
        return shown.ok ? context.json({ addresses: shown.value.addresses }) : refused(shown.problem);
      }),
  );
  api.openapi(
    createRoute({
      ...{ ...writes, method: "put", path: "/accounts/{account}/addresses" },
      operationId: "setAddresses",
      summary: "Replace the addresses",
      request: { ...one, body: jsonBody(addressesSchema, "All of them.") },
      responses: {
        200: json(addressesSchema, "The addresses as they are stored."),
        ...problems(400, 404, 409, 413, 415, 422, 503),
      },
    }),
    (context) =>
      withAccount(parts, context, async (acts, user) => {
        const { addresses } = context.req.valid("json");
        const set = await acts.setAddresses(user, addresses);
        return set.ok ? context.json({ addresses: set.value.addresses }) : refusedAddresses(set.problem, addresses);
      }),
  );
  api.openapi(
    createRoute({
      ...{ ...reads, method: "get", path: "/accounts/{account}/credentials" },
      operationId: "listCredentials",
      summary: "List the credentials, without their secrets",
      request: one,
      responses: {
        200: json(credentialsSchema, "The credentials, the oldest first."),
        ...problems(400, 404, 409, 503),
      },
    }),
    (context) =>
      withAccount(parts, context, async (acts, user) => {
        const shown = await acts.show(user);
        if (!shown.ok) return refused(shown.problem);
        return context.json({ items: shown.value.credentials.map(credentialItem) });
      }),
  );
}
