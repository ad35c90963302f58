/**
 * What people do to the queue of the running server: as the command does it, and in the audit log.
 *
 * @module
 */

import type { Actor } from "../../records/records.ts";
import type { SidecarParts } from "../parts.ts";
import { type QueueOperations, queueOperations } from "../queue_operations.ts";
import { auditBy } from "./act.ts";

/** What is needed. */
export type QueueActParts = Pick<SidecarParts, "spool" | "log" | "onRetry" | "records" | "now">;

/** The queue in the hands of one actor. */
export function auditedQueue(parts: QueueActParts, actor: Actor): QueueOperations {
  const { spool, log, onRetry } = parts;
  const queue = queueOperations(spool, { by: actor.who, log, onRetry });
  const audit = auditBy(parts, actor);
  return {
    list: (filter, page) => queue.list(filter, page),
    show: (id) => queue.show(id),
    change: async (verb, id) => {
      // For the detail: a mail that is deleted can be told no more.
      const mail = verb === "delete" ? await queue.show(id) : null;
      const change = await queue.change(verb, id);
      if (change === "changed") {
        audit(`queue.${verb}`, id, mail === null ? "" : `of ${mail.account ?? mail.reversePath ?? "this server"}`);
      }
      return change;
    },
    retryAll: async () => {
      const count = await queue.retryAll();
      if (count > 0) audit("queue.retry", "all", `${count} mails`);
      return count;
    },
  };
}
