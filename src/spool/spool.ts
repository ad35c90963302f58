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
 * | `failed`     | yes                | yes*    | none                                                            |
 *
 * (*) When the last recipient reaches a final state, and no notice is due, the rows of the mail go in the same transaction, its content
 * file after that: a crash between leaves a file that no row names, never a row without content.
 *
 * What the sender is to be told of a recipient, at most once for each action:
 *
 * | notice  | row in `notice_due` | comes with the transaction that          | goes with                                     |
 * |---------|---------------------|------------------------------------------|-----------------------------------------------|
 * | due     | yes, `told = 0`     | keeps the outcome that causes it         | `notify`: told; a crash before that changes nothing |
 * | told    | yes, `told = 1`     | puts the mail that tells it in the queue | the mail                                      |
 *
 * So no outcome is without its notice and no notice is there twice, and recipients of one mail whose notices are due at one time share a
 * report. A mail with notices due stays, finished or deleted, until they are told; then it goes in the transaction that tells the last.
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
  /** The address in whose place it stands; its own is not looked for among the aliases again. */
  readonly alias?: string;
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
  /** `dsn`: the next place has taken over who is to be told what (RFC 3461). */
  | ({ readonly kind: "delivered" | "relayed"; readonly reply: string; readonly dsn?: boolean } & Answered)
  | ({
    readonly kind: "deferred";
    readonly reply: string;
    readonly cause: "refused" | "network" | "tls" | "auth" | "local";
  } & Answered)
  /** `ours`: the reply is none of another server. */
  | (
    & { readonly kind: "failed"; readonly reply: string; readonly enhanced: string; readonly ours?: boolean }
    & Answered
  );

/** Whose outcome it is. */
export interface Answered {
  /** The host that was spoken with, where the next place is a domain of several. */
  readonly host?: string;
}

/** What becomes of a recipient that is an alias of others. */
export interface Expansion {
  /** One line that begins with a code. */
  readonly reply: string;
  /** Become recipients of the mail, each unless its address is there already. */
  readonly members: readonly Omit<Recipient, "id">[];
  /** Mails of their own with the same content: for lists that have an owner. */
  readonly copies: readonly Envelope[];
}

/** What the sender is to be told of a recipient; kept with the outcome that causes it. Times are milliseconds since the epoch. */
export interface DueNotice {
  readonly action: "failed" | "delayed" | "delivered" | "relayed" | "expanded";
  readonly reply: string;
  /** RFC 3463. */
  readonly enhanced: string;
  /** The host that gave the reply; `null` when it is ours. */
  readonly remoteHost: string | null;
  /** When it came to this. */
  readonly at: number;
  /** When it will be given up; `null` where it is not tried again. */
  readonly retryUntil: number | null;
}

/** A notice that is due, and whom it is about. */
export interface DueNoticeOf extends DueNotice {
  readonly recipient: number;
}

/** One try to hand a mail over to a recipient, which is over. */
export interface Attempt {
  /** In milliseconds since the epoch. */
  readonly at: number;
  /** `null`, also as `host`: it did not come to that. */
  readonly route: string | null;
  readonly host: string | null;
  readonly outcome: DeliveryOutcome["kind"];
  readonly reply: string;
}

/** An attempt, and at whom. */
export interface AttemptOf extends Attempt {
  readonly recipient: number;
}

/** What a person can do to a mail that waits. */
export type MailVerb = "retry" | "hold" | "release" | "delete";

/** A mail, or the part of it that is for some recipients; `null`: for all. */
export interface MailTarget {
  readonly mail: string;
  readonly recipients: readonly number[] | null;
}

/** How a change went. `unchanged`: the mail is there, and its state does not allow it. */
export type MailChange = "changed" | "unchanged" | "unknown";

/** Whether a mail was taken back. `attempting`: it is being handed over. `unknown`: nothing of this account's waits under that id. */
export type Cancelled = "removed" | "attempting" | "unknown";

/** A mail of our own making (a report). */
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
  /**
   * Durable when it resolves with the mail's id; only then may 250 be sent. Mails that wait together share one fsync. `top` is written over
   * as many octets at the beginning: what can be known only at the end, such as a signature.
   */
  commit(top?: Uint8Array): Promise<Result<string, "no-space" | "unavailable">>;
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
  /**
   * Leases mails with recipients that are due: no other worker gets them until the lease ends. None while the disk is so full that no
   * outcome can be kept. `crowded`: accounts whose mails are passed over this time (`""`: mails without account).
   */
  claim(
    now: number,
    limit: number,
    leaseMs: number,
    options?: { readonly crowded: readonly string[] },
  ): Promise<readonly QueuedMail[]>;
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
   * which adds one to `attempts`. For a recipient that is finished or removed nothing changes, and the notice is not kept; nor is one
   * kept for an action that this recipient had one for.
   */
  settle(
    mail: string,
    recipient: number,
    outcome: DeliveryOutcome,
    options: {
      readonly due: number;
      readonly notice: DueNotice | null;
      /** Where it was tried. Default: nowhere. */
      readonly hop?: { readonly route: string; readonly host: string } | null;
    },
  ): Promise<void>;
  /**
   * Puts others in the place of a recipient, who is `delivered` by it: durable, the whole at once, when it resolves with the recipients that
   * were added, due now. For a recipient that is finished or removed nothing changes.
   */
  expand(
    mail: string,
    recipient: number,
    expansion: Expansion,
    options: { readonly notice: DueNotice | null },
  ): Promise<readonly QueuedRecipient[]>;
  /** The mails with notices due: what an earlier process has left. */
  mailsToNotify(): Promise<readonly string[]>;
  /** A mail and its notices that are due, by recipient; `null`: there is no such mail. */
  dueNotices(mail: string): Promise<{ readonly mail: QueuedMail; readonly notices: readonly DueNoticeOf[] } | null>;
  /**
   * Puts `notices` in the queue as mails and says that `told` is told, in one transaction. No notice, where nobody is to be told after
   * all. `not-there` when one of `told` is not due any more.
   */
  notify(
    mail: string,
    told: readonly Pick<DueNoticeOf, "recipient" | "action">[],
    notices: readonly Notice[],
  ): Promise<void>;
  /** The content, chunk by chunk. Rejects when the mail is not there. */
  open(mail: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
  /** Makes the waiting recipients due now; `null`: of every mail. The result is how many mails that touched. */
  retry(mail: string | null): Promise<number>;
  /** Makes the waiting recipients in a domain due now, with `subdomains` also those below it. The result is how many they are. */
  retryDomain(domain: string, options: { readonly subdomains: boolean }): Promise<number>;
  /** Holds what is not finished. `false`: there is no such mail, or nothing of it was left to hold. */
  hold(mail: string): Promise<boolean>;
  /** Lets what is held wait again, due when it was before. `false`: there is no such mail, or nothing of it was held. */
  release(mail: string): Promise<boolean>;
  /** `false`: there is no such mail. Of a mail with notices due the unfinished recipients go at once, the rest when those are told. */
  remove(mail: string): Promise<boolean>;
  /**
   * Does the same to many, in the order given; nothing is done to any where it rejects. A thousand take some milliseconds, in which nothing
   * else is committed. `retry` makes what waits due now.
   */
  change(verb: MailVerb, targets: readonly MailTarget[]): Promise<readonly MailChange[]>;
  /** Removes a mail of this account, unless one of its recipients is being attempted. */
  cancel(mail: string, account: string): Promise<Cancelled>;
  show(mail: string): Promise<QueuedMail | null>;
  /** What was tried and how it went, by recipient, the oldest first; the last 20 of each, and none of a mail that is not there. */
  history(mail: string): Promise<readonly AttemptOf[]>;
  /**
   * Looks at the next `count` mails behind `after`, in order of arrival, and gives those that fit: short for any queue and filter. `next`:
   * what to go on behind; `null`: that was all.
   */
  scan(
    filter: { readonly account?: string; readonly domain?: string },
    page: { readonly after: string | null; readonly count: number },
  ): Promise<{ readonly mails: readonly QueuedMail[]; readonly next: string | null }>;
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
