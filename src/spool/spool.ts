/**
 * The contract of the spool: where a mail lives between the 250 that we gave and the end of its last recipient.
 *
 * States of a recipient, and which record exists in each:
 *
 * | state        | row in `recipient` | content | next                                                            |
 * |--------------|--------------------|---------|-----------------------------------------------------------------|
 * | `waiting`    | yes, `due`         | yes     | `attempting` when claimed and tried; `held`; `failed` (expired) |
 * | `held`       | yes                | yes     | `waiting` by `release`                                          |
 * | `attempting` | yes                | yes     | a final state, `waiting` again, `held`; after a crash `waiting` |
 * | `delivered`  | yes                | yes*    | none                                                            |
 * | `relayed`    | yes                | yes*    | none                                                            |
 * | `failed`     | yes                | yes*    | none; its notice was committed with it                          |
 *
 * (*) When the last recipient reaches a final state the rows of the mail go in the same transaction, its content file after that:
 * a crash between leaves a file that no row names, never a row without content.
 *
 * A recipient that is held while it is attempted can still reach a final state by the outcome of that attempt; when that is `deferred` it
 * stays held. A recipient in `attempting` whose mail has no lease any more was cut off, and is claimed as `waiting`.
 *
 * The commit point of an accepted mail is the `COMMIT` of the transaction that holds its `mail` and `recipient` rows
 * (content of more than 256 KiB is in a synced file of a synced folder before that). Only then may 250 be sent.
 *
 * @module
 */

import type { Result } from "../lib/result.ts";
import type { Envelope, Recipient } from "../smtp/envelope.ts";

/** A recipient and how far its delivery has come. Times are milliseconds since the epoch. */
export interface QueuedRecipient extends Recipient {
  readonly state: "waiting" | "attempting" | "held" | "delivered" | "relayed" | "failed";
  readonly attempts: number;
  /** When the next attempt may start. */
  readonly due: number;
  readonly lastReply: string | null;
}

/** A mail that we answer for. */
export interface QueuedMail {
  readonly id: string;
  readonly envelope: Envelope;
  /** All recipients, the finished ones included. */
  readonly recipients: readonly QueuedRecipient[];
  readonly account: string | null;
  readonly received: number;
  readonly sizeOctets: number;
  /** Whether the content has octets above 127; a hop without 8BITMIME cannot take it then. */
  readonly has8bit: boolean;
  /** Of our own making. */
  readonly notice: boolean;
}

/** The queue in numbers. */
export interface QueueCensus {
  /** Recipients without a final state, by state and domain (A-label, lower-case). */
  readonly recipients: readonly {
    readonly state: "waiting" | "attempting" | "held";
    readonly domain: string;
    readonly count: number;
  }[];
  readonly mails: number;
  /** Octets of their content. */
  readonly octets: number;
  /** When the oldest mail was received that waits or is attempted, in milliseconds since the epoch; `null`: none. */
  readonly oldest: number | null;
  /** Room for mail: on the disk and inside the database. */
  readonly freeOctets: number;
}

/** How the delivery to one recipient went. */
export type DeliveryOutcome =
  | { readonly kind: "delivered" | "relayed"; readonly reply: string }
  | {
    readonly kind: "deferred";
    readonly reply: string;
    readonly cause: "refused" | "network" | "tls" | "auth" | "local";
  }
  | { readonly kind: "failed"; readonly reply: string; readonly enhanced: string };

/** A mail of our own making (a bounce), committed with the outcome that causes it. */
export interface Notice {
  readonly envelope: Envelope;
  readonly content: Uint8Array;
}

/** A mail under way into the spool. Disposing it before `commit` leaves no trace. */
export interface SpoolDraft extends AsyncDisposable {
  /** The id that the mail will have, for its Received field. */
  readonly id: string;
  /** Takes the octets over: the caller must not change them afterwards. A problem of the disk shows at `commit`. */
  write(octets: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Durable when it resolves with the mail's id; only then may 250 be sent. Mails that wait together share one fsync. */
  commit(): Promise<Result<string, "no-space" | "unavailable">>;
}

/**
 * The queue on disk. A method whose result has no place for a problem rejects with a `SpoolError` (`no-space`, `unavailable`, `not-there`);
 * nothing of what was asked is kept then, except that after `unavailable` it may have been carried out all the same.
 */
export interface Spool extends AsyncDisposable {
  /** `held`: committed in state `held`, never claimable in between. `source`: unique; a second commit with it within 30 days gives the first mail's id. */
  draft(
    envelope: Envelope,
    account: string | null,
    options: { readonly held: boolean; readonly source: string | null },
  ): Promise<SpoolDraft>;
  /** Whether a mail of this size may be begun: 452 4.3.1 while too little is free (DESIGN: max(64 MiB, 2 x size limit)). */
  hasSpace(): boolean;
  /** Leases mails with recipients that are due: no other worker gets them until the lease ends. None while the disk is so full that no outcome can be kept. */
  claim(now: number, limit: number, leaseMs: number): Promise<readonly QueuedMail[]>;
  /** The earliest `due` of a recipient that waits in a mail without a lease, or `null`. */
  nextDue(): Promise<number | null>;
  /** Renewed at a third of its time while the mail is in work. `false`: the mail is no longer there. */
  renew(mail: string, leaseMs: number): Promise<boolean>;
  /** Gives the lease back when nothing more is tried now. */
  unclaim(mail: string): Promise<void>;
  /**
   * Durable before the octet that can commit the next hop (the final dot) is sent, for the recipients of this transaction and no others.
   * `not-there` when one of them was removed, held or finished meanwhile: that dot must not be sent.
   */
  attempt(mail: string, recipients: readonly number[]): Promise<void>;
  /**
   * Durable when it resolves, before the next recipient's outcome is awaited. `due`: of the next attempt where the outcome is `deferred`,
   * which adds one to `attempts`. For a recipient that is finished or removed nothing changes, and the notice is not kept.
   */
  settle(
    mail: string,
    recipient: number,
    outcome: DeliveryOutcome,
    options: { readonly due: number; readonly notice: Notice | null },
  ): Promise<void>;
  /** The content, chunk by chunk. Rejects when the mail is not there. */
  open(mail: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
  /** Makes the waiting recipients due now; `null`: of every mail. The result is how many mails that touched. */
  retry(mail: string | null): Promise<number>;
  /** Holds what is not finished. `false`: there is no such mail, or nothing of it was left to hold. */
  hold(mail: string): Promise<boolean>;
  /** Lets what is held wait again, due when it was before. `false`: there is no such mail, or nothing of it was held. */
  release(mail: string): Promise<boolean>;
  /** `false`: there is no such mail. */
  remove(mail: string): Promise<boolean>;
  show(mail: string): Promise<QueuedMail | null>;
  /** In order of arrival, `count` at most, behind the mail `after`. */
  list(
    filter: { readonly account?: string; readonly domain?: string },
    page: { readonly after: string | null; readonly count: number },
  ): Promise<readonly QueuedMail[]>;
  /** Counts everything; reads each recipient, and no content. */
  census(): Promise<QueueCensus>;
  /** For readiness: can a mail be stored now? */
  probe(): Promise<Result<void, string>>;
}
