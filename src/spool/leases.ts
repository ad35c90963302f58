/**
 * Which mails are in work. Leases live in this process alone and cost no sync: they end with it, and nothing that the next process does
 * may depend on them. They are not in the Worker either: when that dies the deliveries go on, and their mails must not be claimed again.
 *
 * @module
 */

/** Leases by mail. Times are milliseconds since the epoch. */
export class Leases {
  readonly #until = new Map<string, number>();

  /** The mails that nobody else may claim now. Leases that have ended are forgotten. */
  active(now: number): ReadonlySet<string> {
    for (const [mail, until] of this.#until) if (until <= now) this.#until.delete(mail);
    return new Set(this.#until.keys());
  }

  take(mail: string, until: number): void {
    this.#until.set(mail, until);
  }

  /** Whether there was a lease to renew. */
  renew(mail: string, until: number): boolean {
    if (!this.#until.has(mail)) return false;
    this.#until.set(mail, until);
    return true;
  }

  end(mail: string): void {
    this.#until.delete(mail);
  }
}
