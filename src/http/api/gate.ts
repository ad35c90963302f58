/**
 * The gate before the API: who asks, whether they may, and whether there is such an operation, in this order. A stranger learns nothing,
 * not even which paths there are.
 *
 * @module
 */

import type { MiddlewareHandler } from "hono";
import type { Actor, Token } from "../../records/records.ts";
import type { SidecarParts } from "../parts.ts";
import { problem } from "../problem.ts";
import { createRateLimit } from "../rate_limit.ts";
import { type Api, API_BASE, type ApiContext, type ApiEnv, CONTROL_SOCKET } from "./frame.ts";
import { readJsonBody } from "./json_body.ts";
import { onlyOnce } from "./only_once.ts";

/** What the gate needs. */
export type GateParts = Pick<SidecarParts, "records" | "now" | "log">;

/** Wrong tokens of one host in a minute. */
const WRONG_TOKENS = 30;
const BEARER_REGEXP = /^Bearer +([\w~+/.=-]+)$/i;
const CONTROL: Actor = { who: "control socket", from: "local" };

/** One operation of the document. */
interface Operation {
  readonly method: string;
  readonly path: RegExp;
  /** `null`: the mode of the control socket is the only right to it. */
  readonly scope: string | null;
  readonly hasBody: boolean;
}

/** Guards an API. `control`: it is on the control socket, whose mode is the right to do everything. */
export function gate(
  api: Api,
  parts: GateParts,
  { control }: { readonly control: boolean },
): MiddlewareHandler<ApiEnv> {
  const wrongTokens = createRateLimit(WRONG_TOKENS);
  let known: readonly Operation[] | null = null;
  return async (context, next) => {
    if (!control && !isSafe(context)) return inTheClear();
    const token = control ? null : bearer(context, parts);
    if (!control && token === null) return refuseStranger(context, wrongTokens, parts);
    // All are there by the first request.
    const found = findOperation(known ??= operationsOf(api), context);
    if (found instanceof Response) return found;
    if (token !== null && (found.scope === null || !token.scopes.some((scope) => scope === found.scope))) {
      return tooWeak(found.scope);
    }
    context.set("actor", token === null ? CONTROL : actorOf(token, context));
    context.set("secret", false);
    const body = found.hasBody ? await readJsonBody(context) : null;
    if (body instanceof Response) return body;
    if (context.req.method !== "POST") return await next();
    const who = token === null ? CONTROL.who : `token ${token.id}`;
    return await onlyOnce(context, { who, body, ...parts }, next);
  };
}

/** Whether nothing of a token can be read on its way here; without one there is nothing to read. */
function isSafe(context: ApiContext): boolean {
  return context.get("caller").secure || context.req.header("authorization") === undefined;
}

function inTheClear(): Response {
  const detail =
    "Tokens are taken over HTTPS alone. This one has crossed the network in the clear: revoke it, and use " +
    "a new one by https://";
  return problem(403, { detail });
}

function bearer(context: ApiContext, { records, now }: GateParts): Token | null {
  const secret = BEARER_REGEXP.exec(context.req.header("authorization") ?? "")?.[1];
  return secret === undefined ? null : records.tokens.check(secret, now());
}

function actorOf({ label }: Token, context: ApiContext): Actor {
  return { who: `token ${label}`, from: context.get("caller").remote };
}

/** RFC 6750 section 3: without a token nothing is said of an error. */
function refuseStranger(
  context: ApiContext,
  wrongTokens: ReturnType<typeof createRateLimit>,
  { now, log }: GateParts,
): Response {
  if (context.req.header("authorization") === undefined) {
    return problem(401, { detail: "The API needs a token: Authorization: Bearer TOKEN" }, {
      "www-authenticate": "Bearer",
    });
  }
  const { remote } = context.get("caller");
  if (!wrongTokens.take(remote, now())) {
    return problem(429, { detail: "Too many wrong tokens came from this host: wait a minute" }, {
      "retry-after": "60",
    });
  }
  log({ kind: "token-refused", remote });
  return problem(401, { detail: "The token is unknown, expired or revoked" }, {
    "www-authenticate": 'Bearer error="invalid_token"',
  });
}

function tooWeak(scope: string | null): Response {
  if (scope === null) {
    return problem(403, { detail: "This is done over the control socket alone: no token is enough for it" });
  }
  return problem(403, { detail: `The token has not the scope ${scope}, which this needs` }, {
    "www-authenticate": `Bearer error="insufficient_scope", scope="${scope}"`,
  });
}

function findOperation(operations: readonly Operation[], context: ApiContext): Operation | Response {
  const { path } = context.req;
  const here = operations.filter((operation) => operation.path.test(path));
  // A router that has GET has HEAD (RFC 9110 section 9.3.2).
  const method = context.req.method === "HEAD" ? "GET" : context.req.method;
  const found = here.find((operation) => operation.method === method);
  if (found !== undefined) return found;
  if (here.length === 0) return problem(404, { detail: "There is nothing at this path" });
  const allowed = [
    ...new Set(here.flatMap((operation) => operation.method === "GET" ? ["GET", "HEAD"] : [operation.method])),
  ];
  return problem(405, { detail: `This path has the methods ${allowed.join(", ")}` }, { allow: allowed.join(", ") });
}

function operationsOf({ openAPIRegistry: { definitions } }: Api): readonly Operation[] {
  return definitions.flatMap((definition) => {
    if (definition.type !== "route") return [];
    const { method, path, security, request } = definition.route;
    const scope = security?.[0]?.["bearer"]?.[0];
    if (scope === undefined) throw new TypeError(`Cannot guard ${method} ${path}: it says not who may`);
    return [{
      method: method.toUpperCase(),
      path: new RegExp(`^${API_BASE}${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`),
      scope: scope === CONTROL_SOCKET ? null : scope,
      hasBody: request?.body !== undefined,
    }];
  });
}
