/**
 * What can be done to the queue by a person: the same over the control socket and, when no server runs, by the command on the files.
 *
 * @module
 */

import { toAscii } from "../lib/domain.ts";
import type { Log } from "../log/event.ts";
import { domainOf } from "../smtp/path.ts";
import type { MailChange, MailTarget, MailVerb, QueuedMail, Spool } from "../spool/spool.ts";
import { type QueueItem, queueItem, type QueuePage } from "./queue_item.ts";
import { queueRoute, type RoutingConfig } from "./queue_route.ts";

/** A change that a person can make to a mail. */
export type QueueVerb = MailVerb;

/** How a change went. `unchanged`: the mail is there, and its state does not allow it. */
export type QueueChange = MailChange;

/** Which mails: those that everything fits which is given. */
export interface QueueSelection {
  /** Sent by this account. */
  readonly account?: string;
  /** For recipients in this domain; what is for others stays as it is. */
  readonly domain?: string;
  /** For recipients that take this route. */
  readonly route?: string;
}

/** What became of a piece of the queue. */
export interface QueueChanges {
  /** The ids of the mails that were changed. */
  readonly mails: readonly string[];
  /** What to go on behind; null: that was all. */
  readonly next: string | null;
}

/** The queue as a person sees it. */
export interface QueueOperations {
  /** In order of arrival, `count` at most, behind the mail `after`. */
  list(
    filter: { readonly account?: string; readonly domain?: string },
    page: { readonly after: string | null; readonly count: number },
  ): Promise<QueuePage>;
  /** With the history of each recipient. */
  show(id: string): Promise<QueueItem | null>;
  change(verb: QueueVerb, id: string): Promise<QueueChange>;
  /**
   * Changes those that fit among the `count` mails behind `after`, in order of arrival.
   * Deliveries go on meanwhile.
   */
  changeMany(
    verb: QueueVerb,
    selection: QueueSelection,
    page: { readonly after: string | null; readonly count: number },
  ): Promise<QueueChanges>;
}

/** Who works on the queue. */
export interface QueueOptions {
  /** Who makes the changes, for the log. */
  readonly by: string;
  readonly log: Log;
  /** Told before a retry that somebody asked for it. Default: nobody. */
  readonly onRetry?: () => void;
  /** What routes are found by, asked for where a selection names one. */
  readonly routing: () => RoutingConfig | Promise<RoutingConfig>;
}

/** Mails that are looked at and changed while nothing else is committed: some milliseconds. */
const PIECE_MAILS = 250;

/** The queue of an open spool, which tells its scheduler by itself what has become due. Each change is logged. */
export function queueOperations(
  spool: Spool,
  { by, log, onRetry = () => {}, routing }: QueueOptions,
): QueueOperations {
  const changed = (mail: string, what: string) => log({ kind: "queue-changed", mail, what, by });
  return {
    async list(filter, { after, count }) {
      const mails = await spool.list(filter, { after, count: count + 1 });
      const items = mails.slice(0, count).map((mail) => queueItem(mail));
      return { items, next: mails.length > count ? items.at(-1)?.id ?? null : null };
    },
    async show(id) {
      const [mail, history] = await Promise.all([spool.show(id), spool.history(id)]);
      return mail === null ? null : queueItem(mail, history);
    },
    async change(verb, id) {
      if (verb === "retry") onRetry();
      const [change = "unknown"] = await spool.change(verb, [{ mail: id, recipients: null }]);
      if (change === "changed") changed(id, verb);
      return change;
    },
    async changeMany(verb, selection, { after, count }) {
      if (verb === "retry" && after === null) onRetry();
      const config = selection.route === undefined ? null : await routing();
      const mails: string[] = [];
      let next = after;
      for (let left = count; left > 0; left -= PIECE_MAILS) {
        const piece = await spool.scan(selection, { after: next, count: Math.min(left, PIECE_MAILS) });
        const targets = piece.mails.flatMap((mail) => targetOf(mail, selection, config) ?? []);
        const changes = targets.length === 0 ? [] : await spool.change(verb, targets);
        for (const [at, { mail }] of targets.entries()) {
          if (changes[at] !== "changed") continue;
          changed(mail, verb);
          mails.push(mail);
        }
        next = piece.next;
        if (next === null) break;
      }
      return { mails, next };
    },
  };
}

/** A selection in words, for the audit log. */
export function selectionText({ account, domain, route }: QueueSelection): string {
  const parts = [["account", account], ["domain", domain], ["route", route]]
    .flatMap(([name, value]) => value === undefined ? [] : [`${name} ${value}`]);
  return parts.length === 0 ? "all" : parts.join(", ");
}

/** What of a mail fits; `null`: nothing. */
function targetOf(
  { id, recipients, envelope: { reversePath }, account }: QueuedMail,
  { domain, route }: QueueSelection,
  config: RoutingConfig | null,
): MailTarget | null {
  if (domain === undefined && config === null) return { mail: id, recipients: null };
  const wanted = domain === undefined ? null : toAscii(domain) ?? domain.toLowerCase();
  const fitting = recipients.filter(({ forwardPath }) => {
    const written = domainOf(forwardPath) ?? forwardPath;
    return (wanted === null || (toAscii(written) ?? written.toLowerCase()) === wanted) &&
      (config === null || queueRoute({ forwardPath, reversePath, account }, config) === route);
  });
  return fitting.length === 0 ? null : { mail: id, recipients: fitting.map((recipient) => recipient.id) };
}
