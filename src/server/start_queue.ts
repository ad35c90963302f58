/**
 * ETRN behind the session: what waits for a domain is tried now. Anybody may ask for it, so one that is asked for again is not started
 * again at once.
 *
 * @module
 */

import type { QueueStart } from "../smtp/queue_start.ts";
import type { Spool } from "../spool/spool.ts";

/** Starts the queue of a domain, which the configuration has for it. Never rejects. */
export type StartQueue = (
  request: { readonly node: string; readonly subdomains: boolean },
) => Promise<QueueStart>;

const PAUSE_MS = 30_000;

/** `before`: called when something is about to become due. */
export function createStartQueue(
  { spool, before, now }: {
    readonly spool: Pick<Spool, "retryDomain">;
    readonly before: () => void;
    readonly now: () => number;
  },
): StartQueue {
  /** Only domains of the configuration come here. */
  const started = new Map<string, number>();
  return async ({ node, subdomains }) => {
    const key = subdomains ? `@${node}` : node;
    const last = started.get(key);
    if (last !== undefined && now() - last < PAUSE_MS) return { kind: "under-way" };
    started.set(key, now());
    before();
    try {
      return { kind: "started", count: await spool.retryDomain(node, { subdomains }) };
    } catch {
      started.delete(key);
      return { kind: "unavailable" };
    }
  };
}
