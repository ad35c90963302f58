/**
 * What the main thread and the Worker of the spool say to each other: one batch of requests at a time, one reply to it.
 *
 * @module
 */

import type { Result } from "../lib/result.ts";
import type { Envelope } from "../smtp/envelope.ts";
import type {
  AttemptOf,
  Cancelled,
  DeliveryOutcome,
  DueNotice,
  DueNoticeOf,
  Expansion,
  MailChange,
  MailTarget,
  MailVerb,
  QueueCensus,
  QueuedMail,
  QueuedRecipient,
} from "./spool.ts";
import type { SpoolProblem } from "./spool_error.ts";

/** Where content is: with the row, or in the synced file `content/ID`. */
export type StoredContent =
  | { readonly kind: "row"; readonly octets: Uint8Array<ArrayBuffer> }
  | { readonly kind: "file" };

/** A mail to be committed. */
export interface NewMail {
  readonly id: string;
  readonly envelope: Envelope;
  readonly account: string | null;
  readonly held: boolean;
  readonly source: string | null;
  readonly received: number;
  readonly sizeOctets: number;
  readonly has8bit: boolean;
  readonly notice: boolean;
  /** The address that was expanded into the recipients. */
  readonly alias?: string;
  readonly content: StoredContent;
}

/** Requests that change the database; all of a batch share one transaction. */
export interface WriteOperations {
  /** Answers the id: that of an earlier mail when it had the same source. */
  readonly commit: { readonly ask: { readonly mail: NewMail }; readonly answer: string };
  readonly attempt: {
    readonly ask: { readonly mail: string; readonly recipients: readonly number[] };
    readonly answer: void;
  };
  /** Answers whether the mail is still there afterwards. */
  readonly settle: {
    readonly ask: {
      readonly mail: string;
      readonly recipient: number;
      readonly outcome: DeliveryOutcome;
      readonly due: number;
      readonly notice: DueNotice | null;
      readonly now: number;
      readonly hop: { readonly route: string; readonly host: string } | null;
    };
    readonly answer: boolean;
  };
  /** Answers whether the mail is still there afterwards. */
  readonly notify: {
    readonly ask: {
      readonly mail: string;
      readonly told: readonly Pick<DueNoticeOf, "recipient" | "action">[];
      readonly notices: readonly NewMail[];
    };
    readonly answer: boolean;
  };
  /** Answers the recipients that were added. */
  readonly expand: {
    readonly ask: {
      readonly mail: string;
      readonly recipient: number;
      readonly now: number;
      readonly reply: string;
      readonly members: Expansion["members"];
      readonly copies: readonly NewMail[];
      readonly notice: DueNotice | null;
    };
    readonly answer: readonly QueuedRecipient[];
  };
  readonly retry: { readonly ask: { readonly mail: string | null; readonly now: number }; readonly answer: number };
  readonly retryDomain: {
    readonly ask: { readonly domain: string; readonly subdomains: boolean; readonly now: number };
    readonly answer: number;
  };
  readonly hold: { readonly ask: { readonly mail: string }; readonly answer: boolean };
  readonly release: { readonly ask: { readonly mail: string }; readonly answer: boolean };
  readonly remove: { readonly ask: { readonly mail: string }; readonly answer: boolean };
  /** Answers in the order of the targets. */
  readonly change: {
    readonly ask: { readonly verb: MailVerb; readonly targets: readonly MailTarget[]; readonly now: number };
    readonly answer: readonly MailChange[];
  };
  readonly cancel: { readonly ask: { readonly mail: string; readonly account: string }; readonly answer: Cancelled };
  readonly probe: { readonly ask: { readonly now: number }; readonly answer: void };
}

/** Requests that change nothing in the database. */
export interface ReadOperations {
  /** `givenBack`: mails whose lease has ended since the last of these two. The answer may hold mails that are leased. */
  readonly claim: {
    readonly ask: {
      readonly now: number;
      readonly limit: number;
      readonly givenBack: readonly string[];
      readonly crowded: readonly string[];
    };
    readonly answer: { readonly mails: readonly QueuedMail[]; readonly more: boolean };
  };
  readonly nextDue: { readonly ask: { readonly givenBack: readonly string[] }; readonly answer: number | null };
  readonly content: {
    readonly ask: { readonly mail: string };
    readonly answer: StoredContent & { readonly sizeOctets: number };
  };
  readonly mailsToNotify: { readonly ask: object; readonly answer: readonly string[] };
  readonly dueNotices: {
    readonly ask: { readonly mail: string };
    readonly answer: { readonly mail: QueuedMail; readonly notices: readonly DueNoticeOf[] } | null;
  };
  readonly show: { readonly ask: { readonly mail: string }; readonly answer: QueuedMail | null };
  readonly history: { readonly ask: { readonly mail: string }; readonly answer: readonly AttemptOf[] };
  /** `count` is how many are looked at. `next`: where to go on, `null` at the end. */
  readonly scan: {
    readonly ask: {
      readonly account: string | null;
      readonly domain: string | null;
      readonly after: string | null;
      readonly count: number;
    };
    readonly answer: { readonly mails: readonly QueuedMail[]; readonly next: string | null };
  };
  readonly list: {
    readonly ask: {
      readonly account: string | null;
      readonly domain: string | null;
      readonly after: string | null;
      readonly count: number;
    };
    readonly answer: readonly QueuedMail[];
  };
  readonly census: { readonly ask: object; readonly answer: Omit<QueueCensus, "freeOctets"> };
  /** Makes the reserve file anew; answers whether it is there. */
  readonly reserve: { readonly ask: object; readonly answer: boolean };
}

/** Every request. */
export interface Operations extends WriteOperations, ReadOperations {}

/** One request of these kinds. */
export type Request<Kind extends keyof Operations = keyof Operations> = {
  [K in Kind]: { readonly kind: K } & Operations[K]["ask"];
}[Kind];

/** The answer to a request of this kind. */
export type Answer<Kind extends keyof Operations> = Operations[Kind]["answer"];

/** The answer to one request of a batch. */
export type Answered<Kind extends keyof Operations = keyof Operations> = Result<Answer<Kind>, SpoolProblem>;

/** Why a spool cannot be opened: exit 65, 78 or 74. The message names the file and what to do. */
export interface OpenProblem {
  readonly kind: "damaged" | "newer" | "io";
  readonly message: string;
}

/** What was found when the spool was opened. */
export interface Findings {
  /** Mails with recipients that were being attempted when the last process ended. */
  readonly interrupted: readonly string[];
  /** Mails whose content file is missing or has another length. */
  readonly missing: readonly string[];
  /** How many files without a mail were removed. */
  readonly orphans: number;
}

/** From the main thread. `first`: the first time in this process, so nothing can be in work or half written. */
export type ToWorker =
  | { readonly kind: "open"; readonly dir: string; readonly now: number; readonly first: boolean }
  | { readonly kind: "batch"; readonly requests: readonly Request[] }
  | { readonly kind: "close" };

/** The reply to a batch; `answers` in the order of its requests. */
export interface BatchReply {
  readonly answers: readonly Answered[];
  /** How many new mails were committed. */
  readonly mails: number;
  /** Octets of free pages inside the database. */
  readonly freeOctets: number;
  /** Whether the reserve file is there. */
  readonly reserve: boolean;
  /** The first error that was not expected, for the log. */
  readonly trouble: string | null;
}

/** From the Worker, one for each message to it. */
export type FromWorker =
  | { readonly kind: "opened"; readonly result: Result<Findings, OpenProblem> }
  | { readonly kind: "done"; readonly reply: BatchReply }
  | { readonly kind: "closed" };
