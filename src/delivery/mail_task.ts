/**
 * The recipients of one mail that go to one hop, and what becomes of each: the next attempt, what is to be told, the durable outcome, the
 * log line.
 *
 * @module
 */

import type { Log } from "../log/event.ts";
import type { DeliveryOutcome, QueuedMail, Spool } from "../spool/spool.ts";
import { SpoolError } from "../spool/spool_error.ts";
import type { Clock } from "./clock.ts";
import type { DeliveryTask, Hop, RoutedRecipient } from "./deliverer.ts";
import { lateAt, noticeFor } from "./due_notice.ts";
import type { NoticeSettings } from "./notice.ts";
import { expired, nextDue, type RetrySettings } from "./retry.ts";

/** What settling needs. */
export interface SettleContext {
  readonly spool: Spool;
  readonly log: Log;
  readonly clock: Clock;
  readonly retry: RetrySettings;
  readonly notices: NoticeSettings;
  /** Aborted when the server stops: what is put off then is due at once. */
  readonly signal: AbortSignal;
  /** A recipient has come to its end. */
  finished(mail: string): void;
  /** Something of this mail is to be told to its sender. */
  noticeDue(mail: string): void;
}

/** A task as the deliverers see it, which knows who has no outcome yet. */
export class MailTask implements DeliveryTask {
  readonly mail: QueuedMail;
  readonly recipients: readonly RoutedRecipient[];
  /** Where it goes; `null` for recipients that have no way. */
  readonly hop: Hop | null;
  /** Why the spool could not keep an outcome: nothing more may be sent until it can. */
  spoolFault: unknown = null;
  /** Somebody has removed or held the mail meanwhile: it is not to be sent, and there is no outcome to keep. */
  withdrawn = false;
  #begun: number | null = null;
  readonly #context: SettleContext;
  readonly #unsettled: Map<number, RoutedRecipient>;

  constructor(mail: QueuedMail, recipients: readonly RoutedRecipient[], hop: Hop | null, context: SettleContext) {
    this.mail = mail;
    this.recipients = recipients;
    this.hop = hop;
    this.#context = context;
    this.#unsettled = new Map(recipients.map((recipient) => [recipient.id, recipient]));
  }

  /** How many recipients have no outcome yet. */
  get unsettled(): number {
    return this.#unsettled.size;
  }

  /** Its hop is tried from now on. */
  begin(): void {
    this.#begun = this.#context.clock.now();
  }

  content(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    return this.#context.spool.open(this.mail.id);
  }

  async attempting(recipients: readonly number[]): Promise<void> {
    await this.#durably(() => this.#context.spool.attempt(this.mail.id, recipients));
  }

  async settle(id: number, outcome: DeliveryOutcome): Promise<void> {
    const recipient = this.#unsettled.get(id);
    if (recipient === undefined) {
      throw new TypeError(`Cannot settle recipient ${id} of ${this.mail.id}: it is not open`);
    }
    const { clock, retry, notices, signal, spool, finished, noticeDue } = this.#context;
    const now = clock.now();
    const attempts = recipient.attempts + 1;
    const due = outcome.kind === "deferred" ? nextDue({ attempts, received: this.mail.received, now }, retry) : now;
    const final = outcome.kind === "deferred" && due === null ? expired(outcome.reply) : outcome;
    const place = this.#placeOf(outcome);
    const host = recipient.account === null ? place?.host ?? null : null;
    const attempt = { outcome: final, host, now, until: this.mail.received + retry.giveUpMs };
    const notice = noticeFor(this.mail, recipient, { attempt, settings: notices });
    // The first time that it is late does not wait for the timetable.
    const next = signal.aborted ? now : Math.min(due ?? now, lateAt(this.mail.received, now, notices) ?? Infinity);
    await this.#durably(() => spool.settle(this.mail.id, id, final, { due: next, notice, hop: place }));
    this.#unsettled.delete(id);
    if (notice !== null) noticeDue(this.mail.id);
    this.#report(recipient, final, { due: next, host: place?.host ?? "" });
    if (final.kind !== "deferred") finished(this.mail.id);
  }

  /** As it is remembered with the attempt. */
  #placeOf({ host }: DeliveryOutcome): { readonly route: string; readonly host: string } | null {
    return this.hop === null ? null : { route: this.hop.route, host: host ?? this.hop.host };
  }

  /** Gives everybody without an outcome this one. */
  async settleRest(outcome: DeliveryOutcome): Promise<void> {
    for (const id of [...this.#unsettled.keys()]) await this.settle(id, outcome);
  }

  async #durably(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (error instanceof SpoolError && error.problem === "not-there") this.withdrawn = true;
      else this.spoolFault = error;
      throw error;
    }
  }

  #report(
    { forwardPath, attempts }: RoutedRecipient,
    { kind, reply }: DeliveryOutcome,
    { due, host }: { readonly due: number; readonly host: string },
  ): void {
    const { log, clock } = this.#context;
    log({
      kind: "delivery",
      mail: this.mail.id,
      recipient: forwardPath,
      route: this.hop?.route ?? "none",
      host,
      outcome: kind,
      reply,
      attempts: attempts + 1,
      next: kind === "deferred" ? new Date(due).toISOString() : null,
      ms: this.#begun === null ? null : Math.max(0, clock.now() - this.#begun),
    });
  }
}
