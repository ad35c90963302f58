/**
 * What an outcome is to be told as, if at all.
 *
 * @module
 */

import { isWanted, type ReportedAction } from "../message/dsn_wanted.ts";
import type { Recipient } from "../smtp/envelope.ts";
import type { DeliveryOutcome, DueNotice, QueuedMail } from "../spool/spool.ts";
import type { NoticeSettings } from "./notice.ts";

/** An attempt and where it has led. Times are milliseconds since the epoch. */
export interface Attempt {
  /** What becomes of the recipient: `failed` also where it is given up. */
  readonly outcome: DeliveryOutcome;
  /** The other server; `null` where there was none to ask. */
  readonly host: string | null;
  readonly now: number;
  /** When the recipient is given up. */
  readonly until: number;
}

/** The notice to keep with an outcome; `null`: nobody is to be told. */
export function noticeFor(
  mail: Pick<QueuedMail, "envelope" | "received">,
  recipient: Recipient,
  { attempt, settings }: { readonly attempt: Attempt; readonly settings: NoticeSettings },
): DueNotice | null {
  const { outcome, host, now, until } = attempt;
  const action = actionOf(outcome, { isLate: isLate(mail.received, now, settings) });
  if (action === null) return null;
  const copied = action === "failed" && settings.postmaster !== null;
  if (!copied && !isWanted(action, mail.envelope, recipient)) return null;
  return {
    action,
    reply: outcome.reply,
    enhanced: outcome.kind === "failed" ? outcome.enhanced : enhancedOf(outcome.reply, action),
    remoteHost: isOurs(outcome) ? null : host,
    at: now,
    retryUntil: action === "delayed" ? until : null,
  };
}

/** The notice of a recipient that several others stand for now (RFC 3461 section 5.2.7.3); `null`: it is not asked for. */
export function noticeOfExpansion(
  mail: Pick<QueuedMail, "envelope">,
  recipient: Recipient,
  now: number,
): DueNotice | null {
  if (!isWanted("expanded", mail.envelope, recipient)) return null;
  const reply = "250 2.0.0 Sent on to everybody whom this address stands for";
  return { action: "expanded", reply, enhanced: "2.0.0", remoteHost: null, at: now, retryUntil: null };
}

/** When a mail is late for the first time, if that is still to come. */
export function lateAt(received: number, now: number, { delayMs }: NoticeSettings): number | null {
  return delayMs === null || now >= received + delayMs ? null : received + delayMs;
}

function isLate(received: number, now: number, settings: NoticeSettings): boolean {
  return settings.delayMs !== null && lateAt(received, now, settings) === null;
}

function actionOf(outcome: DeliveryOutcome, { isLate }: { readonly isLate: boolean }): ReportedAction | null {
  switch (outcome.kind) {
    case "failed":
      return "failed";
    case "deferred":
      return isLate ? "delayed" : null;
    case "delivered":
    case "relayed":
      // RFC 3461 section 5.2.1: whoever takes the wishes along makes the reports.
      return outcome.dsn === true ? null : outcome.kind;
  }
}

/** Whether the reply is none of another server. */
function isOurs(outcome: DeliveryOutcome): boolean {
  switch (outcome.kind) {
    case "failed":
      return outcome.ours === true;
    case "deferred":
      return outcome.cause !== "refused";
    case "delivered":
      return true;
    case "relayed":
      return false;
  }
}

function enhancedOf(reply: string, action: ReportedAction): string {
  const wanted = action === "delayed" ? "4" : "2";
  const enhanced = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})(?= |$)/.exec(reply)?.[1];
  return enhanced?.startsWith(`${wanted}.`) === true ? enhanced : `${wanted}.0.0`;
}
