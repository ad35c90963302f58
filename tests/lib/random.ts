/**
 * Randomness with a seed, so that a failure can be run again.
 *
 * @module
 */

/** Draws numbers and picks from lists; the same seed gives the same row. */
export class Random {
  #value: number;

  constructor(seed: number) {
    this.#value = Math.imul(seed, 2654435761) >>> 0;
  }

  /** A whole number from 0 up to, but not, `limit`. */
  below(limit: number): number {
    this.#value = (Math.imul(this.#value, 1664525) + 1013904223) >>> 0;
    return Math.floor(this.#value / 2 ** 32 * limit);
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  /** One of a list that is not empty. */
  pick<Item>(list: readonly Item[]): Item {
    const item = list[this.below(list.length)];
    if (item === undefined) throw new RangeError("Cannot pick: the list is empty");
    return item;
  }

  /** So many octets. */
  octets(count: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }
}
