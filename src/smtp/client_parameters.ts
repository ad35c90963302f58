/**
 * What the client says with MAIL and RCPT, as far as the other side offers it: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531),
 * DSN (RFC 3461). What cannot be said here is a reason to give the mail back, never to change it.
 *
 * @module
 */

import { hasControl } from "../lib/text.ts";
import type { ClientMail, ClientOutcome, ClientState } from "./client_state.ts";
import type { Recipient } from "./envelope.ts";
import { encodeXtext } from "./parameters.ts";

// deno-lint-ignore no-control-regex -- US-ASCII is told from the rest here
const ASCII_REGEXP = /^[\x00-\x7f]*$/;

/** Why a recipient cannot be served by this hop at all, or `null`. */
export function unsendable(state: ClientState, mail: ClientMail, recipient: Recipient): ClientOutcome | null {
  const { offers, settings: { host } } = state;
  // No parser of ours lets one through; should another do so, it must not become a command.
  if (hasControl(recipient.forwardPath) || hasControl(mail.reversePath ?? "")) {
    return failed("553", "5.1.3", "The address has a control character");
  }
  if (mail.has8bit && !offers.has("8BITMIME")) {
    return failed("554", "5.6.3", `The server ${host} does not take 8-bit content`);
  }
  if ((needsUtf8(mail) || !ASCII_REGEXP.test(recipient.forwardPath)) && !offers.has("SMTPUTF8")) {
    return failed("553", "5.6.7", `The server ${host} does not take internationalized mail`);
  }
  return null;
}

/** MAIL with its parameters and CRLF. */
export function mailCommand({ offers }: ClientState, mail: ClientMail): string {
  const dsn = offers.has("DSN");
  const parameters = [
    offers.has("SIZE") ? `SIZE=${mail.sizeOctets}` : null,
    mail.has8bit ? "BODY=8BITMIME" : null,
    sendsUtf8(mail) && offers.has("SMTPUTF8") ? "SMTPUTF8" : null,
    dsn && mail.ret !== null ? `RET=${mail.ret.toUpperCase()}` : null,
    dsn && mail.envid !== null && ASCII_REGEXP.test(mail.envid) ? `ENVID=${encodeXtext(mail.envid)}` : null,
  ];
  return line(`MAIL FROM:<${mail.reversePath ?? ""}>`, parameters);
}

/** RCPT with its parameters and CRLF. */
export function rcptCommand({ offers }: ClientState, mail: ClientMail, recipient: Recipient): string {
  const { notify, orcpt, forwardPath } = recipient;
  const dsn = offers.has("DSN");
  const parameters = [
    dsn && notify !== null ? `NOTIFY=${notify.join(",").toUpperCase()}` : null,
    dsn && orcpt !== null ? orcptParameter(orcpt, sendsUtf8(mail) && offers.has("SMTPUTF8")) : null,
  ];
  return line(`RCPT TO:<${forwardPath}>`, parameters);
}

/** The flag alone does not need the extension: it does when anything in the mail, or the reverse-path, is beyond ASCII. */
function needsUtf8(mail: ClientMail): boolean {
  return !ASCII_REGEXP.test(mail.reversePath ?? "") || (mail.smtputf8 && mail.has8bit);
}

function sendsUtf8(mail: ClientMail): boolean {
  return needsUtf8(mail) || mail.recipients.some(({ forwardPath }) => !ASCII_REGEXP.test(forwardPath));
}

/** RFC 3461 section 4.2; beyond ASCII as it is with SMTPUTF8, else in the ASCII form of RFC 6533 section 3. */
function orcptParameter(orcpt: string, utf8: boolean): string {
  const separator = orcpt.indexOf(";");
  const type = orcpt.slice(0, separator);
  const address = encodeXtext(orcpt.slice(separator + 1));
  if (utf8 || ASCII_REGEXP.test(address)) return `ORCPT=${type};${address}`;
  const escaped = address.replace(/[\u0080-\u{10ffff}]/gu, (character) => {
    return `\\x{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`;
  });
  return `ORCPT=utf-8;${escaped}`;
}

function line(command: string, parameters: readonly (string | null)[]): string {
  return `${[command, ...parameters.filter((parameter) => parameter !== null)].join(" ")}\r\n`;
}

function failed(code: string, enhanced: string, text: string): ClientOutcome {
  return { kind: "failed", reply: `${code} ${enhanced} ${text}`, enhanced, ours: true };
}
