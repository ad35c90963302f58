/**
 * Forms: their fields, and that they come from our own pages.
 *
 * @module
 */

import type { MiddlewareHandler } from "hono";
import { decodeUtf8 } from "../../lib/octets.ts";
import { hostOf } from "../caller.ts";
import { readUpTo } from "../problem.ts";
import type { PageContext, PageEnv } from "./page_env.ts";

/** No form of ours is longer. */
const FORM_LIMIT_OCTETS = 16_384;

/** The fields of a form, `""` for what is missing; `null` where the body is none, or too long. White space stays: a password may begin with it. */
export async function readForm(context: PageContext): Promise<((name: string) => string) | null> {
  const type = context.req.header("content-type") ?? "";
  if (!/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type)) return null;
  const octets = await readUpTo(context.req.raw.body, FORM_LIMIT_OCTETS);
  const text = octets === null ? null : decodeUtf8(octets);
  if (text === null) return null;
  const fields = new URLSearchParams(text);
  return (name) => fields.get(name) ?? "";
}

/**
 * Whether a request that changes something was made by a page of ours, and not by one of somebody else's whom the browser sends our cookie
 * for. Every browser of today says so in one of two header fields, which scripts cannot set.
 */
export function isFromOurPage(request: Pick<Request, "headers" | "url">): boolean {
  const { headers } = request;
  const site = headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin";
  const origin = URL.parse(headers.get("origin") ?? "");
  return origin !== null && origin.host === hostOf(request)?.toLowerCase();
}

/** Refuses what other people's pages send. */
export function sameOrigin(refuse: (context: PageContext) => Response | Promise<Response>): MiddlewareHandler<PageEnv> {
  return async (context, next) => {
    const { method, raw } = context.req;
    if (method === "GET" || method === "HEAD" || isFromOurPage(raw)) return await next();
    return await refuse(context);
  };
}
