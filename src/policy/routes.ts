/**
 * Which of the configured routes a recipient takes. The first that fits decides.
 *
 * @module
 */

import { toAscii } from "../lib/domain.ts";
import { domainOf } from "../smtp/path.ts";

/** When a route is taken: each of these that is not empty has to fit. Not all of them are empty. */
export interface RouteConditions {
  /** Lower-case A-labels of the forward-path; `*.` in front of one stands for all domains below it. */
  readonly recipientDomains: readonly string[];
  /** Names of accounts that the mail may come from. */
  readonly accounts: readonly string[];
  /** As `recipientDomains`, of the reverse-path; the null reverse-path has no domain. */
  readonly senderDomains: readonly string[];
}

/** What is looked at. */
export interface RoutedPath {
  readonly forwardPath: string;
  /** `null`: the null reverse-path. */
  readonly reversePath: string | null;
  /** Who has sent the mail; `null`: nobody who logged in, or we ourselves. */
  readonly account: string | null;
}

/** The first route that fits, or `null`. */
export function chooseRoute<Route extends { readonly when: RouteConditions }>(
  routes: readonly Route[],
  path: RoutedPath,
): Route | null {
  return routes.find(({ when }) => fits(when, path)) ?? null;
}

function fits({ recipientDomains, accounts, senderDomains }: RouteConditions, path: RoutedPath): boolean {
  return (recipientDomains.length === 0 || isIn(recipientDomains, path.forwardPath)) &&
    (accounts.length === 0 || (path.account !== null && accounts.includes(path.account))) &&
    (senderDomains.length === 0 || (path.reversePath !== null && isIn(senderDomains, path.reversePath)));
}

function isIn(patterns: readonly string[], path: string): boolean {
  const written = domainOf(path);
  const domain = written === null ? null : toAscii(written) ?? written.toLowerCase();
  return domain !== null && patterns.some((pattern) => {
    return pattern.startsWith("*.") ? domain.endsWith(pattern.slice(1)) : domain === pattern;
  });
}
