/**
 * Whose turn it is where strangers share one slot: who had fewer turns on the account goes first, so that whoever takes every slot waits
 * behind whoever comes anew.
 *
 * @module
 */

import { BoundedMap } from "./bounded_map.ts";

/** How turns are reckoned. */
export interface TurnSettings {
  readonly slotMs: number;
  /** A network that asked for nothing for so long starts afresh. */
  readonly forgetMs: number;
}

/** Who asks for the slot of what. */
export interface Asker {
  readonly account: string;
  readonly network: string;
  readonly now: number;
}

/** The slot of one account. */
interface SlotState {
  takenMs: number;
  /** Until `promisedUntilMs` the slot is kept for networks that had at most so many turns. */
  promisedTo: number;
  promisedUntilMs: number;
}

interface NetworkTurns {
  /** Turns that it had, and promises that it let pass. */
  had: number;
  /** When it was promised one that it has not had yet. */
  promisedMs: number | null;
  askedMs: number;
}

/** A promise lasts for so many slots: a person who is refused tries again within a minute. */
const PROMISE_SLOTS = 6;
/** About 10 MB each when strangers fill them. */
const [SLOTS_LIMIT, NETWORKS_LIMIT] = [20_000, 50_000];

/** The slots of all accounts. Time is milliseconds since the epoch; a clock that is set back closes nothing. */
export class Turns {
  readonly #slots = new BoundedMap<string, SlotState>(SLOTS_LIMIT);
  readonly #networks = new BoundedMap<string, NetworkTurns>(NETWORKS_LIMIT);

  /**
   * Takes the slot, or says no. Never more than one in `slotMs`. Who is told no while the slot is taken is promised one of the next: until then
   * nobody who had more turns gets it. The promise names no network, so that one which does not come back keeps out nobody of its own rank;
   * and it counts as a turn, so that waiting cannot be feigned for ever.
   */
  take(asker: Asker, settings: TurnSettings): boolean {
    const { account, now } = asker;
    const slot = this.#slots.get(account) ?? { takenMs: -Infinity, promisedTo: 0, promisedUntilMs: -Infinity };
    this.#slots.set(account, slot);
    const turns = this.#turnsOf(asker, settings);
    const isTaken = Math.abs(now - slot.takenMs) < settings.slotMs;
    const isPromised = isWithin(now, slot.promisedUntilMs, promiseMs(settings));
    if (!isTaken && (!isPromised || turns.had <= slot.promisedTo)) {
      slot.takenMs = now;
      slot.promisedUntilMs = -Infinity;
      turns.had++;
      turns.promisedMs = null;
      return true;
    }
    if (turns.promisedMs === null) {
      turns.promisedMs = now;
      if (!isPromised || turns.had < slot.promisedTo) {
        slot.promisedTo = turns.had;
        slot.promisedUntilMs = now + promiseMs(settings);
      }
    }
    return false;
  }

  #turnsOf({ account, network, now }: Asker, settings: TurnSettings): NetworkTurns {
    const key = `${account} ${network}`;
    const before = this.#networks.get(key);
    const fresh = before === undefined || Math.abs(now - before.askedMs) >= settings.forgetMs;
    const turns = fresh ? { had: 0, promisedMs: null, askedMs: now } : before;
    if (fresh) this.#networks.set(key, turns);
    turns.askedMs = now;
    if (turns.promisedMs !== null && !isWithin(now, turns.promisedMs + promiseMs(settings), promiseMs(settings))) {
      turns.had++;
      turns.promisedMs = null;
    }
    return turns;
  }
}

function promiseMs({ slotMs }: TurnSettings): number {
  return PROMISE_SLOTS * slotMs;
}

/** Whether `now` lies in the time of this length before `end`. */
function isWithin(now: number, end: number, length: number): boolean {
  return now < end && now >= end - length;
}
