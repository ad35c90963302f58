/**
 * Which mails are in work. Leases live in this process alone and cost no sync: they end with it, and nothing that the next process does
 * may depend on them. They are not in the Worker either: when that dies the deliveries go on, and their mails must not be claimed again.
 *
 * @module
 */

/** Leases by mail. Times are milliseconds since the epoch. */
export class Leases {
  readonly #until = new Map<string, number>();
  /** Those that have ended and that the Worker has not been told of. */
  #ended: string[] = [];

  has(mail: string): boolean {
    return this.#until.has(mail);
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
    if (this.#until.delete(mail)) this.#ended.push(mail);
  }

  /** The mails whose lease has ended, by its time too, since this was last asked. */
  takeEnded(now: number): readonly string[] {
    // In order of their taking, and renewed all together: the first ones end first, if any.
    for (const [mail, until] of this.#until) if (until <= now) this.end(mail);
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  /** The Worker could not be told. */
  putBack(ended: readonly string[]): void {
    this.#ended.push(...ended);
  }
}
