/**
 * What a report says that has not arrived.
 *
 * @module
 */

/** A recipient that a report tells as failed. */
export interface Failure {
  /** The load's name of the mail. */
  readonly id: string;
  readonly recipient: string;
  /** Message-ID of the report. */
  readonly report: string;
}

/** The failures that a report tells; `null`: it is no report. Throws for one that cannot be read. */
export function failuresIn(mail: string): readonly Failure[] | null {
  const header = mail.slice(0, mail.indexOf("\r\n\r\n") + 2);
  if (!/^Content-Type: multipart\/report;/m.test(header)) return null;
  const report = /^Message-ID: (\S+)\r$/im.exec(header)?.[1];
  const id = /^X-Load-Id: (\S+)\r$/m.exec(mail)?.[1];
  const groups = mail.split("\r\n\r\n").filter((group) => /^Final-Recipient:/im.test(group));
  const failures = groups.map((group) => {
    const recipient = /^Final-Recipient: *rfc822; *(\S+?)\r?$/im.exec(group)?.[1];
    if (!/^Action: failed\r?$/im.test(group) || recipient === undefined) {
      throw new Error(`Cannot read report: ${group}`);
    }
    return recipient;
  });
  if (report === undefined || id === undefined || failures.length === 0) throw new Error(`Cannot read report: ${mail}`);
  return failures.map((recipient) => ({ id, recipient, report }));
}
