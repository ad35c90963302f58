/**
 * What is done to a header section before a mail is stored: our Received on top, what a submission lacks at its end.
 *
 * @module
 */

import { concat, concatAll, utf8 } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { countFields, hasField, type HeaderField, splitFields } from "./header.ts";

/** A mail with this many Received fields goes round in circles (RFC 5321 section 6.3). */
export const RECEIVED_LIMIT = 100;

/** What may be added and removed. */
export interface Completion {
  /** Our Received field with its CRLF. */
  readonly received: string;
  /** For submission only (RFC 6409 section 8): used where the mail has no such field. `messageId` stands in angle brackets. */
  readonly submission: { readonly date: string; readonly messageId: string; readonly from?: string } | null;
  /** Resent-Bcc goes with it. */
  readonly removeBcc: boolean;
  /** Fields of our own under the Received field, each with its CRLF. */
  readonly remarks?: string;
}

/**
 * Completes the fields that `HeaderReader` found; every field that stays keeps its octets and its place.
 * The problem `loop` stands for 554 5.4.6.
 */
export function completeHeader(header: Uint8Array, completion: Completion): Result<Uint8Array<ArrayBuffer>, "loop"> {
  const fields = splitFields(header);
  if (countFields(fields, "received") >= RECEIVED_LIMIT) return fail("loop");
  return succeed(concat(
    utf8(completion.received + (completion.remarks ?? "")),
    completion.removeBcc ? withoutBcc(fields) : header,
    // Behind the others, so that the trace fields on top stay together.
    utf8(missingFields(completion, (name) => hasField(fields, name))),
  ));
}

function withoutBcc(fields: readonly HeaderField[]): Uint8Array {
  return concatAll(fields.filter(({ name }) => name !== "bcc" && name !== "resent-bcc").map(({ raw }) => raw));
}

function missingFields({ submission }: Completion, has: (name: string) => boolean): string {
  if (submission === null) return "";
  const date = has("date") ? "" : `Date: ${submission.date}\r\n`;
  const messageId = has("message-id") ? "" : `Message-ID: ${submission.messageId}\r\n`;
  const from = submission.from === undefined || has("from") ? "" : `From: ${submission.from}\r\n`;
  return `${from}${date}${messageId}`;
}
