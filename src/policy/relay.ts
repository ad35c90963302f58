/**
 * Who may send to whom (DESIGN section 7): our own domains take mail from anyone on an `mta`, everything else needs an identity.
 *
 * @module
 */

import type { Identity } from "../smtp/identity.ts";
import { REPLIES } from "../smtp/replies.ts";
import type { Verdict } from "../smtp/session_state.ts";
import type { LocalResolution } from "./local_recipients.ts";

/** What the relay rule looks at. */
export interface RelayFacts {
  readonly identity: Identity | null;
  readonly resolution: LocalResolution;
  /** Whether mail for elsewhere has a way out of here. */
  readonly hasRoute: boolean;
}

/** Judges one recipient. */
export function judgeRecipient({ identity, resolution, hasRoute }: RelayFacts): Verdict {
  switch (resolution.kind) {
    case "local":
    case "alias":
      return { kind: "accept" };
    case "unknown":
      return { kind: "refuse", reply: REPLIES.recipientUnknown, rule: "no account, map entry or address fits" };
    case "unavailable":
      return { kind: "refuse", reply: REPLIES.recipientUnavailable, rule: `look-up failed: ${resolution.cause}` };
    case "relay-path":
      return { kind: "refuse", reply: REPLIES.pathNotLocal, rule: "the local part has % or !" };
    case "not-local":
      if (identity === null) {
        return { kind: "refuse", reply: REPLIES.relayDenied, rule: "not a local domain, and no identity" };
      }
      if (!identity.trusted) {
        const rule = `${identity.mechanism} is not in trust_mech`;
        return { kind: "refuse", reply: REPLIES.mechanismNotTrusted, rule };
      }
      if (!hasRoute) {
        return { kind: "refuse", reply: REPLIES.noRoute, rule: "no [[route]] and no [delivery] default fits" };
      }
      return { kind: "accept" };
  }
}
