/**
 * The mail that tells the owner of a file in the maildrop why it was not sent.
 *
 * @module
 */

import { formatDate } from "../../message/date.ts";
import { utf8 } from "../../lib/octets.ts";
import { printable } from "../../lib/text.ts";
import type { Envelope } from "../../smtp/envelope.ts";

/** What it tells. */
export interface MaildropRefusal {
  readonly hostname: string;
  /** Who left the file. */
  readonly to: string;
  /** Where the file is now. */
  readonly file: string;
  readonly why: string;
  /** For the Message-ID: unique. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Makes the mail, from the null reverse-path. */
export function refusalMail(
  { hostname, to, file, why, id, now }: MaildropRefusal,
): { readonly envelope: Envelope; readonly content: Uint8Array<ArrayBuffer> } {
  const lines = [
    `Date: ${formatDate(now)}`,
    `From: Mail Delivery System <MAILER-DAEMON@${hostname}>`,
    `To: <${to}>`,
    "Subject: A mail of yours was not sent",
    `Message-ID: <${id}@${hostname}>`,
    "Auto-Submitted: auto-replied",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
    "",
    `This is the mail server ${hostname}.`,
    "",
    "A mail that you left with the sendmail command was not sent:",
    "",
    `  ${printable(why, 400)}`,
    "",
    "Your postmaster finds it in the file",
    "",
    `  ${file}`,
    "",
  ];
  return {
    envelope: {
      reversePath: null,
      recipients: [{ id: 1, forwardPath: to, notify: ["never"], orcpt: null }],
      ...{ body: "8bitmime", smtputf8: /[^\x20-\x7e]/.test(to), declaredSizeOctets: null, ret: null, envid: null },
    },
    content: utf8(lines.join("\r\n")),
  };
}
