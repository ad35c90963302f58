/**
 * What can be done to the queue by a person: the same over the control socket and, when no server runs, by the command on the files.
 *
 * @module
 */

import type { Log } from "../log/event.ts";
import type { Spool } from "../spool/spool.ts";
import { type QueueItem, queueItem, type QueuePage } from "./queue_item.ts";

/** A change that a person can make to one mail. */
export type QueueVerb = "retry" | "hold" | "release" | "delete";

/** How a change went. `unchanged`: the mail is there, and its state does not allow it. */
export type QueueChange = "changed" | "unchanged" | "unknown";

/** The queue as a person sees it. */
export interface QueueOperations {
  /** In order of arrival, `count` at most, behind the mail `after`. */
  list(
    filter: { readonly account?: string; readonly domain?: string },
    page: { readonly after: string | null; readonly count: number },
  ): Promise<QueuePage>;
  show(id: string): Promise<QueueItem | null>;
  change(verb: QueueVerb, id: string): Promise<QueueChange>;
  /** Makes everything that waits due now; the result is how many mails that touched. */
  retryAll(): Promise<number>;
}

/** Who works on the queue. */
export interface QueueOptions {
  /** Who makes the changes, for the log. */
  readonly by: string;
  readonly log: Log;
  /** Told before a retry that somebody asked for it. Default: nobody. */
  readonly onRetry?: () => void;
}

/** The queue of an open spool, which tells its scheduler by itself what has become due. Each change is logged. */
export function queueOperations(spool: Spool, { by, log, onRetry = () => {} }: QueueOptions): QueueOperations {
  const changed = (mail: string, what: string) => log({ kind: "queue-changed", mail, what, by });
  return {
    async list(filter, { after, count }) {
      const mails = await spool.list(filter, { after, count: count + 1 });
      const items = mails.slice(0, count).map(queueItem);
      return { items, next: mails.length > count ? items.at(-1)?.id ?? null : null };
    },
    async show(id) {
      const mail = await spool.show(id);
      return mail === null ? null : queueItem(mail);
    },
    async change(verb, id) {
      if (verb === "retry") onRetry();
      if (!await apply(spool, { verb, id })) return await spool.show(id) === null ? "unknown" : "unchanged";
      changed(id, verb);
      return "changed";
    },
    async retryAll() {
      onRetry();
      const count = await spool.retry(null);
      if (count > 0) changed("all", "retry");
      return count;
    },
  };
}

async function apply(spool: Spool, { verb, id }: { readonly verb: QueueVerb; readonly id: string }): Promise<boolean> {
  switch (verb) {
    case "retry":
      return await spool.retry(id) > 0;
    case "hold":
      return await spool.hold(id);
    case "release":
      return await spool.release(id);
    case "delete":
      return await spool.remove(id);
  }
}
