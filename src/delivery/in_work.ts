/**
 * The mails in work: how many there may be, and how many of one account.
 *
 * @module
 */

import type { QueuedMail } from "../spool/spool.ts";

/** A mail in work. */
export interface MailInWork {
  readonly mail: QueuedMail;
  /** Tasks without end. */
  tasks: number;
  /** Recipients without a final state. */
  open: number;
  /** All recipients that are in memory. */
  recipients: number;
}

const BATCH = 100;
/** Mails in work at a time; only what the spool says of each is in memory. */
const MAILS_LIMIT = 5_000;
const RECIPIENTS_LIMIT = 20_000;
/** Of one account, so that its ten thousand mails leave room for the one of another; fewer when there is little room. */
const SHARE = 1_000;
const SMALL_SHARE = 100;

/** Whose mail it is: what nobody sent who logged in counts as of one account. */
export function accountOf({ account }: QueuedMail): string {
  return account ?? "";
}

/** Mails by id. */
export class MailsInWork {
  readonly #mails = new Map<string, MailInWork>();
  readonly #byAccount = new Map<string, number>();
  #recipients = 0;

  get size(): number {
    return this.#mails.size;
  }

  /** How many mails may be begun now. */
  get room(): number {
    return this.#recipients >= RECIPIENTS_LIMIT ? 0 : Math.min(BATCH, MAILS_LIMIT - this.#mails.size);
  }

  /** The accounts whose mails wait until others of theirs are done. */
  get crowded(): readonly string[] {
    const share = this.#mails.size < MAILS_LIMIT / 2 ? SHARE : SMALL_SHARE;
    return [...this.#byAccount].filter(([, mails]) => mails >= share).map(([account]) => account);
  }

  get ids(): readonly string[] {
    return [...this.#mails.keys()];
  }

  has(id: string): boolean {
    return this.#mails.has(id);
  }

  get(id: string): MailInWork | undefined {
    return this.#mails.get(id);
  }

  /** Takes a mail in; `open`: how many recipients have no final state. */
  add(mail: QueuedMail, open: number): void {
    const { length } = mail.recipients;
    this.#mails.set(mail.id, { mail, tasks: 0, open, recipients: length });
    this.#recipients += length;
    this.#byAccount.set(accountOf(mail), (this.#byAccount.get(accountOf(mail)) ?? 0) + 1);
  }

  /** A mail has got more recipients. */
  grow(inWork: MailInWork, recipients: number): void {
    inWork.open += recipients;
    inWork.recipients += recipients;
    this.#recipients += recipients;
  }

  remove({ mail, recipients }: MailInWork): void {
    if (!this.#mails.delete(mail.id)) return;
    this.#recipients -= recipients;
    const others = (this.#byAccount.get(accountOf(mail)) ?? 1) - 1;
    if (others > 0) this.#byAccount.set(accountOf(mail), others);
    else this.#byAccount.delete(accountOf(mail));
  }
}
