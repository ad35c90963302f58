/**
 * What a report of deliveries is made of.
 *
 * @module
 */

import type { Envelope } from "../smtp/envelope.ts";
import type { ReportLanguage } from "./dsn_advice.ts";
import type { ReportedAction } from "./dsn_wanted.ts";

/** One recipient and what has become of it. Times are milliseconds since the epoch. */
export interface ReportedRecipient {
  readonly action: ReportedAction;
  readonly forwardPath: string;
  /** As ORCPT gave it, decoded: `rfc822;shin@baz.co.jp`. */
  readonly orcpt: string | null;
  /** The last reply: code, enhanced code and text on one line. */
  readonly reply: string;
  /** RFC 3463; class 5 for `failed`, 4 for `delayed`, 2 for the others. */
  readonly enhanced: string;
  /** The host that gave the reply; `null` when it is ours. */
  readonly remoteHost: string | null;
  readonly lastAttempt: number;
  /** For `delayed`: when it is given up. */
  readonly retryUntil: number | null;
}

/** What a report is made of. */
export interface DeliveryReport {
  readonly hostname: string;
  /** The id of the mail that it is about. */
  readonly mail: string;
  readonly envelope: Envelope;
  /** When the mail came in, and when this report is made. */
  readonly arrival: number;
  readonly now: number;
  readonly recipients: readonly [ReportedRecipient, ...ReportedRecipient[]];
  readonly original: ReturnedContent;
  /** The languages of the text for people, in this order. */
  readonly languages: readonly [ReportLanguage, ...ReportLanguage[]];
  /** The address of the postmaster, when this is a copy for them. */
  readonly copyFor: string | null;
  /** Both unique: the boundary must stand nowhere in the returned content; the Message-ID is in angle brackets. */
  readonly boundary: string;
  readonly messageId: string;
}

/** What is sent back of the mail. */
export interface ReturnedContent {
  readonly octets: Uint8Array;
  /** `header`: the header section alone. */
  readonly kind: "header" | "full";
}

/** What a report is mainly about: the recipients of one report have one kind. */
export type ReportKind = "failed" | "delayed" | "successful";

/** The kind of the reports that an action belongs in. */
export function kindOf(action: ReportedAction): ReportKind {
  return action === "failed" || action === "delayed" ? action : "successful";
}
