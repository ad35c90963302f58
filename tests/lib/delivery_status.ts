/**
 * Reads a delivery status by the grammar of RFC 3464, strictly: what the tests of reports judge by.
 *
 * @module
 */

/** The fields of a group by name in lower case, unfolded. */
export type StatusFields = ReadonlyMap<string, string>;

/** A delivery status: the fields of the mail, and those of each recipient. */
export interface DeliveryStatus {
  readonly mail: StatusFields;
  readonly recipients: readonly StatusFields[];
}

const ATOM = String.raw`[!#-'*+./-9=?A-Z^-~-]+`;
/** RFC 5322 allows a comment behind. */
const DATE = String
  .raw`(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} [+-]\d{4}(?: \([A-Z]+\))?`;
const TYPED = String.raw`${ATOM}; ?\S.*`;

/** Each field's value; the bar is what RFC 3464 section 2.2 and 2.3 ask for. */
const MAIL_FIELDS: ReadonlyMap<string, RegExp> = new Map([
  ["original-envelope-id", /^[ -~]+$/],
  ["reporting-mta", new RegExp(`^${TYPED}$`)],
  ["arrival-date", new RegExp(`^${DATE}$`)],
]);
const RECIPIENT_FIELDS: ReadonlyMap<string, RegExp> = new Map([
  ["original-recipient", new RegExp(`^${TYPED}$`)],
  ["final-recipient", new RegExp(`^${TYPED}$`)],
  ["action", /^(?:failed|delayed|delivered|relayed|expanded)$/],
  ["status", /^[245]\.\d{1,3}\.\d{1,3}$/],
  ["remote-mta", new RegExp(`^${TYPED}$`)],
  ["diagnostic-code", new RegExp(`^${TYPED}$`)],
  ["last-attempt-date", new RegExp(`^${DATE}$`)],
  ["will-retry-until", new RegExp(`^${DATE}$`)],
]);

const CLASSES: ReadonlyMap<string, string> = new Map([["failed", "5"], ["delayed", "4"]]);

/** Reads one. Throws for whatever the grammar does not allow. */
export function parseDeliveryStatus(text: string): DeliveryStatus {
  const [mail, ...recipients] = text.replaceAll("\r\n", "\n").replace(/\n+$/, "").split(/\n\n/).map(fieldsOf);
  if (mail === undefined || recipients.length === 0) throw new Error("no fields of the mail, or of no recipient");
  check(mail, MAIL_FIELDS, ["reporting-mta"]);
  for (const recipient of recipients) {
    check(recipient, RECIPIENT_FIELDS, ["final-recipient", "action", "status"]);
    const action = recipient.get("action") ?? "";
    if (recipient.get("status")?.[0] !== (CLASSES.get(action) ?? "2")) throw new Error(`status does not fit ${action}`);
    if (recipient.has("will-retry-until") && action !== "delayed") throw new Error(`${action} is not tried again`);
  }
  return { mail, recipients };
}

function fieldsOf(group: string): StatusFields {
  const fields = new Map<string, string>();
  for (const line of group.replace(/\n[ \t]+/g, " ").split("\n")) {
    const [, name, value] = /^([!-9;-~]+): (.+)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`no field: ${JSON.stringify(line)}`);
    if (fields.has(name.toLowerCase())) throw new Error(`${name} is there twice`);
    fields.set(name.toLowerCase(), value);
  }
  return fields;
}

function check(fields: StatusFields, grammar: ReadonlyMap<string, RegExp>, required: readonly string[]): void {
  for (const name of required) if (!fields.has(name)) throw new Error(`${name} is missing`);
  for (const [name, value] of fields) {
    if (name.startsWith("x-")) continue;
    if (grammar.get(name)?.test(value) !== true) throw new Error(`${name} is malformed: ${value}`);
  }
}
