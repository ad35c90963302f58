/**
 * A line of the log about a login.
 *
 * @module
 */

import type { LogEvent } from "../../src/log/event.ts";

/** The end of an exchange, as it is logged. */
export type AuthenticationEvent = LogEvent & { readonly kind: "authentication" };

/** A login of `shin@baz.co.jp` with a wrong password, with these changes. */
export function refusedLogin(changes: Partial<AuthenticationEvent> = {}): AuthenticationEvent {
  return {
    kind: "authentication",
    id: "k3f9.2",
    remote: "192.0.2.7",
    listener: "MSA",
    mechanism: "PLAIN",
    tls: "TLSv1.3",
    authcid: "shin@baz.co.jp",
    authzid: null,
    account: null,
    credential: null,
    result: "rejected",
    reason: "wrong-secret",
    chain: [],
    ms: 66,
    ...changes,
  };
}
