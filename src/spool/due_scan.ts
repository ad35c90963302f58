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
  /** No recipient before this place waits but in a mail that was claimed. */
  #mark: Place = { due: 0, mail: 0 };

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

  /** Takes the next mails that are due. One that was claimed before may come again: whoever claims has to look. */
  take(now: number, limit: number): DueMails {
    const chosen = new Set<number>();
    for (const row of this.#sql("due").iterate({ ...this.#mark, now })) {
      const mail = integer(row["mail"]);
      if (chosen.size === limit && !chosen.has(mail)) return { mails: [...chosen], more: true };
      chosen.add(mail);
      this.#mark = { due: integer(row["due"]), mail };
    }
    return { mails: [...chosen], more: false };
  }

  /** When the next recipient that is in nobody's hands is due, or `null`; it can be one of a mail in work that waits for later. */
  next(): number | null {
    const row = this.#sql("nextDue").get({ ...this.#mark });
    return row === undefined ? null : integer(row["due"]);
  }
}
