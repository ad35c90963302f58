/**
 * The report of a failed delivery: multipart/report (RFC 6522) with a delivery status (RFC 3464), and whether anybody wants it (RFC 3461).
 *
 * @module
 */

import { concat, encodeBase64, utf8 } from "../lib/octets.ts";
import { printable } from "../lib/text.ts";
import type { Envelope, Recipient } from "../smtp/envelope.ts";
import { formatDate } from "./date.ts";
import { adviceFor } from "./dsn_advice.ts";

/** One recipient that did not get the mail. Times are milliseconds since the epoch. */
export interface FailedRecipient {
  readonly forwardPath: string;
  /** As ORCPT gave it, decoded: `rfc822;shin@baz.co.jp`. */
  readonly orcpt: string | null;
  /** The last reply: code, enhanced code and text on one line. */
  readonly reply: string;
  /** RFC 3463, class 5. */
  readonly enhanced: string;
  /** The host that gave the reply; `null` when it is ours. */
  readonly remoteHost: string | null;
  readonly lastAttempt: number;
}

/** What a report is made of. */
export interface FailureReport {
  readonly hostname: string;
  /** The id of the mail that failed. */
  readonly mail: string;
  readonly envelope: Envelope;
  /** When the mail came in, and when this report is made. */
  readonly arrival: number;
  readonly now: number;
  readonly failures: readonly [FailedRecipient, ...FailedRecipient[]];
  readonly original: ReturnedContent;
  /** Both unique: the boundary must stand nowhere in the returned content; the Message-ID is in angle brackets. */
  readonly boundary: string;
  readonly messageId: string;
}

/** What is sent back of the mail that failed. */
export interface ReturnedContent {
  readonly octets: Uint8Array;
  /** `header`: the header section alone. */
  readonly kind: "header" | "full";
}

/** The report and the envelope that carries it. */
export interface FailureNotice {
  readonly envelope: Envelope;
  readonly content: Uint8Array<ArrayBuffer>;
}

const REPLY_LIMIT = 400;
const LINE_LIMIT = 76;
// deno-lint-ignore no-control-regex -- US-ASCII is told from the rest here
const ASCII_REGEXP = /^[\x00-\x7f]*$/;

/** Whether a failure of this recipient is reported: never to the null reverse-path (RFC 5321 section 6.1), else as NOTIFY says. */
export function wantsFailureNotice(envelope: Envelope, recipient: Pick<Recipient, "notify">): boolean {
  return envelope.reversePath !== null && (recipient.notify === null || recipient.notify.includes("failure"));
}

/** Whether the sender asked for the whole mail to come back. Without RET the header section is enough (RFC 3461 section 4.3 leaves it open). */
export function returnsFull(envelope: Envelope): boolean {
  return envelope.ret === "full";
}

/** Makes the report; `null` when there is nobody to report to. */
export function failureNotice(report: FailureReport): FailureNotice | null {
  const { reversePath } = report.envelope;
  if (reversePath === null) return null;
  // RFC 6533: UTF-8 in the report itself only for a sender whose own address needs it; all else has an ASCII form.
  const global = !ASCII_REGEXP.test(reversePath);
  const eightBit = report.original.octets.some((octet) => octet > 0x7f);
  const boundary = `\r\n--${report.boundary}`;
  return {
    envelope: {
      reversePath: null,
      recipients: [{ id: 1, forwardPath: reversePath, notify: ["never"], orcpt: null }],
      body: eightBit || global ? "8bitmime" : "7bit",
      smtputf8: global,
      declaredSizeOctets: null,
      ret: null,
      envid: null,
    },
    content: concat(
      utf8(header(report, reversePath, { global, eightBit })),
      utf8(`${boundary}\r\n${textPart(report)}`),
      utf8(`${boundary}\r\n${statusPart(report, global)}`),
      utf8(`${boundary}\r\n${returnedType(report, eightBit)}`),
      report.original.octets,
      utf8(`${boundary}--\r\n`),
    ),
  };
}

function header(
  { hostname, messageId, boundary, now }: FailureReport,
  to: string,
  { global, eightBit }: { readonly global: boolean; readonly eightBit: boolean },
): string {
  return [
    `Date: ${formatDate(now)}`,
    `From: Mail Delivery System <MAILER-DAEMON@${hostname}>`,
    `To: <${printable(to, 1000)}>`,
    "Subject: Your mail could not be delivered",
    `Message-ID: ${messageId}`,
    "Auto-Submitted: auto-replied",
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type=${global ? "global-delivery-status" : "delivery-status"};`,
    ` boundary="${boundary}"`,
    ...(global || eightBit ? ["Content-Transfer-Encoding: 8bit"] : []),
    "",
    "This is a report in several parts (RFC 6522).",
    "",
  ].join("\r\n");
}

function textPart(report: FailureReport): string {
  const text = utf8(humanText(report).join("\r\n"));
  if (!text.some((octet) => octet > 0x7f)) {
    return `Content-Type: text/plain; charset=us-ascii\r\n\r\n${humanText(report).join("\r\n")}\r\n`;
  }
  // base64, so that the report needs no 8BITMIME of any hop.
  const lines = encodeBase64(text).replace(new RegExp(`.{${LINE_LIMIT}}`, "g"), "$&\r\n");
  return `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines}\r\n`;
}

function humanText({ hostname, mail, failures, arrival, original }: FailureReport): readonly string[] {
  const blocks = failures.flatMap((failure) => [
    `  <${printable(failure.forwardPath, 1000)}>`,
    failure.remoteHost === null ? "  The reason:" : `  The server ${printable(failure.remoteHost)} said:`,
    ...wrap(printable(failure.reply, REPLY_LIMIT), "      "),
    "  What you can do:",
    ...wrap(adviceFor(failure.enhanced), "      "),
    "",
  ]);
  return [
    `This is the mail server ${hostname}.`,
    "",
    ...wrap(
      `Your mail of ${formatDate(arrival)} could not be delivered to the ${
        failures.length === 1 ? "address" : "addresses"
      } below. It will not be tried again.`,
      "",
    ),
    "",
    ...blocks,
    ...wrap(
      `Below are the details for a postmaster, and ${
        original.kind === "full" ? "your mail" : "the header of your mail"
      }. Whoever asks about it should name the id ${mail}.`,
      "",
    ),
  ];
}

/** RFC 3464 section 2; the fields of the mail, then those of each recipient. */
function statusPart(report: FailureReport, global: boolean): string {
  const { envid } = report.envelope;
  const mailFields = [
    ...(envid === null ? [] : [`Original-Envelope-Id: ${asciiOnly(printable(envid))}`]),
    `Reporting-MTA: dns; ${report.hostname}`,
    `X-Dokodemo-Queue-ID: ${report.mail}`,
    `Arrival-Date: ${formatDate(report.arrival)}`,
  ];
  const type = global
    ? "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit"
    : "Content-Type: message/delivery-status";
  const groups = [mailFields, ...report.failures.map((failure) => recipientFields(failure, global))];
  return `${type}\r\n\r\n${groups.map((fields) => `${fields.join("\r\n")}\r\n`).join("\r\n")}`;
}

function recipientFields(failure: FailedRecipient, global: boolean): readonly string[] {
  const reply = printable(failure.reply, REPLY_LIMIT);
  return [
    ...(failure.orcpt === null ? [] : [`Original-Recipient: ${typedAddress(failure.orcpt, global)}`]),
    `Final-Recipient: ${typedAddress(`rfc822; ${failure.forwardPath}`, global)}`,
    "Action: failed",
    `Status: ${failure.enhanced}`,
    ...(failure.remoteHost === null ? [] : [`Remote-MTA: dns; ${printable(failure.remoteHost)}`]),
    wrap(`Diagnostic-Code: smtp; ${global ? reply : asciiOnly(reply)}`, "").join("\r\n "),
    `Last-Attempt-Date: ${formatDate(failure.lastAttempt)}`,
  ];
}

/** An address beyond ASCII has the type `utf-8`, written as it is in a global report and as `\x{...}` in an ASCII one (RFC 6533 section 3). */
function typedAddress(typed: string, global: boolean): string {
  const safe = printable(typed, 1000);
  if (ASCII_REGEXP.test(safe)) return safe;
  const address = safe.replace(/^[A-Za-z0-9-]+; */, "");
  return `utf-8; ${global ? address : xtextAddress(address)}`;
}

/** utf-8-addr-xtext of RFC 6533 section 3. */
function xtextAddress(address: string): string {
  return address.replace(/[^!-*,-<>-[\]-~]/gu, (character) => {
    return `\\x{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, "0")}}`;
  });
}

function returnedType({ original, envelope }: FailureReport, eightBit: boolean): string {
  const global = envelope.smtputf8 && eightBit;
  const type = original.kind === "full"
    ? global ? "message/global" : "message/rfc822"
    : global
    ? "message/global-headers"
    : "text/rfc822-headers";
  return `Content-Type: ${type}\r\n${eightBit ? "Content-Transfer-Encoding: 8bit\r\n" : ""}\r\n`;
}

function asciiOnly(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, "?");
}

/** Breaks a text between words; a word that is too long keeps its line. */
function wrap(text: string, indent: string): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent.length + line.length + 1 + word.length > LINE_LIMIT) {
      lines.push(indent + line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, indent + line];
}
