/**
 * Deliverers that send nothing: mail that is thrown away, and mail that a route refuses.
 *
 * @module
 */

import { succeed } from "../lib/result.ts";
import type { DeliveryOutcome } from "../spool/spool.ts";
import type { Deliverer, DeliverySession } from "./deliverer.ts";

/** Nothing is waited for but the disk. */
const CONCURRENCY = 4;

/** Takes every mail and keeps none. */
export function openDiscard(name: string): Deliverer {
  return openFixed(name, { kind: "delivered", reply: `250 2.0.0 Discarded by the route ${name}` });
}

/** Refuses every mail with this reply, which begins with its codes. */
export function openFail(
  name: string,
  { reply, enhanced }: { readonly reply: string; readonly enhanced: string },
): Deliverer {
  return openFixed(name, { kind: "failed", ours: true, reply, enhanced });
}

function openFixed(name: string, outcome: DeliveryOutcome): Deliverer {
  const session: DeliverySession = {
    usable: true,
    deliver: async (task) => {
      for (const { id } of task.recipients) await task.settle(id, outcome);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return {
    name,
    concurrency: CONCURRENCY,
    open: () => Promise.resolve(succeed(session)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
