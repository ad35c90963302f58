/**
 * A queue in which accounts take turns: ten thousand items of one do not delay the single one of another.
 *
 * @module
 */

/** Items by account. */
export class FairQueue<Item> {
  /** Those with items; the first is next. */
  readonly #accounts = new Map<string, Item[]>();

  push(account: string, item: Item): void {
    this.#accounts.getOrInsertComputed(account, () => []).push(item);
  }

  /** Puts an item back that was the next one. */
  putBack(account: string, item: Item): void {
    const items = this.#accounts.get(account) ?? [];
    this.#accounts.delete(account);
    const others = [...this.#accounts];
    this.#accounts.clear();
    this.#accounts.set(account, [item, ...items]);
    for (const [name, queued] of others) this.#accounts.set(name, queued);
  }

  /** The next item, of the account that has waited longest for its turn; `undefined`: there is none. */
  shift(): Item | undefined {
    const [next] = this.#accounts;
    if (next === undefined) return undefined;
    const [account, items] = next;
    const item = items.shift();
    this.#accounts.delete(account);
    if (items.length > 0) this.#accounts.set(account, items);
    return item;
  }

  /** Takes everything out. */
  drain(): readonly Item[] {
    const items: Item[] = [];
    for (let item = this.shift(); item !== undefined; item = this.shift()) items.push(item);
    return items;
  }
}
