/**
 * The queue as people read it.
 *
 * @module
 */

import type { QueueItem, QueueItemAttempt, QueueItemRecipient } from "../http/queue_item.ts";
import { printable } from "../lib/text.ts";
import { sizeText } from "./size_text.ts";
import { type Column, formatTable } from "./table.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const REPLY_LIMIT = 60;

/** One line a mail. `now` is in milliseconds since the epoch. */
export function queueTable(items: readonly QueueItem[], now: number): string {
  if (items.length === 0) return "The queue is empty";
  const columns: readonly Column<QueueItem>[] = [
    { head: "ID", cell: ({ id }) => id },
    { head: "AGE", cell: ({ received }) => duration(now - Date.parse(received)) },
    { head: "SIZE", cell: ({ sizeOctets }) => sizeText(sizeOctets) },
    { head: "FROM", cell: ({ reversePath }) => reversePath ?? "<>" },
    { head: "TO", cell: recipientsOf },
    { head: "STATE", cell: ({ state }) => state },
    { head: "NEXT TRY", cell: ({ nextTry }) => untilTry(nextTry, now) },
    { head: "LAST REPLY", cell: (item) => printable(lastReplyOf(item) ?? "-", REPLY_LIMIT) },
  ];
  return formatTable(items, columns);
}

/** Everything about one mail: its envelope, then each recipient's history. */
export function queueItemText(item: QueueItem, now: number): string {
  const fields: readonly (readonly [string, string])[] = [
    ["Mail", item.id],
    ["From", item.reversePath ?? "<>"],
    ["Account", item.account ?? (item.notice ? "- (notice of this server)" : "- (mail for our own domains)")],
    ["Received", `${item.received} (${duration(now - Date.parse(item.received))} ago)`],
    ["Size", `${item.sizeOctets} octets, ${item.body}${item.smtputf8 ? ", SMTPUTF8" : ""}`],
    ["State", item.state],
    ...item.envid === null ? [] : [["Envelope id", item.envid] as const],
    ...item.ret === null ? [] : [["Return", item.ret] as const],
  ];
  const columns: readonly Column<QueueItemRecipient>[] = [
    { head: "TO", cell: ({ forwardPath }) => forwardPath },
    { head: "STATE", cell: ({ state }) => state },
    { head: "ATTEMPTS", cell: ({ attempts }) => String(attempts) },
    { head: "NEXT TRY", cell: ({ nextTry }) => nextTry === null ? "-" : `${nextTry} (${untilTry(nextTry, now)})` },
    { head: "LAST REPLY", cell: ({ lastReply }) => lastReply ?? "-" },
  ];
  const head = fields.map(([name, value]) => `${`${name}:`.padEnd(13)}${printable(value, 1000)}`);
  return [...head, "", formatTable(item.recipients, columns), ...historyLines(item)].join("\n");
}

/** What was tried, in order of time. */
function historyLines({ recipients }: QueueItem): readonly string[] {
  const tried = recipients.flatMap(({ forwardPath, history = [] }) =>
    history.map((attempt) => ({ forwardPath, ...attempt }))
  ).toSorted((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : 0);
  if (tried.length === 0) return [];
  const columns: readonly Column<QueueItemAttempt & Pick<QueueItemRecipient, "forwardPath">>[] = [
    { head: "TIME", cell: ({ at }) => at },
    { head: "TO", cell: ({ forwardPath }) => forwardPath },
    { head: "OUTCOME", cell: ({ outcome }) => outcome },
    { head: "ROUTE", cell: ({ route }) => route ?? "-" },
    { head: "HOST", cell: ({ host }) => host ?? "-" },
    { head: "REPLY", cell: ({ reply }) => reply },
  ];
  return ["", formatTable(tried, columns)];
}

/** `45s`, `12m`, `3h`, `2d`: the largest unit that is not zero. */
function duration(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.max(0, Math.floor(ms / 1000))}s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)}m`;
  return ms < DAY_MS ? `${Math.floor(ms / HOUR_MS)}h` : `${Math.floor(ms / DAY_MS)}d`;
}

function untilTry(nextTry: string | null, now: number): string {
  if (nextTry === null) return "-";
  const ms = Date.parse(nextTry) - now;
  return ms <= 0 ? "now" : `in ${duration(ms)}`;
}

/** Those that are still to be delivered, else all. */
function recipientsOf({ recipients }: QueueItem): string {
  const left = recipients.filter(unfinished);
  const [first, ...more] = left.length === 0 ? recipients : left;
  return `${first?.forwardPath ?? "-"}${more.length === 0 ? "" : ` +${more.length}`}`;
}

function lastReplyOf({ recipients }: QueueItem): string | null {
  return recipients.find((recipient) => unfinished(recipient) && recipient.lastReply !== null)?.lastReply ?? null;
}

function unfinished({ state }: QueueItemRecipient): boolean {
  return state === "waiting" || state === "attempting" || state === "held";
}
