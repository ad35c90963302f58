/**
 * What is due, without a look at what is in work already. Mails are claimed in order of their due times, so everything due before a mark
 * is in somebody's hands; the mark goes up with each claim, and down again for whatever becomes due before it. Without it each claim would
 * read over all mails in work, and a slow next hop would make every new mail wait for that.
 *
 * @module
 */

import type { StatementSync } from "node:sqlite";
import { integer } from "./rows.ts";
import type { StatementName } from "./statements.ts";

/** Mails by their number in the database, the longest due first; `more`: there are others that are due. */
export interface DueMails {
  readonly mails: readonly number[];
  readonly more: boolean;
}

/** A place in the order of what is due: by time, then by the mail's number. */
interface Place {
  readonly due: number;
  readonly mail: number;
}

/** The mark of one open database. It lives in memory: a new Worker begins at the start. */
export class DueScan {
  readonly #sql: (name: StatementName) => StatementSync;
  /** No recipient before this place waits but in a mail that was claimed, or passed over. */
  #mark: Place = { due: 0, mail: 0 };
  /** Mails before the mark that are in nobody's hands, by account: there was no room for more of it. */
  readonly #passed = new Map<string, Set<number>>();

  constructor(sql: (name: StatementName) => StatementSync) {
    this.#sql = sql;
  }

  /** A recipient waits, due at this time. */
  waits(due: number): void {
    if (due <= this.#mark.due) this.#mark = { due, mail: 0 };
  }

  /** These mails, by id, are in nobody's hands any more. */
  givenBack(mails: readonly string[]): void {
    for (const mail of mails) {
      const due = this.#sql("firstDueOf").get(mail)?.["due"];
      if (due !== null && due !== undefined) this.waits(integer(due));
    }
  }

  /**
   * Takes the next mails that are due, but none of `crowded` accounts: those wait in memory, by their numbers, until their account is in
   * that list no more. One that was claimed before may come again: whoever claims has to look.
   */
  take(now: number, limit: number, crowded: readonly string[] = []): DueMails {
    const chosen = new Set<number>();
    const apart = new Set(crowded);
    this.#takePassed(chosen, { now, limit, apart });
    for (const row of this.#sql("due").iterate({ ...this.#mark, now })) {
      const mail = integer(row["mail"]);
      if (chosen.size === limit && !chosen.has(mail)) return { mails: [...chosen], more: true };
      const account = apart.size === 0 ? null : this.#accountOf(mail);
      if (account !== null && apart.has(account)) this.#passed.getOrInsertComputed(account, () => new Set()).add(mail);
      else chosen.add(mail);
      this.#mark = { due: integer(row["due"]), mail };
    }
    return { mails: [...chosen], more: false };
  }

  /** In turn, one of each account. */
  #takePassed(
    chosen: Set<number>,
    { now, limit, apart }: { readonly now: number; readonly limit: number; readonly apart: ReadonlySet<string> },
  ): void {
    for (let found = true; found && chosen.size < limit;) {
      found = false;
      for (const [account, mails] of this.#passed) {
        if (apart.has(account) || chosen.size === limit) continue;
        const [mail] = mails;
        if (mail === undefined) {
          this.#passed.delete(account);
          continue;
        }
        mails.delete(mail);
        found = true;
        // Meanwhile it may have been removed or held, or be due later.
        if (this.#sql("isDue").get(mail, now) !== undefined) chosen.add(mail);
      }
    }
  }

  #accountOf(mail: number): string {
    const account = this.#sql("accountOf").get(mail)?.["account"];
    return typeof account === "string" ? account : "";
  }

  /** When the next recipient that is in nobody's hands is due, or `null`; it can be one of a mail in work that waits for later. */
  next(): number | null {
    const row = this.#sql("nextDue").get({ ...this.#mark });
    return row === undefined ? null : integer(row["due"]);
  }
}
