/**
 * Who may see numbers and reasons at [http]: this machine, and whoever has a token for it.
 *
 * @module
 */

import type { Context } from "hono";
import type { SidecarParts } from "./parts.ts";
import type { HttpEnv } from "./receive.ts";

const BEARER_REGEXP = /^Bearer +([\w~+/.=-]+)$/i;

/** Whether a request is one of this machine that came without a proxy, or has a token with the scope `metrics:read`. */
export function mayLook({ records, now }: Pick<SidecarParts, "records" | "now">, context: Context<HttpEnv>): boolean {
  if (context.get("caller").local) return true;
  const secret = BEARER_REGEXP.exec(context.req.header("authorization") ?? "")?.[1];
  const token = secret === undefined ? null : records.tokens.check(secret, now());
  return token?.scopes.includes("metrics:read") ?? false;
}
