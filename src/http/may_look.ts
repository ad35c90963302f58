/**
 * Who may see numbers and reasons at [http]: this machine, and whoever has a token for it and comes by HTTPS.
 *
 * @module
 */

import type { Context } from "hono";
import type { SidecarParts } from "./parts.ts";
import type { HttpEnv } from "./receive.ts";

const BEARER_REGEXP = /^Bearer +([\w~+/.=-]+)$/i;

/** Whether a request is one of this machine that came without a proxy, or has a token with the scope `metrics:read` and came by HTTPS. */
export function mayLook({ records, now }: Pick<SidecarParts, "records" | "now">, context: Context<HttpEnv>): boolean {
  const { local, secure } = context.get("caller");
  if (local) return true;
  // A token that crosses the network in the clear is anybody's.
  if (!secure) return false;
  const secret = BEARER_REGEXP.exec(context.req.header("authorization") ?? "")?.[1];
  const token = secret === undefined ? null : records.tokens.check(secret, now());
  return token?.scopes.includes("metrics:read") ?? false;
}
