/**
 * Whether a credential may be used here and now.
 *
 * @module
 */

import type { CredentialScope, Origin } from "../backend.ts";
import { isNetwork, networkSet } from "../lib/network.ts";
import { baseName } from "./offered.ts";

/** Why not. */
export type OutOfScope = "expired" | "network" | "mechanism";

/** What stands in the place of a mechanism where a person signs in to the pages, or changes the password: a device has no business there. */
const PERSONAL: ReadonlySet<string> = new Set(["FORM", "PASSWD"]);

/** Why the credential is not accepted, or `null`. `now` is in milliseconds since the epoch; an expiry that is no time has passed. */
export function outOfScope(scope: CredentialScope, origin: Origin, now: number): OutOfScope | null {
  if (hasExpired(scope, now)) return "expired";
  const networks = scope.networks.filter(isNetwork);
  if (scope.networks.length > 0 && !networkSet(networks).has(origin.remote)) return "network";
  const mechanism = baseName(origin.mechanism);
  if (PERSONAL.has(mechanism) && (scope.kind ?? "password") !== "password") return "mechanism";
  if (scope.mechanisms !== null && !scope.mechanisms.some((each) => baseName(each) === mechanism)) return "mechanism";
  return null;
}

/** Whether its time is over. */
export function hasExpired({ expires }: Pick<CredentialScope, "expires">, now: number): boolean {
  return expires !== null && !(Date.parse(expires) > now);
}
