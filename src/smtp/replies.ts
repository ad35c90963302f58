/**
 * Every reply that the server sends, in one place, by what it means. Other text reaches a client only through `configured`.
 *
 * @module
 */

import type { QueueStart } from "./queue_start.ts";
import { type EnhancedCode, type Reply, reply } from "./reply.ts";

/** The fixed replies: RFC 5321 section 4.2, RFC 4954 section 6, RFC 3463 and the registry of RFC 5248. */
export const REPLIES = {
  ok: reply(250, "2.0.0", "OK"),
  reset: reply(250, "2.0.0", "Reset"),
  closing: reply(221, "2.0.0", "Closing connection"),
  readyForTls: reply(220, "2.0.0", "Ready to start TLS"),
  help: reply(
    214,
    "2.0.0",
    "Commands: EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT",
    "Mail is taken from those who authenticate, and for the domains that live here",
  ),
  cannotVerify: reply(252, "2.5.2", "Cannot verify the user, send a mail to find out"),
  senderOk: reply(250, "2.1.0", "Sender OK"),
  recipientOk: reply(250, "2.1.5", "Recipient OK"),
  startData: reply(354, null, "Start mail input; end with <CRLF>.<CRLF>"),
  chunkTaken: reply(250, "2.0.0", "Chunk taken"),
  authSucceeded: reply(235, "2.7.0", "Authentication succeeded"),

  authRejected: reply(535, "5.7.8", "Authentication credentials invalid"),
  authTooWeak: reply(534, "5.7.9", "Authentication mechanism is too weak for this account"),
  authUnavailable: reply(454, "4.7.0", "Temporary authentication failure"),
  authDelayed: reply(454, "4.7.0", "Too many failed logins, try again in some seconds"),
  authCancelled: reply(501, "5.7.0", "Authentication cancelled"),
  authNotBase64: reply(501, "5.5.2", "Response is not valid base64"),
  authNoInitial: reply(501, "5.7.0", "This mechanism takes no initial response"),
  authLineTooLong: reply(500, "5.5.6", "Authentication exchange line is too long"),
  authAfterSuccess: reply(503, "5.5.1", "Already authenticated"),
  authInTransaction: reply(503, "5.5.1", "AUTH is not permitted during a mail transaction"),
  mechanismUnknown: reply(504, "5.5.4", "Authentication mechanism is not available"),
  authRequired: reply(530, "5.7.0", "Authentication required"),
  tlsRequired: reply(530, "5.7.0", "Must issue a STARTTLS command first"),
  tlsActive: reply(503, "5.5.1", "TLS is active already"),
  tlsUnavailable: reply(454, "4.7.0", "TLS is not available"),

  commandUnknown: reply(500, "5.5.1", "Command is not recognized"),
  notImplemented: reply(502, "5.5.1", "Command is not implemented"),
  lineTooLong: reply(500, "5.5.2", "Line is too long"),
  bareLf: reply(500, "5.5.2", "Line has a bare LF, lines end in CRLF"),
  bareCr: reply(500, "5.5.2", "Line has a bare CR, lines end in CRLF"),
  nul: reply(500, "5.5.2", "Line has a NUL"),
  notUtf8: reply(500, "5.5.2", "Line is not valid UTF-8"),
  noArguments: reply(501, "5.5.4", "Command takes no argument"),
  etrnSyntax: reply(501, "5.5.4", "Syntax: ETRN [@]domain"),
  etrnNotAllowed: reply(459, "4.7.1", "Node not allowed: its queue is not started by ETRN here"),
  heloName: reply(501, "5.5.4", "Command needs your host name"),
  authSyntax: reply(501, "5.5.4", "Syntax: AUTH mechanism [initial-response]"),
  mailSyntax: reply(501, "5.5.2", "Syntax: MAIL FROM:<reverse-path> [parameters], no space before the <"),
  rcptSyntax: reply(501, "5.5.2", "Syntax: RCPT TO:<forward-path> [parameters], no space before the <"),
  bdatSyntax: reply(501, "5.5.4", "Syntax: BDAT size [LAST]"),
  parameterSyntax: reply(501, "5.5.4", "Parameter is malformed or given twice"),
  parameterUnknown: reply(555, "5.5.4", "Parameter is not recognized"),
  bodyNotOffered: reply(501, "5.5.4", "BODY takes 7BIT or 8BITMIME here"),
  sendHello: reply(503, "5.5.1", "Send EHLO first"),
  nestedMail: reply(503, "5.5.1", "A mail transaction is open already"),
  needMail: reply(503, "5.5.1", "Send MAIL first"),
  noRecipients: reply(554, "5.5.1", "No valid recipients"),
  dataAfterBdat: reply(503, "5.5.1", "The transaction has begun with BDAT, finish it with BDAT LAST"),
  chunkAfterProblem: reply(503, "5.5.1", "An earlier chunk has failed, send RSET"),

  senderBad: reply(501, "5.1.7", "Reverse-path is malformed"),
  senderUnqualified: reply(554, "5.1.8", "Reverse-path needs a fully qualified domain"),
  recipientBad: reply(501, "5.1.3", "Forward-path is malformed"),
  recipientUnqualified: reply(554, "5.1.2", "Forward-path needs a fully qualified domain"),
  needsSmtputf8: reply(553, "5.6.7", "Address is not ASCII, use SMTPUTF8"),
  tooManyRecipients: reply(452, "4.5.3", "Too many recipients, send the mail again for the others"),
  recipientUnknown: reply(550, "5.1.1", "No such recipient here"),
  recipientUnavailable: reply(451, "4.3.0", "Recipient cannot be checked now, try again later"),
  relayDenied: reply(550, "5.7.1", "Relaying denied, authenticate first"),
  pathNotLocal: reply(550, "5.7.1", "Relaying by % or ! in a local part is denied"),
  mechanismNotTrusted: reply(550, "5.7.1", "This authentication mechanism does not permit relaying"),
  noRoute: reply(550, "5.4.4", "This server has no route to that domain"),
  accessDenied: reply(550, "5.7.1", "Access denied"),
  senderUnavailable: reply(451, "4.3.0", "Sender cannot be checked now, try again later"),
  senderNotOwn: reply(550, "5.7.1", "Your account may not send as this address"),
  recipientDisabled: reply(550, "5.2.1", "Mailbox disabled for this recipient"),
  deviceSender: reply(550, "5.7.1", "This device may send as its own address only"),
  deviceRecipient: reply(550, "5.7.1", "This device may not send to that recipient"),
  healthOnly: reply(550, "5.7.1", "This connection is for health checks"),

  tooLarge: reply(552, "5.3.4", "Mail is larger than this server takes"),
  noSpace: reply(452, "4.3.1", "Insufficient system storage, try again later"),
  queueUnavailable: reply(451, "4.3.0", "Mail cannot be stored now, try again later"),
  contentBareCr: reply(554, "5.6.0", "Content has a bare CR, lines end in CRLF"),
  contentBareLf: reply(554, "5.6.0", "Content has a bare LF, lines end in CRLF"),
  contentNul: reply(554, "5.6.0", "Content has a NUL"),
  tooManyHops: reply(554, "5.4.6", "Mail has 100 Received fields: a loop"),

  tooManyErrors: reply(421, "4.7.0", "Too many errors"),
  tooManyAuthFailures: reply(421, "4.7.0", "Too many failed logins"),
  tooManyRefused: reply(421, "4.7.0", "Too many refused recipients"),
  tooManyConnections: reply(421, "4.7.0", "Too many connections, try again later"),
  proxiesOnly: reply(421, "4.7.0", "This port is for the proxies of this server alone"),
  banned: reply(554, "5.7.1", "Your network is barred from this server"),
  timeout: reply(421, "4.4.2", "Timeout, closing connection"),
  shuttingDown: reply(421, "4.3.2", "Service is shutting down, try again later"),
  internal: reply(421, "4.3.0", "Internal error, try again later"),
  connectionRefused: reply(554, "5.7.1", "Connection refused"),
} as const satisfies Record<string, Reply>;

/** The 250 after content: the mail is ours now. */
export function queued(id: string): Reply {
  return reply(250, "2.0.0", `Queued as ${id}`);
}

/** A device has sent what it may in a day; `opens` is the time at which it may send again, RFC 3339. */
export function deviceDayFull(opens: string): Reply {
  return reply(452, "4.7.1", `This device has sent its mails of today, it may send again at ${opens}`);
}

/** What ETRN is answered with (RFC 1985 section 5.3). `node` is a domain in A-labels. */
export function queueStarted(node: string, outcome: QueueStart): Reply {
  switch (outcome.kind) {
    case "started":
      return outcome.count === 0
        ? reply(251, "2.0.0", `OK, no messages waiting for node ${node}`)
        : reply(253, "2.0.0", `OK, ${outcome.count} pending messages for node ${node} started`);
    case "under-way":
      return reply(252, "2.0.0", `OK, pending messages for node ${node} started`);
    case "unavailable":
      return reply(458, "4.3.0", `Unable to queue messages for node ${node}`);
  }
}

/** The greeting (RFC 5321 section 4.3.1). */
export function greeting(hostname: string): Reply {
  return reply(220, null, `${hostname} ESMTP dokodemo`);
}

/** A reply in an administrator's words (access map); characters that cannot be sent become `?`. `null` when the code is none. */
export function configured(code: number, enhanced: EnhancedCode, text: string): Reply | null {
  if (!Number.isInteger(code) || code < 400 || code > 599 || enhanced[0] !== String(code)[0]) return null;
  return reply(code, enhanced, text.replace(/[^\x20-\x7e]/g, "?").slice(0, 400));
}
