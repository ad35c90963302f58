/**
 * A queued mail as the API and `queue --json` show it.
 *
 * @module
 */

import { z } from "zod";
import type { AttemptOf, QueuedMail, QueuedRecipient } from "../spool/spool.ts";

/** One try, which is over. */
export interface QueueItemAttempt {
  /** RFC 3339, UTC. */
  readonly at: string;
  /** null, also as `host`: it did not come to that. */
  readonly route: string | null;
  readonly host: string | null;
  readonly outcome: AttemptOf["outcome"];
  readonly reply: string;
}

/** A recipient and how far its delivery has come. */
export interface QueueItemRecipient {
  readonly id: number;
  readonly forwardPath: string;
  readonly state: QueuedRecipient["state"];
  readonly attempts: number;
  /** RFC 3339, UTC; null unless it waits. */
  readonly nextTry: string | null;
  /** What the other side said last. */
  readonly lastReply: string | null;
  readonly notify: readonly string[] | null;
  readonly orcpt: string | null;
  /** The last 20 tries, the oldest first; only where one mail is shown. */
  readonly history?: readonly QueueItemAttempt[] | undefined;
}

/** A mail in the queue. Times are RFC 3339, UTC. */
export interface QueueItem {
  readonly id: string;
  /** The liveliest state of its recipients; `done` when none is left to try. */
  readonly state: "attempting" | "waiting" | "held" | "done";
  readonly received: string;
  readonly sizeOctets: number;
  readonly account: string | null;
  /** Made by this server, about a mail that could not be delivered. */
  readonly notice: boolean;
  /** null is the null reverse-path. */
  readonly reversePath: string | null;
  readonly body: "7bit" | "8bitmime";
  readonly smtputf8: boolean;
  readonly envid: string | null;
  readonly ret: "full" | "hdrs" | null;
  /** The earliest of its recipients. */
  readonly nextTry: string | null;
  readonly recipients: readonly QueueItemRecipient[];
}

/** One page of the queue, in order of arrival. */
export interface QueuePage {
  readonly items: readonly QueueItem[];
  /** What to give as `after` for the next page; null: this is the last. */
  readonly next: string | null;
}

/** The form of a mail in JSON. */
export const queueItemSchema: z.ZodType<QueueItem> = z.object({
  id: z.string(),
  state: z.enum(["attempting", "waiting", "held", "done"]),
  received: z.string(),
  sizeOctets: z.number(),
  account: z.string().nullable(),
  // A server from before an upgrade does not tell it.
  notice: z.boolean().default(false),
  reversePath: z.string().nullable(),
  body: z.enum(["7bit", "8bitmime"]),
  smtputf8: z.boolean(),
  envid: z.string().nullable(),
  ret: z.enum(["full", "hdrs"]).nullable(),
  nextTry: z.string().nullable(),
  recipients: z.array(z.object({
    id: z.number(),
    forwardPath: z.string(),
    state: z.enum(["waiting", "attempting", "held", "delivered", "relayed", "failed"]),
    attempts: z.number(),
    nextTry: z.string().nullable(),
    lastReply: z.string().nullable(),
    notify: z.array(z.string()).nullable(),
    orcpt: z.string().nullable(),
    history: z.array(z.object({
      at: z.string(),
      route: z.string().nullable(),
      host: z.string().nullable(),
      outcome: z.enum(["delivered", "relayed", "deferred", "failed"]),
      reply: z.string(),
    })).optional(),
  })),
});

/** The form of a page in JSON. */
export const queuePageSchema: z.ZodType<QueuePage> = z.object({
  items: z.array(queueItemSchema),
  next: z.string().nullable(),
});

/** Shows a mail, with its history where that is given. */
export function queueItem(mail: QueuedMail, history?: readonly AttemptOf[]): QueueItem {
  const { envelope } = mail;
  const waiting = mail.recipients.filter((recipient) => recipient.state === "waiting");
  return {
    id: mail.id,
    state: stateOf(mail),
    received: timestamp(mail.received),
    sizeOctets: mail.sizeOctets,
    account: mail.account,
    notice: mail.notice,
    reversePath: envelope.reversePath,
    body: envelope.body,
    smtputf8: envelope.smtputf8,
    envid: envelope.envid,
    ret: envelope.ret,
    nextTry: waiting.length === 0 ? null : timestamp(Math.min(...waiting.map((recipient) => recipient.due))),
    recipients: mail.recipients.map((recipient) => recipientItem(recipient, history)),
  };
}

function recipientItem(recipient: QueuedRecipient, history?: readonly AttemptOf[]): QueueItemRecipient {
  return {
    id: recipient.id,
    forwardPath: recipient.forwardPath,
    state: recipient.state,
    attempts: recipient.attempts,
    nextTry: recipient.state === "waiting" ? timestamp(recipient.due) : null,
    lastReply: recipient.lastReply,
    notify: recipient.notify,
    orcpt: recipient.orcpt,
    ...history !== undefined && {
      history: history.filter((attempt) => attempt.recipient === recipient.id).map(attemptItem),
    },
  };
}

function attemptItem({ at, route, host, outcome, reply }: AttemptOf): QueueItemAttempt {
  return { at: timestamp(at), route, host, outcome, reply };
}

function stateOf(mail: QueuedMail): QueueItem["state"] {
  const states = new Set(mail.recipients.map((recipient) => recipient.state));
  for (const state of ["attempting", "waiting", "held"] as const) if (states.has(state)) return state;
  return "done";
}

function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
