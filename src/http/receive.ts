/**
 * What happens to every request at [http] before anything answers it.
 *
 * @module
 */

import type { MiddlewareHandler } from "hono";
import { type Caller, type Callers, createCallers, hostOf, type HttpBindings } from "./caller.ts";
import type { SidecarParts } from "./parts.ts";
import { problem } from "./problem.ts";

/** What a route finds in its context. */
export interface HttpEnv {
  Bindings: HttpBindings;
  Variables: {
    /** Set at [http]; on a Unix socket there is none. */
    caller: Caller;
    callers: Callers;
  };
}

/** Paths that mail clients ask for under names of a domain. */
const PROFILE_REGEXP = /^\/(?:mail\/config-v1\.1\.xml|\.well-known\/autoconfig\/|autodiscover\/)/i;
const HEALTH_REGEXP = /^\/health\/(?:live|ready)$/;
const STRICT_TRANSPORT = "max-age=31536000";

/** Finds out who asks, refuses what was meant for another host, and says once by HTTPS that it has to stay so. */
export function receive(parts: Pick<SidecarParts, "current" | "records" | "now">): MiddlewareHandler<HttpEnv> {
  const known = new WeakMap<object, Callers>();
  return async (context, next) => {
    const { config } = parts.current();
    let callers = known.get(config);
    if (callers === undefined) {
      const { http, hostname, localDomains, defaultRealm, sasl } = config;
      const domains = [...localDomains, ...sasl.realms, defaultRealm];
      const { tls = false, trustedProxies = [], publicUrl = null } = http ?? {};
      callers = createCallers({ tls, trustedProxies, publicUrl, hostname, domains });
      known.set(config, callers);
    }
    const caller = callers.find(context.req.raw.headers, context.env.peer);
    if (parts.records.bans.around(caller.remote, parts.now()) !== null && !HEALTH_REGEXP.test(context.req.path)) {
      return problem(403, { detail: "Your network is barred from this server" });
    }
    context.set("caller", caller);
    context.set("callers", callers);
    const { path } = context.req;
    const kind = callers.hostKind(hostOf(context.req.raw));
    const wrongHost = kind === null || (kind === "profile" && !PROFILE_REGEXP.test(path));
    if (wrongHost && !HEALTH_REGEXP.test(path)) {
      return problem(421, {
        detail: "This server is not the host that was asked for: set public_url in [http] to its name",
      });
    }
    await next();
    if (caller.tls) context.res.headers.set("strict-transport-security", STRICT_TRANSPORT);
  };
}
