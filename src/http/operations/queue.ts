/**
 * What people do to the queue of the running server: as the command does it, and in the audit log.
 *
 * @module
 */

import type { Actor } from "../../records/records.ts";
import type { Cancelled } from "../../spool/spool.ts";
import type { SidecarParts } from "../parts.ts";
import { type QueueOperations, queueOperations, selectionText } from "../queue_operations.ts";
import { auditBy } from "./act.ts";

/** What is needed. */
export type QueueActParts = Pick<SidecarParts, "spool" | "log" | "onRetry" | "records" | "now" | "current">;

/** The queue in the hands of one actor. */
export function auditedQueue(parts: QueueActParts, actor: Actor): QueueOperations {
  const { spool, log, onRetry, current } = parts;
  const queue = queueOperations(spool, { by: actor.who, log, onRetry, routing: () => current().config });
  const audit = auditBy(parts, actor);
  return {
    list: (filter, page) => queue.list(filter, page),
    show: (id) => queue.show(id),
    change: async (verb, id) => {
      // For the detail: a mail that is deleted can be told no more.
      const mail = verb === "delete" ? await spool.show(id) : null;
      const change = await queue.change(verb, id);
      if (change === "changed") {
        const of = mail === null ? "" : `of ${mail.account ?? mail.envelope.reversePath ?? "this server"}`;
        audit(`queue.${verb}`, id, of);
      }
      return change;
    },
    changeMany: async (verb, selection, page) => {
      const changes = await queue.changeMany(verb, selection, page);
      const { length } = changes.mails;
      if (length > 0) audit(`queue.${verb}`, selectionText(selection), length === 1 ? "1 mail" : `${length} mails`);
      return changes;
    },
  };
}

/** Takes a mail back for the account that has sent it. */
export async function cancelMail(
  { spool, log, ...parts }: Pick<SidecarParts, "spool" | "log" | "records" | "now">,
  actor: Actor,
  { id, account }: { readonly id: string; readonly account: string },
): Promise<Cancelled> {
  const cancelled = await spool.cancel(id, account);
  if (cancelled === "removed") {
    log({ kind: "queue-changed", mail: id, what: "delete", by: actor.who });
    auditBy(parts, actor)("queue.delete", id, `of ${account}`);
  }
  return cancelled;
}
