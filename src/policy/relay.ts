/**
 * Who may send to whom (DESIGN section 7): our own domains take mail from anyone on an `mta`, everything else needs an identity.
 *
 * @module
 */

import type { Identity } from "../smtp/identity.ts";
import { REPLIES } from "../smtp/replies.ts";
import type { Verdict } from "../smtp/session_state.ts";
import type { RelayGrant } from "./access.ts";
import type { LocalResolution } from "./local_recipients.ts";

/** What the relay rule looks at. */
export interface RelayFacts {
  readonly identity: Identity | null;
  readonly resolution: LocalResolution;
  /** The right to relay without a login; `null`: there is none. */
  readonly grant: RelayGrant | null;
  /** Whether mail for elsewhere has a way out of here. */
  readonly hasRoute: boolean;
}

/** Judges one recipient. */
export function judgeRecipient({ identity, resolution, grant, hasRoute }: RelayFacts): Verdict {
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
      if (identity?.trusted !== true && grant === null) return refuseRelaying(identity);
      if (!hasRoute) {
        return { kind: "refuse", reply: REPLIES.noRoute, rule: "no [[route]] and no [delivery] default fits" };
      }
      return { kind: "accept" };
  }
}

function refuseRelaying(identity: Identity | null): Verdict {
  if (identity !== null) {
    const rule = `${identity.mechanism} is not in trust_mech`;
    return { kind: "refuse", reply: REPLIES.mechanismNotTrusted, rule };
  }
  const rule = "not a local domain, no identity, and no access rule that says RELAY";
  return { kind: "refuse", reply: REPLIES.relayDenied, rule };
}
