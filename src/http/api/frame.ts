/**
 * What all resources of the API share: the frame they are put into, and the words of the OpenAPI document. An operation says in the
 * document which scope it needs, and that is where the gate reads it.
 *
 * @module
 */

import { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { UserName } from "../../backend.ts";
import type { Actor, Scope } from "../../records/records.ts";
import { parseUserName } from "../../sasl/user_name.ts";
import type { SidecarParts } from "../parts.ts";
import { problem } from "../problem.ts";
import type { HttpEnv } from "../receive.ts";

/** What a resource finds in its context. */
export interface ApiEnv {
  Bindings: HttpEnv["Bindings"];
  Variables: HttpEnv["Variables"] & {
    /** Who asks; behind the gate it is somebody. */
    actor: Actor;
    /** Set by an operation whose answer holds a secret, which is then kept nowhere. */
    secret: boolean;
  };
}

/** A context of the API. */
export type ApiContext = Context<ApiEnv>;

/** The API while resources are put into it. */
export type Api = OpenAPIHono<ApiEnv>;

/** Where the API is. */
export const API_BASE = "/api/v1";

/** In the place of a scope: what no token may do. */
export const CONTROL_SOCKET = "control-socket";

/** How many items a page has, without `count` and at most. */
export const [PAGE_DEFAULT, PAGE_LIMIT] = [100, 1000];

const PROBLEMS = {
  400: ["BadRequest", "A parameter or header field is not of its form, or the body is no JSON."],
  401: ["Unauthorized", "No token, or none that is valid."],
  403: [
    "Forbidden",
    "The token has not the scope that the operation needs, which `detail` names, or it came without HTTPS.",
  ],
  404: ["NotFound", "There is no such thing."],
  409: ["Conflict", "The state of things does not allow it."],
  413: ["ContentTooLarge", "The body has more than 65536 octets."],
  415: ["UnsupportedMediaType", "The body is not application/json."],
  422: ["Unprocessable", "A field of the body is missing or not of its form; `field` and `mistakes` name it."],
  429: ["TooManyRequests", "Too many wrong tokens came from this host in the last minute."],
  503: ["Unavailable", "What the operation works with does not answer now."],
} as const;

type ProblemStatus = keyof typeof PROBLEMS;

interface ProblemReference {
  readonly $ref: string;
}

const problemSchema = z.object({
  type: z.string(),
  title: z.string().openapi({ example: "Unprocessable Content" }),
  status: z.int(),
  detail: z.string().openapi({ description: "A sentence for the person who asked." }),
  field: z.string().optional().openapi({ description: "The field or parameter that is wrong." }),
  mistakes: z.array(z.string()).optional().openapi({ description: "All mistakes, where there can be several." }),
  id: z.string().optional().openapi({ description: "By which the line in the server's log is found." }),
});

/** Makes the empty API, which answers what is not of its form with a problem document that quotes nothing of it. */
export function createFrame(): Api {
  const api: Api = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => result.success ? undefined : wrongForm(result.target, result.error.issues),
  });
  const { openAPIRegistry: registry } = api;
  registry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "A token of `dokodemo token new`. The control socket needs none.",
  });
  const { ref } = registry.registerComponent("schemas", "Problem", schemaOf(problemSchema));
  for (const [status, [name, description]] of Object.entries(PROBLEMS)) {
    registry.registerComponent("responses", name, {
      description,
      content: { "application/problem+json": { schema: ref } },
      ...status === "401" && { headers: { "WWW-Authenticate": { schema: { type: "string" } } } },
      ...status === "429" && { headers: { "Retry-After": { schema: { type: "integer" } } } },
    });
  }
  return api;
}

/** The part of a route that says who may. */
export function needs(scope: Scope | typeof CONTROL_SOCKET): { readonly security: { readonly bearer: string[] }[] } {
  return { security: [{ bearer: [scope] }] };
}

/** The answers that say what is wrong: these, and those that every operation has. */
export function problems(...statuses: readonly ProblemStatus[]): Readonly<Record<401 | 403 | 429, ProblemReference>> {
  return {
    ...{ 401: reference(401), 403: reference(403), 429: reference(429) },
    ...Object.fromEntries(statuses.map((status) => [status, reference(status)])),
  };
}

function reference(status: ProblemStatus): ProblemReference {
  return { $ref: `#/components/responses/${PROBLEMS[status][0]}` };
}

/** A JSON body or answer in a route. */
export function json<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
): { readonly description: string; readonly content: { readonly "application/json": { readonly schema: Schema } } } {
  return { description, content: { "application/json": { schema } } };
}

/** A JSON body in a route. */
export function jsonBody<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
): ReturnType<typeof json<Schema>> & { readonly required: true } {
  return { ...json(schema, description), required: true };
}

/** A page of a list in a route. */
export function pageOf<Item extends z.ZodType>(
  item: Item,
): z.ZodObject<{ items: z.ZodArray<Item>; next: z.ZodNullable<z.ZodString> }> {
  const next = z.string().nullable().openapi({ description: "`after` of the next page; null: this is the last." });
  return z.object({ items: z.array(item), next });
}

/** A page of records with a number, of which one more was asked for. */
export function seqPage<Row extends { readonly seq: number }, Item>(
  rows: readonly Row[],
  count: number,
  show: (row: Row) => Item,
): { readonly items: readonly Item[]; readonly next: string | null } {
  const items = rows.slice(0, count);
  const last = rows.length > count ? items.at(-1) : undefined;
  return { items: items.map(show), next: last === undefined ? null : String(last.seq) };
}

/** A password in a body. */
export function passwordField(): z.ZodString {
  const error = "expected a text of 1 to 1024 characters";
  return z.string({ error }).min(1, { error }).max(1024, { error }).openapi({ format: "password" });
}

/** The parameter `count` of lists. */
export function countParameter(): z.ZodType<number | undefined, string | undefined> {
  return z.string().regex(/^\d{1,4}$/).transform(Number).pipe(z.number().min(1).max(PAGE_LIMIT)).optional().openapi({
    type: "integer",
    minimum: 1,
    maximum: PAGE_LIMIT,
    description: `How many items at most; ${PAGE_DEFAULT} without it.`,
  });
}

/** The parameter `after` of lists whose items have a number. */
export function seqParameter(): z.ZodType<number | undefined, string | undefined> {
  return z.string().regex(/^\d{1,15}$/).transform(Number).optional().openapi({
    type: "string",
    pattern: "^[0-9]{1,15}$",
    description: "The `next` of the page before.",
  });
}

/** The header field of operations that a retry must not do twice. */
export const idempotencyHeaders: z.ZodObject<{ "Idempotency-Key": z.ZodOptional<z.ZodString> }> = z.object({
  "Idempotency-Key": z.string().optional().openapi({
    pattern: "^[!-~]{1,255}$",
    description:
      "Chosen by the caller, a random UUID for example: within a day the same request with the same key is " +
      "done once, and answered as the first time.",
  }),
});

/** The parameter of a path that names an account. */
export const accountParameter: z.ZodObject<{ account: z.ZodString }> = z.object({
  account: z.string().openapi({
    param: { name: "account", in: "path" },
    description: "`user@realm`, percent-encoded; without a realm it is in the default one.",
    example: "taro@example.jp",
  }),
});

/** The account that a path names, or `null` for what is no name. */
export function accountOf({ current }: Pick<SidecarParts, "current">, text: string): UserName | null {
  return parseUserName(text, current().config);
}

/** RFC 3339, UTC. */
export function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** There is no such account. */
export function unknownAccount(): Response {
  return problem(404, { detail: "There is no such account" });
}

interface Issue {
  readonly code?: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function wrongForm(target: string, issues: readonly Issue[]): Response {
  const named = issues.map(({ code, path, message }) => {
    return { name: path.map(String).join("."), expected: code === "unrecognized_keys" ? null : expectedBy(message) };
  });
  const [first] = named;
  if (target !== "json") {
    const field = first?.name || "query";
    return problem(400, { detail: `The parameter "${field}" is not one of this list or not of its form`, field });
  }
  const mistakes = named.map(({ name, expected }) => {
    const where = name === "" ? "the body" : name;
    return `${where}: ${expected ?? "it has fields that do not belong here"}`;
  });
  const field = first?.name ?? "";
  return field === ""
    ? problem(422, { detail: "The body has not exactly the fields that belong here", mistakes })
    : problem(422, { detail: `The field "${field}" is missing or not of its form`, field, mistakes });
}

/** zod's words of what was expected, which hold nothing of the input, without those of what came. */
function expectedBy(message: string): string {
  return /expected .*/i.exec(message)?.[0].replace(/, received .*$/, "") ?? "not of its form";
}

/** As a plain object of the document. */
function schemaOf(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...document } = z.toJSONSchema(schema);
  return document;
}
