/**
 * How many logins of the last day ended how, from the authentication log. Each record is read once, however often it is asked.
 *
 * @module
 */

import type { AuthenticationEvent, AuthenticationRecord, Authentications } from "../records/records.ts";
import { reasonHead } from "./login_words.ts";

/** Logins that ended the same way. */
export interface LoginCount {
  readonly result: AuthenticationEvent["result"];
  /** Without what stands behind it in the log; empty for an outage, whose reasons are without number. */
  readonly reason: string;
  readonly count: number;
}

/** The most frequent first. */
export interface LoginSummary {
  readonly hour: readonly LoginCount[];
  readonly day: readonly LoginCount[];
  /** Whether the log was too long to be read to the beginning of the day: then there were more. */
  readonly cut: boolean;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const READ_AT_ONCE = 500;
/** Reading so many takes a fraction of a second. */
const READ_MOST = 50_000;
/** Kinds of ends in a minute; a backend may invent reasons. */
const KINDS_MOST = 200;

interface Minute {
  readonly at: number;
  readonly counts: Map<string, LoginCount>;
}

/** Counts. */
export class LoginCounts {
  readonly #log: Pick<Authentications, "list">;
  readonly #now: () => number;
  readonly #minutes = new Map<number, Minute>();
  #seen = 0;
  #cutAt = 0;
  #reading: Promise<void> | null = null;

  constructor(log: Pick<Authentications, "list">, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** Reads what is new. Lets others work between pages of the log. */
  async read(): Promise<LoginSummary> {
    this.#reading ??= this.#readNew().finally(() => this.#reading = null);
    await this.#reading;
    const now = this.#now();
    for (const at of this.#minutes.keys()) if (at < now - DAY_MS || at > now + DAY_MS) this.#minutes.delete(at);
    return { hour: this.#sum(now - HOUR_MS), day: this.#sum(now - DAY_MS), cut: this.#cutAt >= now - DAY_MS };
  }

  async #readNew(): Promise<void> {
    const [since, known] = [this.#now() - DAY_MS, this.#seen];
    let before: number | null = null;
    for (let read = 0;;) {
      const page = this.#log.list({ since }, { before, count: READ_AT_ONCE });
      const fresh = page.filter(({ seq }) => seq > known);
      fresh.forEach((record) => this.#count(record));
      const last = fresh.at(-1);
      if (last === undefined || fresh.length < READ_AT_ONCE) return;
      read += fresh.length;
      before = last.seq;
      if (read >= READ_MOST) {
        this.#cutAt = last.at;
        return;
      }
      await new Promise((resolve) => setTimeout(resolve));
    }
  }

  #count({ seq, at, result, reason }: AuthenticationRecord): void {
    this.#seen = Math.max(this.#seen, seq);
    const start = at - at % MINUTE_MS;
    const minute = this.#minutes.getOrInsertComputed(start, () => ({ at: start, counts: new Map() }));
    const head = result === "unavailable" ? "" : reasonHead(reason);
    const known = minute.counts.size < KINDS_MOST || minute.counts.has(`${result} ${head}`);
    const kind = known ? head : "";
    const before = minute.counts.get(`${result} ${kind}`)?.count ?? 0;
    minute.counts.set(`${result} ${kind}`, { result, reason: kind, count: before + 1 });
  }

  #sum(since: number): readonly LoginCount[] {
    const sums = new Map<string, LoginCount>();
    for (const { at, counts } of this.#minutes.values()) {
      if (at + MINUTE_MS <= since) continue;
      for (const [key, each] of counts) sums.set(key, { ...each, count: each.count + (sums.get(key)?.count ?? 0) });
    }
    return [...sums.values()].toSorted((a, b) => b.count - a.count);
  }
}
