/**
 * Accounts on hold: their mail is accepted and queued, and not sent until somebody says so.
 *
 * Of the mails of an account all recipients that are held belong to the hold, but those that were held when it began: what an administrator
 * held by hand before stays held when the account is released.
 *
 * @module
 */

import type { Log } from "../../log/event.ts";
import type { HeldRecipient, Hold, LimitRecords } from "../../records/limit_records.ts";
import type { MailTarget, MailVerb, QueuedMail, Spool } from "../../spool/spool.ts";

/** What it works with. */
export interface HoldsParts {
  readonly records: LimitRecords;
  readonly spool: Pick<Spool, "scan" | "change">;
  readonly log: Log;
  readonly now: () => number;
}

/** Mails that are looked at and changed while nothing else is committed: some milliseconds. */
const PIECE_MAILS = 250;

/** The accounts on hold. */
export class Holds {
  readonly #parts: HoldsParts;
  readonly #held: Map<string, Hold>;
  /** Being released: new mail of theirs is not held any more. */
  readonly #releasing = new Set<string>();
  /** Accounts whose mails are being changed, one change after the other. */
  readonly #working = new Map<string, Promise<unknown>>();

  constructor(parts: HoldsParts) {
    this.#parts = parts;
    this.#held = new Map(parts.records.holds().map((hold) => [hold.account, hold]));
  }

  /** How many there are. */
  get count(): number {
    return this.#held.size;
  }

  /** All of them, the latest first. */
  list(): readonly Hold[] {
    return [...this.#held.values()].toSorted((a, b) => b.since - a.since || a.account.localeCompare(b.account));
  }

  /** The hold of an account, or `null`. */
  of(account: string): Hold | null {
    return this.#held.get(account) ?? null;
  }

  /** Whether a mail that this account sends now is to be held. */
  holds(account: string): boolean {
    return this.#held.has(account) && !this.#releasing.has(account);
  }

  /**
   * Puts an account on hold: durable and in force at once, also for what is being accepted; what waits in the queue is held by the time
   * that the result is there, how many mails it is. `null`: it was on hold.
   */
  hold(account: string, { rule, by }: { readonly rule: string; readonly by: string }): Promise<number | null> {
    if (this.#held.has(account)) return Promise.resolve(null);
    const { records, log, now } = this.#parts;
    const hold = { account, since: now(), rule, by };
    records.addHold(hold);
    this.#held.set(account, hold);
    return this.#inTurn(account, async () => {
      try {
        const mails = await this.#holdWaiting(account);
        log({ kind: "account-held", account, rule, by, mails, remedy: remedyFor(account) });
        return mails;
      } catch (error) {
        log({ kind: "account-held", account, rule, by, mails: 0, remedy: remedyFor(account) });
        const reason = error instanceof Error ? error.message : "unknown reason";
        const text =
          `Cannot hold what ${account} has in the queue: ${reason}; run dokodemo queue hold --account ${account}`;
        log({ kind: "alarm", about: "hold", text });
        throw error;
      }
    });
  }

  /** Holds a mail that was committed while its account was put on hold. */
  async holdLate(mail: string): Promise<void> {
    await this.#parts.spool.change("hold", [{ mail, recipients: null }]);
  }

  /** Releases what the hold has held, then ends the hold: where that is cut off, it is done again. `null`: it is not on hold. */
  release(account: string, by: string): Promise<number | null> {
    return this.#inTurn(account, async () => {
      if (!this.#held.has(account)) return null;
      this.#releasing.add(account);
      try {
        const mails = await this.#change("release", account);
        this.#parts.records.removeHold(account);
        this.#held.delete(account);
        this.#parts.log({ kind: "account-released", account, by, mails });
        return mails;
      } finally {
        this.#releasing.delete(account);
      }
    });
  }

  /** Deletes what the hold has held, without a notice to anybody; the account stays on hold. `null`: it is not on hold. */
  discard(account: string, by: string): Promise<number | null> {
    return this.#inTurn(account, async () => {
      if (!this.#held.has(account)) return null;
      return await this.#change("delete", account, (mail) => {
        this.#parts.log({ kind: "queue-changed", mail, what: "delete", by });
      });
    });
  }

  /** Of an account that is removed; its mails stay as they are. */
  forget(account: string): void {
    this.#held.delete(account);
  }

  async #holdWaiting(account: string): Promise<number> {
    const { records, spool } = this.#parts;
    let count = 0;
    for await (const mails of this.#mailsOf(account)) {
      const before: readonly HeldRecipient[] = mails.flatMap(({ id, recipients }) =>
        recipients.filter(({ state }) => state === "held").map((recipient) => ({ mail: id, recipient: recipient.id }))
      );
      records.noteHeldBefore(account, before);
      const targets = mails.filter(({ recipients }) => recipients.some(isOnItsWay))
        .map(({ id }): MailTarget => ({ mail: id, recipients: null }));
      const changes = targets.length === 0 ? [] : await spool.change("hold", targets);
      count += changes.filter((change) => change === "changed").length;
    }
    return count;
  }

  async #change(verb: MailVerb, account: string, changed: (mail: string) => void = () => {}): Promise<number> {
    const before = new Set(
      this.#parts.records.heldBefore(account).map(({ mail, recipient }) => `${mail} ${recipient}`),
    );
    let count = 0;
    for await (const mails of this.#mailsOf(account)) {
      const targets = mails.flatMap(({ id, recipients }): readonly MailTarget[] => {
        const held = recipients.filter(({ state, id: recipient }) =>
          state === "held" && !before.has(`${id} ${recipient}`)
        );
        return held.length === 0 ? [] : [{ mail: id, recipients: held.map((recipient) => recipient.id) }];
      });
      const changes = targets.length === 0 ? [] : await this.#parts.spool.change(verb, targets);
      for (const [at, { mail }] of targets.entries()) {
        if (changes[at] !== "changed") continue;
        count++;
        changed(mail);
      }
    }
    return count;
  }

  async *#mailsOf(account: string): AsyncGenerator<readonly QueuedMail[]> {
    for (let after: string | null = null;;) {
      const piece: Awaited<ReturnType<Spool["scan"]>> = await this.#parts.spool.scan({ account }, {
        after,
        count: PIECE_MAILS,
      });
      yield piece.mails;
      if (piece.next === null) return;
      after = piece.next;
    }
  }

  #inTurn<Value>(account: string, work: () => Promise<Value>): Promise<Value> {
    const done = (this.#working.get(account) ?? Promise.resolve()).then(work, work);
    const settled = done.catch(() => {}).finally(() => {
      if (this.#working.get(account) === settled) this.#working.delete(account);
    });
    this.#working.set(account, settled);
    return done;
  }
}

function isOnItsWay({ state }: QueuedMail["recipients"][number]): boolean {
  return state === "waiting" || state === "attempting";
}

function remedyFor(account: string): string {
  return `dokodemo hold release ${account}, or dokodemo hold discard ${account}`;
}
