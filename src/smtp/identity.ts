/**
 * Who is on the other side of a session, and the verdict that says so.
 *
 * @module
 */

import type { Account } from "../backend.ts";

/** An authenticated client. */
export interface Identity {
  readonly account: Account;
  readonly credential: string;
  readonly mechanism: string;
  /** Whether this mechanism permits relaying (TRUST_AUTH_MECH). */
  readonly trusted: boolean;
}

/** The only thing that makes 235, 535, 534 or 454. */
export type ConcludedVerdict =
  | { readonly kind: "accepted"; readonly identity: Identity }
  | { readonly kind: "rejected" | "too-weak" | "delayed" | "unavailable" };
