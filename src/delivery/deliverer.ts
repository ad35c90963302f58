/**
 * The contract of a deliverer: one kind of next place for a mail.
 *
 * @module
 */

import type { Account } from "../backend.ts";
import type { Result } from "../lib/result.ts";
import type { DeliveryOutcome, QueuedMail, QueuedRecipient } from "../spool/spool.ts";

/** The next place of a mail. Mails for one hop may share a conversation. */
export interface Hop {
  /** The name of the route: `smarthost`, `maildir`. */
  readonly route: string;
  readonly host: string;
  readonly port: number;
}

/** A recipient on its way, and the account that it stands for where it is local. */
export interface RoutedRecipient extends QueuedRecipient {
  readonly account: Account | null;
}

/** What the scheduler hands over for one mail. */
export interface DeliveryTask {
  readonly mail: QueuedMail;
  readonly recipients: readonly RoutedRecipient[];
  content(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
  /** Called, and awaited, just before the octet that can commit the next hop. */
  attempting(recipients: readonly number[]): Promise<void>;
  /** Called once for each recipient, and awaited: durable when it resolves. */
  settle(recipient: number, outcome: DeliveryOutcome): Promise<void>;
}

/** One conversation with a next hop: several mails, one after the other. */
export interface DeliverySession extends AsyncDisposable {
  /** Settles each recipient of the task; rejects only when `attempting` or `settle` does. */
  deliver(task: DeliveryTask, signal: AbortSignal): Promise<void>;
  /** Whether another mail may follow. */
  readonly usable: boolean;
}

/** Opens conversations. */
export interface Deliverer extends AsyncDisposable {
  readonly name: string;
  /** How many conversations with one hop at a time. */
  readonly concurrency: number;
  /** A problem holds for every recipient that wanted this hop. */
  open(hop: Hop, signal: AbortSignal): Promise<Result<DeliverySession, DeliveryOutcome>>;
}
