/**
 * The recipients of one mail that go to one hop, and what becomes of each: the next attempt, the bounce, the durable outcome, the log line.
 *
 * @module
 */

import { wantsFailureNotice } from "../message/dsn.ts";
import type { Log } from "../log/event.ts";
import type { DeliveryOutcome, Notice, QueuedMail, Spool } from "../spool/spool.ts";
import { SpoolError } from "../spool/spool_error.ts";
import type { Clock } from "./clock.ts";
import type { DeliveryTask, Hop, RoutedRecipient } from "./deliverer.ts";
import { makeFailureNotice } from "./notice.ts";
import { expired, nextDue, type RetrySettings } from "./retry.ts";

/** What settling needs. */
export interface SettleContext {
  readonly spool: Spool;
  readonly log: Log;
  readonly clock: Clock;
  readonly hostname: string;
  readonly retry: RetrySettings;
  /** Aborted when the server stops: what is put off then is due at once. */
  readonly signal: AbortSignal;
  /** A recipient has come to its end. */
  finished(mail: string): void;
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
    const { clock, retry, signal, spool, finished } = this.#context;
    const now = clock.now();
    const attempts = recipient.attempts + 1;
    const due = outcome.kind === "deferred" ? nextDue({ attempts, received: this.mail.received, now }, retry) : now;
    const final = outcome.kind === "deferred" && due === null ? expired(outcome.reply) : outcome;
    const notice = final.kind === "failed" ? await this.#notice(recipient, final, outcome.kind === "deferred") : null;
    const options = { due: signal.aborted ? now : due ?? now, notice };
    await this.#durably(() => spool.settle(this.mail.id, id, final, options));
    this.#unsettled.delete(id);
    this.#report(recipient, final, options);
    if (final.kind !== "deferred") finished(this.mail.id);
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

  async #notice(
    recipient: RoutedRecipient,
    { reply, enhanced }: Extract<DeliveryOutcome, { kind: "failed" }>,
    givenUp: boolean,
  ): Promise<Notice | null> {
    if (!wantsFailureNotice(this.mail.envelope, recipient)) return null;
    const { spool, hostname, clock, log } = this.#context;
    const now = clock.now();
    const { forwardPath, orcpt, account } = recipient;
    const remoteHost = account === null && !givenUp ? this.hop?.host ?? null : null;
    const failure = { forwardPath, orcpt, reply, enhanced, remoteHost, lastAttempt: now };
    return await makeFailureNotice(this.mail, failure, { spool, hostname, log, now });
  }

  #report(
    { forwardPath, attempts }: RoutedRecipient,
    { kind, reply }: DeliveryOutcome,
    { due, notice }: { readonly due: number; readonly notice: Notice | null },
  ): void {
    const { log, clock } = this.#context;
    log({
      kind: "delivery",
      mail: this.mail.id,
      recipient: forwardPath,
      route: this.hop?.route ?? "none",
      host: this.hop?.host ?? "",
      outcome: kind,
      reply,
      attempts: attempts + 1,
      next: kind === "deferred" ? new Date(due).toISOString() : null,
      ms: this.#begun === null ? null : Math.max(0, clock.now() - this.#begun),
    });
    if (notice !== null) {
      log({ kind: "notice", mail: this.mail.id, to: this.mail.envelope.reversePath ?? "", about: forwardPath });
    }
  }
}
