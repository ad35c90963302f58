/**
 * The part of a report that programs read: the delivery status of RFC 3464, and its form beyond ASCII of RFC 6533.
 *
 * @module
 */

import { printable } from "../lib/text.ts";
import { formatDate } from "./date.ts";
import type { DeliveryReport, ReportedRecipient } from "./dsn_report.ts";
import { REPLY_LIMIT } from "./dsn_text.ts";
import { wrap } from "./wrap.ts";

// deno-lint-ignore no-control-regex -- US-ASCII is told from the rest here
const ASCII_REGEXP = /^[\x00-\x7f]*$/;

/** RFC 3464 section 2: the fields of the mail, then those of each recipient. `global`: UTF-8 may stand in it. */
export function statusOf(report: DeliveryReport, global: boolean): string {
  const { envid } = report.envelope;
  const mailFields = [
    ...(envid === null ? [] : [`Original-Envelope-Id: ${asciiOnly(printable(envid))}`]),
    `Reporting-MTA: dns; ${report.hostname}`,
    `X-Dokodemo-Queue-ID: ${report.mail}`,
    `Arrival-Date: ${formatDate(report.arrival)}`,
  ];
  const groups = [mailFields, ...report.recipients.map((recipient) => recipientFields(recipient, global))];
  return groups.map((fields) => `${fields.join("\r\n")}\r\n`).join("\r\n");
}

function recipientFields(recipient: ReportedRecipient, global: boolean): readonly string[] {
  const { action, forwardPath, orcpt, enhanced, remoteHost, lastAttempt, retryUntil } = recipient;
  const reply = printable(recipient.reply, REPLY_LIMIT);
  // Only what another server has said is of the type smtp (RFC 3464 section 2.3.6).
  const type = remoteHost === null ? "x-dokodemo" : "smtp";
  const hasDiagnostic = action === "failed" || action === "delayed" || remoteHost !== null;
  return [
    ...(orcpt === null ? [] : [`Original-Recipient: ${typedAddress(orcpt, global)}`]),
    `Final-Recipient: ${typedAddress(`rfc822; ${forwardPath}`, global)}`,
    `Action: ${action}`,
    `Status: ${enhanced}`,
    ...(remoteHost === null ? [] : [`Remote-MTA: dns; ${asciiOnly(printable(remoteHost))}`]),
    ...(hasDiagnostic ? [wrap(`Diagnostic-Code: ${type}; ${global ? reply : asciiOnly(reply)}`).join("\r\n ")] : []),
    ...(action === "expanded" ? [] : [`Last-Attempt-Date: ${formatDate(lastAttempt)}`]),
    ...(action !== "delayed" || retryUntil === null ? [] : [`Will-Retry-Until: ${formatDate(retryUntil)}`]),
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

function asciiOnly(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, "?");
}
