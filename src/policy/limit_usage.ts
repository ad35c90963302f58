/**
 * What has been used within the last hour and the last day, in slots: a sliding window that costs a few numbers, whatever is counted.
 *
 * @module
 */

/** What is counted. `newRecipients`: those that the account has never sent to before. */
export const LIMIT_KINDS = ["mails", "recipients", "newRecipients", "octets"] as const;

/** One of what is counted. */
export type LimitKind = (typeof LIMIT_KINDS)[number];

/** Over how long it is counted. */
export type LimitWindow = "hour" | "day";

/** So much of each kind. */
export type Amounts = Readonly<Record<LimitKind, number>>;

/** Nothing of each. */
export const NO_AMOUNTS: Amounts = { mails: 0, recipients: 0, newRecipients: 0, octets: 0 };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** How long a window is and into what it is cut. What was counted leaves it up to one slot late, never early. */
export const WINDOWS: Readonly<Record<LimitWindow, { readonly ms: number; readonly slotMs: number }>> = {
  hour: { ms: HOUR_MS, slotMs: HOUR_MS / 24 },
  day: { ms: DAY_MS, slotMs: DAY_MS / 48 },
};

const WINDOW_NAMES: readonly LimitWindow[] = ["hour", "day"];
/** Days for which the most that was used is remembered, for suggestions. */
const PEAK_DAYS = 7;

/** The number of a slot and what was counted in it. */
export type Slot = readonly [number, number];

/** Counts in one window. */
export class SlidingCount {
  readonly #window: (typeof WINDOWS)[LimitWindow];
  #slots: Slot[];
  #sum: number;

  constructor(window: LimitWindow, slots: readonly Slot[] = []) {
    this.#window = WINDOWS[window];
    this.#slots = [...slots];
    this.#sum = slots.reduce((sum, [, count]) => sum + count, 0);
  }

  /** Counts; a clock that went back counts into the latest slot. */
  add(count: number, now: number): void {
    if (count === 0) return;
    this.#forget(now);
    const last = this.#slots.at(-1);
    const slot = Math.max(Math.floor(now / this.#window.slotMs), last?.[0] ?? 0);
    if (last?.[0] === slot) this.#slots[this.#slots.length - 1] = [slot, last[1] + count];
    else this.#slots.push([slot, count]);
    this.#sum += count;
  }

  /** What is in the window. */
  sum(now: number): number {
    this.#forget(now);
    return this.#sum;
  }

  /** When no more than `most` will be left in the window, if nothing is added. */
  fallsTo(most: number, now: number): number {
    let sum = this.sum(now);
    if (sum <= most) return now;
    for (const [slot, count] of this.#slots) {
      sum -= count;
      if (sum <= most) return this.#leaves(slot);
    }
    return now;
  }

  /** Forgets everything. */
  clear(): void {
    this.#slots = [];
    this.#sum = 0;
  }

  /** What is needed to make it again. */
  slots(now: number): readonly Slot[] {
    this.#forget(now);
    return this.#slots;
  }

  #leaves(slot: number): number {
    return (slot + 1) * this.#window.slotMs + this.#window.ms;
  }

  #forget(now: number): void {
    const stays = this.#slots.findIndex(([slot]) => this.#leaves(slot) > now);
    if (stays === 0) return;
    for (const [, count] of stays < 0 ? this.#slots : this.#slots.slice(0, stays)) this.#sum -= count;
    this.#slots = stays < 0 ? [] : this.#slots.slice(stays);
  }
}

/** A use as it is kept: slots by window and kind, and the most of the last days by the number of the day. */
export interface SavedUse {
  readonly hour: Readonly<Partial<Record<LimitKind, readonly Slot[]>>>;
  readonly day: Readonly<Partial<Record<LimitKind, readonly Slot[]>>>;
  readonly peaks: readonly SavedPeak[];
  /** Networks that mails were begun from, and when last. */
  readonly networks: readonly (readonly [string, number])[];
}

interface SavedPeak {
  readonly day: number;
  readonly hourly: Amounts;
  readonly daily: Amounts;
}

const NETWORKS_KEPT = 200;

/** What one account, credential, network or address has used, and what is under way. */
export class Use {
  readonly #counts: Readonly<Record<LimitWindow, ReadonlyMap<LimitKind, SlidingCount>>>;
  readonly #networks: Map<string, number>;
  #peaks: readonly SavedPeak[];
  #reserved: Amounts = NO_AMOUNTS;

  constructor(saved: SavedUse | null = null) {
    const counts = (window: LimitWindow) =>
      new Map(LIMIT_KINDS.map((kind) => [kind, new SlidingCount(window, saved?.[window][kind])]));
    this.#counts = { hour: counts("hour"), day: counts("day") };
    this.#peaks = saved?.peaks ?? [];
    this.#networks = new Map(saved?.networks);
  }

  /** What transactions under way will use. */
  get reserved(): Amounts {
    return this.#reserved;
  }

  /** Sets something aside for a transaction; negative amounts give it back. */
  reserve(amounts: Amounts): void {
    this.#reserved = plus(this.#reserved, amounts);
  }

  /** Counts what was used. */
  add(amounts: Amounts, now: number): void {
    for (const window of WINDOW_NAMES) {
      for (const [kind, count] of this.#counts[window]) count.add(amounts[kind], now);
    }
    this.#notePeak(now);
  }

  /** What was used, without what is under way. */
  used(kind: LimitKind, window: LimitWindow, now: number): number {
    return this.#count(kind, window).sum(now);
  }

  /** When no more than `most` will count as used. */
  fallsTo(
    most: number,
    { kind, window }: { readonly kind: LimitKind; readonly window: LimitWindow },
    now: number,
  ): number {
    return this.#count(kind, window).fallsTo(most, now);
  }

  /** Notes that a mail is begun from a network. The result is how many there were within an hour. */
  noteNetwork(network: string, now: number): number {
    this.#networks.delete(network);
    this.#networks.set(network, now);
    const [oldest] = this.#networks.keys();
    if (this.#networks.size > NETWORKS_KEPT && oldest !== undefined) this.#networks.delete(oldest);
    return this.networks(now).length;
  }

  /** The networks that mails were begun from within an hour. */
  networks(now: number): readonly string[] {
    for (const [network, at] of this.#networks) if (at <= now - HOUR_MS) this.#networks.delete(network);
    return [...this.#networks.keys()];
  }

  /** What could put the account on hold begins anew: when it is released, its next mail must not do so at once. */
  forgive(): void {
    this.#networks.clear();
    this.#count("newRecipients", "hour").clear();
  }

  /** Forgets what counts now; the most of the last days stays. */
  reset(): void {
    for (const window of WINDOW_NAMES) {
      for (const count of this.#counts[window].values()) count.clear();
    }
  }

  /** The most that was used within an hour and within a day, of the last seven days. */
  peaks(now: number): Readonly<Record<LimitWindow, Amounts>> {
    const recent = this.#recentPeaks(now);
    return {
      hour: recent.reduce((most, { hourly }) => larger(most, hourly), NO_AMOUNTS),
      day: recent.reduce((most, { daily }) => larger(most, daily), NO_AMOUNTS),
    };
  }

  /** What is needed to make it again. */
  save(now: number): SavedUse {
    const slots = (window: LimitWindow) =>
      Object.fromEntries(
        [...this.#counts[window]].map(([kind, count]) => [kind, count.slots(now)] as const)
          .filter(([, kept]) => kept.length > 0),
      );
    this.networks(now);
    return { hour: slots("hour"), day: slots("day"), peaks: this.#recentPeaks(now), networks: [...this.#networks] };
  }

  #count(kind: LimitKind, window: LimitWindow): SlidingCount {
    const count = this.#counts[window].get(kind);
    if (count === undefined) throw new TypeError(`Cannot count ${kind}`);
    return count;
  }

  #notePeak(now: number): void {
    const day = Math.floor(now / DAY_MS);
    const sums = (window: LimitWindow): Amounts => ({
      mails: this.used("mails", window, now),
      recipients: this.used("recipients", window, now),
      newRecipients: this.used("newRecipients", window, now),
      octets: this.used("octets", window, now),
    });
    const before = this.#peaks.find((peak) => peak.day === day);
    const [hourly, daily] = [sums("hour"), sums("day")];
    const peak = before === undefined
      ? { day, hourly, daily }
      : { day, hourly: larger(before.hourly, hourly), daily: larger(before.daily, daily) };
    this.#peaks = [...this.#recentPeaks(now).filter((one) => one.day !== day), peak];
  }

  #recentPeaks(now: number): readonly SavedPeak[] {
    const today = Math.floor(now / DAY_MS);
    return this.#peaks.filter(({ day }) => day > today - PEAK_DAYS);
  }
}

/** The sum, kind by kind. */
export function plus(a: Amounts, b: Amounts): Amounts {
  return {
    mails: a.mails + b.mails,
    recipients: a.recipients + b.recipients,
    newRecipients: a.newRecipients + b.newRecipients,
    octets: a.octets + b.octets,
  };
}

/** What takes `amounts` away again. */
export function negative(amounts: Amounts): Amounts {
  return {
    mails: -amounts.mails,
    recipients: -amounts.recipients,
    newRecipients: -amounts.newRecipients,
    octets: -amounts.octets,
  };
}

function larger(a: Amounts, b: Amounts): Amounts {
  return {
    mails: Math.max(a.mails, b.mails),
    recipients: Math.max(a.recipients, b.recipients),
    newRecipients: Math.max(a.newRecipients, b.newRecipients),
    octets: Math.max(a.octets, b.octets),
  };
}
