/**
 * The report of deliveries as a mail: multipart/report (RFC 6522) with a delivery status (RFC 3464, beyond ASCII RFC 6533).
 *
 * @module
 */

import { concat, utf8 } from "../lib/octets.ts";
import { printable } from "../lib/text.ts";
import type { Envelope } from "../smtp/envelope.ts";
import { formatDate } from "./date.ts";
import type { DeliveryReport } from "./dsn_report.ts";
import { statusOf } from "./dsn_status.ts";
import { subjectOf, textOf } from "./dsn_text.ts";
import { base64Lines, headerText, quotedPrintable } from "./mime_text.ts";

/** The report and the envelope that carries it. */
export interface ReportMail {
  readonly envelope: Envelope;
  readonly content: Uint8Array<ArrayBuffer>;
}

/** Stands in copies for the postmaster; a mail that has it is never reported again, wherever it was sent on to. */
const COPY_FIELD = "X-Dokodemo-Copy: postmaster";

// deno-lint-ignore no-control-regex -- US-ASCII is told from the rest here
const ASCII_REGEXP = /^[\x00-\x7f]*$/;

/** Whether a header section is that of a copy for the postmaster. */
export function isPostmasterCopy(header: Uint8Array): boolean {
  return /^X-Dokodemo-Copy:/im.test(new TextDecoder("latin1").decode(header));
}

/** Makes the report, from the null reverse-path; `null` when there is nobody to report to. All recipients have one `ReportKind`. */
export function reportMail(report: DeliveryReport): ReportMail | null {
  const to = report.copyFor ?? report.envelope.reversePath;
  if (to === null) return null;
  // UTF-8 in the report itself only for a reader whose own address needs it; all else has an ASCII form.
  const global = !ASCII_REGEXP.test(to);
  const original = originalPart(report, global);
  const boundary = `\r\n--${report.boundary}`;
  return {
    envelope: {
      reversePath: null,
      recipients: [{ id: 1, forwardPath: to, notify: ["never"], orcpt: null }],
      body: original.eightBit || global ? "8bitmime" : "7bit",
      smtputf8: global,
      declaredSizeOctets: null,
      ret: null,
      envid: null,
    },
    content: concat(
      utf8(header(report, to, { global, eightBit: original.eightBit })),
      utf8(`${boundary}\r\n${textPart(report)}`),
      utf8(`${boundary}\r\n${statusPart(report, global)}`),
      utf8(`${boundary}\r\n`),
      original.octets,
      utf8(`${boundary}--\r\n`),
    ),
  };
}

function header(
  report: DeliveryReport,
  to: string,
  { global, eightBit }: { readonly global: boolean; readonly eightBit: boolean },
): string {
  const { hostname, messageId, boundary, now, copyFor } = report;
  return [
    `Date: ${formatDate(now)}`,
    `From: Mail Delivery System <MAILER-DAEMON@${hostname}>`,
    `To: <${printable(to, 1000)}>`,
    `Subject: ${headerText(subjectOf(report))}`,
    `Message-ID: ${messageId}`,
    "Auto-Submitted: auto-replied",
    ...(copyFor === null ? [] : [COPY_FIELD]),
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type=${global ? "global-delivery-status" : "delivery-status"};`,
    ` boundary="${boundary}"`,
    ...(global || eightBit ? ["Content-Transfer-Encoding: 8bit"] : []),
    "",
    "This is a report in several parts (RFC 6522).",
    "",
  ].join("\r\n");
}

function textPart(report: DeliveryReport): string {
  const text = `${textOf(report).join("\r\n")}\r\n`;
  const language = `Content-Language: ${report.languages.join(", ")}\r\n`;
  if (ASCII_REGEXP.test(text)) return `Content-Type: text/plain; charset=us-ascii\r\n${language}\r\n${text}`;
  // base64, so that the report needs no 8BITMIME of any hop.
  const type = `Content-Type: text/plain; charset=utf-8\r\n${language}Content-Transfer-Encoding: base64\r\n`;
  return `${type}\r\n${base64Lines(utf8(text))}\r\n`;
}

function statusPart(report: DeliveryReport, global: boolean): string {
  const type = global
    ? "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit"
    : "Content-Type: message/delivery-status";
  return `${type}\r\n\r\n${statusOf(report, global)}`;
}

/** The mail as it is, or its header section. A whole mail may not be encoded (RFC 2046 section 5.2.1), a header section may (RFC 6522 section 4). */
function originalPart(
  { original: { octets, kind }, envelope }: DeliveryReport,
  global: boolean,
): { readonly octets: Uint8Array; readonly eightBit: boolean } {
  const is8bit = octets.some((octet) => octet > 0x7f);
  const isGlobal = envelope.smtputf8 && is8bit;
  const type = kind === "full"
    ? isGlobal ? "message/global" : "message/rfc822"
    : isGlobal
    ? "message/global-headers"
    : "text/rfc822-headers";
  const part = (encoding: string, content: Uint8Array) =>
    concat(utf8(`Content-Type: ${type}\r\n${encoding}\r\n`), content);
  if (!is8bit) return { octets: part("", octets), eightBit: false };
  if (kind === "full" || global) {
    return { octets: part("Content-Transfer-Encoding: 8bit\r\n", octets), eightBit: true };
  }
  const encoded = utf8(quotedPrintable(octets));
  return { octets: part("Content-Transfer-Encoding: quoted-printable\r\n", encoded), eightBit: false };
}
