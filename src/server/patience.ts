/**
 * How long a client is waited for.
 *
 * @module
 */

import type { LimitsConfig } from "../config/config.ts";

/** A client that sends content must keep above 1 KiB in a minute. */
const CONTENT_MS_PER_KIB = 60_000;

/** Content is cut off beyond this many times the largest mail, and some more. */
const FLOOD_FACTOR = 2;
const FLOOD_OCTETS = 1024 * 1024;

/** When the client began to send content, and when it was last seen to send. */
interface Receiving {
  readonly at: number;
  readonly octets: number;
  readonly seenAt: number;
  readonly seenOctets: number;
}

/** The deadline of one connection. Times are milliseconds since the epoch; octets are those that the client has sent in all. */
export class Patience {
  readonly #limits: LimitsConfig;
  readonly #began: number;
  #deadline: number;
  #receiving: Receiving | null = null;

  constructor(limits: LimitsConfig, now: number) {
    this.#limits = limits;
    this.#began = now;
    this.#deadline = now + limits.commandMs;
  }

  /** A command is waited for; of a stranger to a submission listener not longer than strangers have in all. */
  awaitCommand(now: number, stranger: boolean): void {
    this.#receiving = null;
    this.#deadline = now + this.#limits.commandMs;
    if (stranger) this.#deadline = Math.min(this.#deadline, this.#began + this.#limits.sessionBeforeAuthMs);
  }

  /** Content is waited for. */
  awaitContent(now: number, octets: number): void {
    this.#receiving = { at: now, octets, seenAt: now, seenOctets: octets };
  }

  /** Something of ours takes its time; the client's clock does not run against it. */
  suspend(): void {
    this.#receiving = null;
    this.#deadline = Infinity;
  }

  /** The connection ends within so many milliseconds. */
  endWithin(ms: number, now: number): void {
    this.#receiving = null;
    this.#deadline = now + ms;
  }

  /**
   * Whether the time is over. Content earns time by its octets, a minute for each KiB, and must not pause longer than a command may take.
   * To be asked about once a second.
   */
  isOver(now: number, octets: number): boolean {
    if (this.#receiving === null) return now >= this.#deadline;
    if (octets > this.#receiving.seenOctets) this.#receiving = { ...this.#receiving, seenAt: now, seenOctets: octets };
    const { at, octets: before, seenAt } = this.#receiving;
    return now >= this.#limits.commandMs + Math.min(seenAt, at + (octets - before) / 1024 * CONTENT_MS_PER_KIB);
  }

  /** Whether content goes on and on: one that is too large is read to its end before it is refused, but not without end. */
  isFlooded(octets: number): boolean {
    if (this.#receiving === null) return false;
    return octets - this.#receiving.octets > FLOOD_FACTOR * this.#limits.messageSize + FLOOD_OCTETS;
  }
}
