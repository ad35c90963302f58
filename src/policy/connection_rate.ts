/**
 * How many connections somebody has open and has opened within a minute. Nothing of it outlives the process.
 *
 * @module
 */

/** What is allowed; what is missing is not limited. */
export interface ConnectionValues {
  readonly connections?: number;
  readonly connectionsPerMinute?: number;
}

/** What a connection broke. */
export interface ConnectionFinding {
  readonly limit: "connections" | "connectionsPerMinute";
  readonly most: number;
  /** When it opens again; `null`: when another one ends. */
  readonly opens: number | null;
}

const MINUTE_MS = 60_000;
const REMEMBERED = 10_000;

interface Guest {
  open: number;
  /** When each of the last minute was opened, and no more than are needed. */
  opened: number[];
}

/** Counts the connections of many, by any key. */
export class ConnectionRate {
  readonly #guests = new Map<string, Guest>();

  /** How many are remembered. */
  get size(): number {
    return this.#guests.size;
  }

  /** Whether one more fits; it counts by `opened`. */
  judge(key: string, values: ConnectionValues, now: number): ConnectionFinding | null {
    const guest = this.#guests.get(key);
    const { connections, connectionsPerMinute: perMinute } = values;
    if (connections !== undefined && (guest?.open ?? 0) >= connections) {
      return { limit: "connections", most: connections, opens: null };
    }
    if (perMinute === undefined || guest === undefined) return null;
    const recent = guest.opened.filter((at) => at > now - MINUTE_MS);
    const oldest = recent.at(-perMinute);
    return oldest === undefined ? null : { limit: "connectionsPerMinute", most: perMinute, opens: oldest + MINUTE_MS };
  }

  /** Counts a connection; the result ends it. */
  opened(key: string, { connectionsPerMinute }: ConnectionValues, now: number): Disposable {
    const guest = this.#guests.getOrInsertComputed(key, () => ({ open: 0, opened: [] }));
    guest.open++;
    const kept = guest.opened.filter((at) => at > now - MINUTE_MS);
    guest.opened = connectionsPerMinute === undefined ? [] : [...kept, now].slice(-connectionsPerMinute);
    if (this.#guests.size > REMEMBERED) this.#sweep();
    let open = true;
    return {
      [Symbol.dispose]: () => {
        if (open) guest.open--;
        open = false;
        if (guest.open === 0 && guest.opened.length === 0) this.#guests.delete(key);
      },
    };
  }

  /** A tenth of those without a connection goes, the first seen first. */
  #sweep(): void {
    for (const [key, { open }] of this.#guests) {
      if (this.#guests.size <= REMEMBERED * 0.9) return;
      if (open === 0) this.#guests.delete(key);
    }
  }
}
