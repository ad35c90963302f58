/**
 * The bounce that an outcome causes: takes what it needs of the mail from the spool.
 *
 * @module
 */

import { concat } from "../lib/octets.ts";
import { type FailedRecipient, failureNotice, type ReturnedContent, returnsFull } from "../message/dsn.ts";
import { HeaderReader } from "../message/header.ts";
import type { Log } from "../log/event.ts";
import type { Notice, QueuedMail, Spool } from "../spool/spool.ts";

/** What a bounce is made with. */
export interface NoticeSettings {
  readonly spool: Pick<Spool, "open">;
  readonly hostname: string;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** With RET=FULL a longer mail comes back as its header only: a notice is held in memory. */
const FULL_LIMIT_OCTETS = 1024 * 1024;

/** Makes the bounce for one recipient; `null` when there is nobody to send it to. A mail that cannot be read is bounced without its header. */
export async function makeFailureNotice(
  mail: QueuedMail,
  failure: FailedRecipient,
  { spool, hostname, log, now }: NoticeSettings,
): Promise<Notice | null> {
  return failureNotice({
    hostname,
    mail: mail.id,
    envelope: mail.envelope,
    arrival: mail.received,
    now,
    failures: [failure],
    original: await readOriginal(mail, spool, log),
    boundary: `=_dokodemo_${crypto.randomUUID()}`,
    messageId: `<${crypto.randomUUID()}@${hostname}>`,
  });
}

async function readOriginal(mail: QueuedMail, spool: Pick<Spool, "open">, log: Log): Promise<ReturnedContent> {
  try {
    const content = await spool.open(mail.id);
    if (returnsFull(mail.envelope) && mail.sizeOctets <= FULL_LIMIT_OCTETS) {
      return { kind: "full", octets: concat(...await Array.fromAsync(content)) };
    }
    return { kind: "header", octets: await readHeader(content) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown reason";
    log({ kind: "alarm", about: "spool", text: `Cannot read mail ${mail.id}: ${reason}` });
    return { kind: "header", octets: new Uint8Array(0) };
  }
}

async function readHeader(content: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array> {
  const reader = new HeaderReader();
  for await (const chunk of content) {
    const split = reader.push(chunk);
    if (split !== null) return split.header;
  }
  return reader.finish().header;
}
