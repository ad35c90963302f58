/**
 * The envelope of a mail (RFC 5321 section 2.3.1) with what extensions add to it.
 *
 * @module
 */

/** A forward-path and what was asked for it. */
export interface Recipient {
  /** Stable inside the envelope: two recipients may have one forward-path and different DSN parameters. */
  readonly id: number;
  /** Without angle brackets and source route; the domain as an A-label unless the mail is SMTPUTF8. */
  readonly forwardPath: string;
  readonly notify: readonly ("never" | "success" | "failure" | "delay")[] | null;
  /** `type;address`, the xtext decoded. */
  readonly orcpt: string | null;
}

/** What MAIL and RCPT said. */
export interface Envelope {
  /** `null` is the null reverse-path. */
  readonly reversePath: string | null;
  readonly recipients: readonly Recipient[];
  readonly body: "7bit" | "8bitmime";
  readonly smtputf8: boolean;
  readonly declaredSizeOctets: number | null;
  readonly ret: "full" | "hdrs" | null;
  /** The xtext decoded. */
  readonly envid: string | null;
}
