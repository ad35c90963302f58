/**
 * The limits as they are, for a session that only looks: what it would use is set aside in copies.
 *
 * @module
 */

import { Use } from "../../policy/limit_usage.ts";
import type { LimitKeeper } from "./keeper.ts";
import type { SessionKeeper } from "./session.ts";

/** Makes it. `note` is told what would be logged. */
export function previewKeeper(keeper: LimitKeeper, note: (text: string) => void): SessionKeeper {
  const { now, settings, uses, rates, holds } = keeper;
  const copies = new Map<Use, Use>();
  const rateOf = (scope: "network" | "address"): SessionKeeper["rates"]["network"] => ({
    judge: (key, values, at) => rates[scope].judge(key, values, at),
    opened: () => ({ [Symbol.dispose]: () => {} }),
  });
  return {
    ...{ now, settings, holds },
    rates: { network: rateOf("network"), address: rateOf("address") },
    uses: {
      of: (scope, subject) => {
        const use = uses.of(scope, subject);
        return copies.getOrInsertComputed(use, () => copyOf(use, now()));
      },
      hashOf: (account, forwardPath) => uses.hashOf(account, forwardPath),
      isKnown: (account, hash) => uses.isKnown(account, hash),
      know: () => {},
    },
    log: (event) => {
      if (event.kind !== "limit-reached" || !event.reported) return;
      const { scope, subject, limit, used, most } = event;
      note(`reported: limits.${scope}.${limit} of ${subject}: ${used} of ${most} used`);
    },
    isExemptNetwork: (remote) => keeper.isExemptNetwork(remote),
    subjects: (client) => keeper.subjects(client),
    count: () => {},
    noteNetwork: () => {},
    watchNewRecipients: () => {},
    holdLate: () => {},
  };
}

function copyOf(use: Use, now: number): Use {
  const copy = new Use(use.save(now));
  copy.reserve(use.reserved);
  return copy;
}
