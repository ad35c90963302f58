/**
 * Reports of what is due to be told of a mail: one for the sender for each kind, and a copy of failures for the postmaster.
 *
 * @module
 */

import { concat } from "../lib/octets.ts";
import type { Log } from "../log/event.ts";
import { isPostmasterCopy, reportMail } from "../message/dsn.ts";
import type { ReportLanguage } from "../message/dsn_advice.ts";
import {
  type DeliveryReport,
  kindOf,
  type ReportedRecipient,
  type ReportKind,
  type ReturnedContent,
} from "../message/dsn_report.ts";
import { isWanted, returnsFull } from "../message/dsn_wanted.ts";
import { HeaderReader } from "../message/header.ts";
import type { DueNoticeOf, Notice, QueuedMail, Spool } from "../spool/spool.ts";

/** What a configuration says about reports. */
export interface NoticeSettings {
  /** The languages of the text for people, in this order. */
  readonly languages: readonly [ReportLanguage, ...ReportLanguage[]];
  /** A mail that waits for longer is told to its sender, in milliseconds; `null`: never. */
  readonly delayMs: number | null;
  /** Who gets copies of reports of failures, and learns of reports that cannot be delivered; `null`: nobody. */
  readonly postmaster: string | null;
}

/** What holds where a configuration says nothing. */
export const DEFAULT_NOTICES: NoticeSettings = { languages: ["en", "ja"], delayMs: 4 * 3_600_000, postmaster: null };

/** What reports are made with. */
export interface NoticeContext {
  readonly spool: Pick<Spool, "open">;
  readonly hostname: string;
  readonly settings: NoticeSettings;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A report, and what it is about. */
export interface MadeNotice {
  readonly notice: Notice;
  readonly to: string;
  readonly recipients: readonly [ReportedRecipient, ...ReportedRecipient[]];
}

/** With RET=FULL a longer mail comes back as its header only: a report is held in memory. */
const FULL_LIMIT_OCTETS = 1024 * 1024;
const HEADER_LIMIT_OCTETS = 64 * 1024;
const LF = 0x0a;

/** Makes the reports; none where there is nobody to tell. A mail that cannot be read is reported without its header. */
export async function makeNotices(
  { mail, notices }: { readonly mail: QueuedMail; readonly notices: readonly DueNoticeOf[] },
  context: NoticeContext,
): Promise<readonly MadeNotice[]> {
  const made: MadeNotice[] = [];
  for (const [kind, recipients] of byKind(mail, notices)) {
    const wanted = recipients.filter(({ action, notify }) => isWanted(action, mail.envelope, { notify }));
    const header = await readHeader(mail, context);
    if (isFilled(wanted)) {
      const full = returnsFull(mail.envelope, [wanted[0].action]) && mail.sizeOctets <= FULL_LIMIT_OCTETS
        ? await readFull(mail, context)
        : null;
      made.push(...makeNotice(mail, wanted, { ...context, original: full ?? header, copyFor: null }));
    }
    const { postmaster } = context.settings;
    // A copy that comes to nothing is the end of it.
    const copied = kind === "failed" && postmaster !== null && !isPostmasterCopy(header.octets);
    if (copied && isFilled(recipients)) {
      made.push(...makeNotice(mail, recipients, { ...context, original: header, copyFor: postmaster }));
    }
  }
  return made;
}

interface DueRecipient extends ReportedRecipient {
  readonly notify: QueuedMail["recipients"][number]["notify"];
}

/** Recipients that somebody has removed meanwhile are left out. */
function byKind(
  { recipients }: QueuedMail,
  notices: readonly DueNoticeOf[],
): ReadonlyMap<ReportKind, readonly DueRecipient[]> {
  const kinds = new Map<ReportKind, DueRecipient[]>();
  for (const { recipient: id, at, ...notice } of notices) {
    const recipient = recipients.find((each) => each.id === id);
    if (recipient === undefined) continue;
    const { forwardPath, orcpt, notify } = recipient;
    kinds.getOrInsert(kindOf(notice.action), []).push({ ...notice, forwardPath, orcpt, notify, lastAttempt: at });
  }
  return kinds;
}

function makeNotice(
  mail: QueuedMail,
  recipients: DeliveryReport["recipients"],
  { hostname, settings, now, original, copyFor }: NoticeContext & Pick<DeliveryReport, "original" | "copyFor">,
): readonly MadeNotice[] {
  const notice = reportMail({
    ...{ hostname, recipients, original, copyFor, now },
    mail: mail.id,
    envelope: mail.envelope,
    arrival: mail.received,
    languages: settings.languages,
    boundary: `=_dokodemo_${crypto.randomUUID()}`,
    messageId: `<${crypto.randomUUID()}@${hostname}>`,
  });
  const to = copyFor ?? mail.envelope.reversePath;
  return notice === null || to === null ? [] : [{ notice, to, recipients }];
}

function isFilled<Item>(items: readonly Item[]): items is readonly [Item, ...Item[]] {
  return items.length > 0;
}

async function readFull(mail: QueuedMail, { spool, log }: NoticeContext): Promise<ReturnedContent | null> {
  try {
    return { kind: "full", octets: concat(...await Array.fromAsync(await spool.open(mail.id))) };
  } catch (error) {
    reportUnreadable(mail, error, log);
    return null;
  }
}

async function readHeader(mail: QueuedMail, { spool, log }: NoticeContext): Promise<ReturnedContent> {
  try {
    const header = await headerOf(await spool.open(mail.id));
    const end = header.length <= HEADER_LIMIT_OCTETS ? header.length : header.lastIndexOf(LF, HEADER_LIMIT_OCTETS) + 1;
    return { kind: "header", octets: header.subarray(0, end) };
  } catch (error) {
    reportUnreadable(mail, error, log);
    return { kind: "header", octets: new Uint8Array(0) };
  }
}

function reportUnreadable(mail: QueuedMail, error: unknown, log: Log): void {
  const reason = error instanceof Error ? error.message : "unknown reason";
  log({ kind: "alarm", about: "spool", text: `Cannot read mail ${mail.id}: ${reason}` });
}

async function headerOf(content: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array> {
  const reader = new HeaderReader();
  for await (const chunk of content) {
    const split = reader.push(chunk);
    if (split !== null) return split.header;
  }
  return reader.finish().header;
}
