/**
 * Mails as rows of the database, and back.
 *
 * @module
 */

import type { SQLInputValue, SQLOutputValue } from "node:sqlite";
import { toAscii } from "../lib/domain.ts";
import type { Envelope, Recipient } from "../smtp/envelope.ts";
import type { NewMail } from "./protocol.ts";
import type { Attempt, AttemptOf, DueNotice, DueNoticeOf, QueueCensus, QueuedMail, QueuedRecipient } from "./spool.ts";

/** A row as node:sqlite reads it. */
export type Row = Readonly<Record<string, SQLOutputValue>>;

/** The columns of a row by name, as node:sqlite takes them. */
export type Columns = Record<string, SQLInputValue>;

const OPEN_STATES = ["waiting", "attempting", "held"] as const;
const STATES = [...OPEN_STATES, "delivered", "relayed", "failed"] as const;
const ACTIONS = ["failed", "delayed", "delivered", "relayed", "expanded"] as const;
const OUTCOMES = ["delivered", "relayed", "deferred", "failed"] as const;
const NOTIFY = ["never", "success", "failure", "delay"] as const;

/** The columns of `mail`. */
export function mailColumns(mail: NewMail): Columns {
  const { envelope } = mail;
  return {
    id: mail.id,
    reverse_path: envelope.reversePath,
    body: envelope.body,
    smtputf8: Number(envelope.smtputf8),
    declared_size: envelope.declaredSizeOctets,
    ret: envelope.ret,
    envid: envelope.envid,
    account: mail.account,
    received: mail.received,
    size: mail.sizeOctets,
    has_8bit: Number(mail.has8bit),
    in_file: Number(mail.content.kind === "file"),
    notice: Number(mail.notice),
  };
}

/** The columns of `recipient` but for `mail`; a new recipient is due at once. */
export function recipientColumns(recipient: Recipient, mail: Pick<NewMail, "held" | "received" | "alias">): Columns {
  return {
    id: recipient.id,
    forward_path: recipient.forwardPath,
    domain: asDomain(recipient.forwardPath.slice(recipient.forwardPath.lastIndexOf("@") + 1)),
    notify: recipient.notify === null ? null : recipient.notify.join(","),
    orcpt: recipient.orcpt,
    state: mail.held ? "held" : "waiting",
    due: mail.received,
    alias: mail.alias ?? null,
  };
}

/** The mail of a row of `mail` and its rows of `recipient`. Throws a `TypeError` for a value that was never written. */
export function parseMail(row: Row, recipients: readonly Row[]): QueuedMail {
  const queued = recipients.map(parseRecipient);
  const envelope: Envelope = {
    reversePath: orNull(row["reverse_path"], text),
    recipients: queued.map(({ id, forwardPath, notify, orcpt }) => ({ id, forwardPath, notify, orcpt })),
    body: oneOf(row["body"], ["7bit", "8bitmime"] as const),
    smtputf8: integer(row["smtputf8"]) === 1,
    declaredSizeOctets: orNull(row["declared_size"], integer),
    ret: orNull(row["ret"], (value) => oneOf(value, ["full", "hdrs"] as const)),
    envid: orNull(row["envid"], text),
  };
  return {
    id: text(row["id"]),
    envelope,
    recipients: queued,
    account: orNull(row["account"], text),
    received: integer(row["received"]),
    sizeOctets: integer(row["size"]),
    has8bit: integer(row["has_8bit"]) === 1,
    // Salvage also reads databases of version 1, which do not tell.
    notice: row["notice"] === 1,
  };
}

/** The columns of `notice_due` but for `mail` and `recipient`. */
export function noticeColumns({ action, reply, enhanced, remoteHost, at, retryUntil }: DueNotice): Columns {
  return { action, reply, enhanced, remote_host: remoteHost, at, retry_until: retryUntil };
}

/** A row of `notice_due`. */
export function parseNotice(row: Row): DueNoticeOf {
  return {
    recipient: integer(row["recipient"]),
    action: oneOf(row["action"], ACTIONS),
    reply: text(row["reply"]),
    enhanced: text(row["enhanced"]),
    remoteHost: orNull(row["remote_host"], text),
    at: integer(row["at"]),
    retryUntil: orNull(row["retry_until"], integer),
  };
}

/** The columns of `attempt` but for `mail`, `recipient` and `number`. */
export function attemptColumns({ at, route, host, outcome, reply }: Attempt): Columns {
  return { at, route, host, outcome, reply };
}

/** A row of `attempt`. */
export function parseAttempt(row: Row): AttemptOf {
  return {
    recipient: integer(row["recipient"]),
    at: integer(row["at"]),
    route: orNull(row["route"], text),
    host: orNull(row["host"], text),
    outcome: oneOf(row["outcome"], OUTCOMES),
    reply: text(row["reply"]),
  };
}

/** A row of recipients counted by state and domain. */
export function parseCensus(row: Row): QueueCensus["recipients"][number] {
  return {
    state: oneOf(row["state"], OPEN_STATES),
    domain: text(row["domain"]),
    count: integer(row["recipients"]),
  };
}

/** The form in which domains of recipients are compared: the A-label where there is one, lower-case else. */
export function asDomain(domain: string): string {
  return toAscii(domain) ?? domain.toLowerCase();
}

/** A text column. */
export function text(value: SQLOutputValue | undefined): string {
  if (typeof value !== "string") throw new TypeError(`Cannot read column: ${typeof value} is not text`);
  return value;
}

/** An integer column. */
export function integer(value: SQLOutputValue | undefined): number {
  if (typeof value !== "number") throw new TypeError(`Cannot read column: ${typeof value} is not a number`);
  return value;
}

/** A column of octets. */
export function blob(value: SQLOutputValue | undefined): Uint8Array<ArrayBuffer> {
  if (!(value instanceof Uint8Array)) throw new TypeError(`Cannot read column: ${typeof value} is not octets`);
  // The type of node:sqlite allows shared memory beneath, SQLite never gives it: then this is no copy.
  return value.buffer instanceof ArrayBuffer
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
}

/** A row of `recipient`. Throws a `TypeError` for a value that was never written. */
export function parseRecipient(row: Row): QueuedRecipient {
  // Salvage also reads databases of versions without the column.
  const alias = orNull(row["alias"] ?? null, text);
  return {
    id: integer(row["id"]),
    forwardPath: text(row["forward_path"]),
    notify: orNull(row["notify"], parseNotify),
    orcpt: orNull(row["orcpt"], text),
    state: oneOf(row["state"], STATES),
    attempts: integer(row["attempts"]),
    due: integer(row["due"]),
    lastReply: orNull(row["last_reply"], text),
    ...alias !== null && { alias },
  };
}

function parseNotify(value: SQLOutputValue | undefined): (typeof NOTIFY)[number][] {
  const joined = text(value);
  return joined === "" ? [] : joined.split(",").map((word) => oneOf(word, NOTIFY));
}

function orNull<Value>(
  value: SQLOutputValue | undefined,
  parse: (value: SQLOutputValue | undefined) => Value,
): Value | null {
  return value === null ? null : parse(value);
}

function oneOf<Word extends string>(value: SQLOutputValue | undefined, words: readonly Word[]): Word {
  const word = words.find((word) => word === value);
  if (word === undefined) throw new TypeError(`Cannot read column: expected one of ${words.join(", ")}`);
  return word;
}
