/**
 * What the reader of a bounce can do, by the enhanced status code (RFC 3463, RFC 5248).
 *
 * @module
 */

/** By the whole code, else by its subject. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["5.1.1", "Check the part before the @ for typing mistakes, then send the mail again."],
  ["5.1.2", "Check the part behind the @ for typing mistakes, then send the mail again."],
  ["5.1", "Check the address for typing mistakes, then send the mail again."],
  ["5.2.1", "The mailbox is closed for now. Reach this person in another way."],
  ["5.2.2", "The mailbox is full. Reach this person in another way, or send the mail again later."],
  ["5.2.3", "The mail is too large for this mailbox. Send it without attachments, or in smaller parts."],
  ["5.3.4", "The mail is too large for the next server. Send it without attachments, or in smaller parts."],
  ["5.4.4", "This server has no way to the domain of the address. Check the address, then ask your postmaster."],
  [
    "5.4.7",
    "The next server could not take the mail for too long. Send it again later, or reach this person in another way.",
  ],
  [
    "5.6.3",
    "The next server takes plain text of 7 bits only. Let your mail program encode the mail (quoted-printable or base64).",
  ],
  [
    "5.6.7",
    "The next server does not take addresses or header fields beyond ASCII. Use an address in plain letters, if there is one.",
  ],
  [
    "5.7",
    "The next server refuses this mail by its rules. Ask your postmaster, with this report, before you send it again.",
  ],
]);

const DEFAULT_ADVICE = "If the reason above tells you nothing, send this report to your postmaster.";

/** One or two sentences for the person who sent the mail. */
export function adviceFor(enhanced: string): string {
  const subject = enhanced.split(".").slice(0, 2).join(".");
  return ADVICE.get(enhanced) ?? ADVICE.get(subject) ?? DEFAULT_ADVICE;
}
