/**
 * The route that a mail in the queue takes, as far as the configuration tells it.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { ROUTES } from "../delivery/routes.ts";
import { toAscii } from "../lib/domain.ts";
import { chooseRoute, type RoutedPath } from "../policy/routes.ts";
import { domainOf } from "../smtp/path.ts";

/** What decides. */
export type RoutingConfig = Pick<Config, "routes" | "localDomains" | "delivery">;

/** The names of all routes that there are. */
export function routeNames({ routes }: Pick<RoutingConfig, "routes">): readonly string[] {
  return [...routes.map(({ name }) => name), ...ROUTES];
}

/** The name of the route. No backend is asked: an address here that nobody has counts as one that somebody has. */
export function queueRoute(path: RoutedPath, { routes, localDomains, delivery }: RoutingConfig): string {
  const chosen = chooseRoute(routes, path);
  if (chosen !== null) return chosen.name;
  const written = domainOf(path.forwardPath);
  // RFC 5321 section 4.5.1: postmaster may stand without a domain.
  const isLocal = written === null || localDomains.includes(toAscii(written) ?? written.toLowerCase());
  return isLocal ? delivery.local?.to.kind ?? "maildir" : delivery.default;
}
