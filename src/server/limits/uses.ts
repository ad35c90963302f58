/**
 * What everybody has used: in memory as far as it is wanted, written once a second and when the server stops. A crash loses the last second.
 *
 * @module
 */

import { keyedHash } from "../../auth/keyed_hash.ts";
import type { Log } from "../../log/event.ts";
import type { KnownRow, LimitRecords } from "../../records/limit_records.ts";
import { type SavedUse, Use } from "../../policy/limit_usage.ts";
import type { LimitScope } from "../../policy/limits.ts";
import { canonicalMailbox } from "./canonical_mailbox.ts";

/** What it works with. */
export interface UsesParts {
  readonly records: LimitRecords;
  readonly key: Uint8Array;
  readonly log: Log;
  readonly now: () => number;
}

const WRITE_EVERY_MS = 1_000;
const SWEEP_EVERY_MS = 3_600_000;
/** Uses in memory, and recipients that wait to be written. */
const [USES_AT_ONCE, KNOWN_AT_ONCE] = [20_000, 100_000];
const HASH_OCTETS = 12;
/** The most of the last seven days is kept. */
const KEPT_MS = 8 * 86_400_000;

interface Held {
  readonly scope: LimitScope;
  readonly subject: string;
  readonly use: Use;
  dirty: boolean;
}

/** The uses. */
export class Uses implements Disposable {
  readonly #parts: UsesParts;
  /** The longest unseen first. */
  readonly #held = new Map<string, Held>();
  readonly #dirty = new Set<Held>();
  #known = new Map<string, KnownRow>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #swept: number;
  #failing = false;

  constructor(parts: UsesParts) {
    this.#parts = parts;
    this.#swept = parts.now();
  }

  /** The use of somebody. It stays the same object as long as something is reserved in it. */
  of(scope: LimitScope, subject: string): Use {
    return this.#of(scope, subject).use;
  }

  /** The same, and what is done to it is written soon. */
  changed(scope: LimitScope, subject: string): Use {
    const held = this.#of(scope, subject);
    held.dirty = true;
    this.#dirty.add(held);
    this.#writeSoon();
    return held.use;
  }

  /** A stable name for a recipient of an account that does not tell who it is. */
  hashOf(account: string, forwardPath: string): Uint8Array {
    return keyedHash(this.#parts.key, ["recipient", account, canonicalMailbox(forwardPath)]).subarray(0, HASH_OCTETS);
  }

  /** Whether the account has sent to the recipient before. */
  isKnown(account: string, hash: Uint8Array): boolean {
    return this.#known.has(`${account} ${hash.toHex()}`) || this.#parts.records.isKnown(account, hash);
  }

  /** Remembers whom an account has sent to. */
  know(account: string, hashes: readonly Uint8Array[]): void {
    const at = this.#parts.now();
    for (const hash of hashes) {
      if (this.#known.size < KNOWN_AT_ONCE) this.#known.set(`${account} ${hash.toHex()}`, { account, hash, at });
    }
    this.#writeSoon();
  }

  /** Forgets an account. */
  forget(account: string): void {
    this.write();
    this.#held.delete(`account ${account}`);
    this.#parts.records.forgetAccount(account);
  }

  /** Writes what has changed. What cannot be written waits, and is told once. */
  write(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const { records, log, now } = this.#parts;
    const at = now();
    try {
      const rows = [...this.#dirty].map(({ scope, subject, use }) => ({
        ...{ scope, subject, at },
        saved: JSON.stringify(use.save(at)),
      }));
      if (rows.length > 0 || this.#known.size > 0) records.write(rows, [...this.#known.values()]);
      for (const held of this.#dirty) held.dirty = false;
      this.#dirty.clear();
      this.#known = new Map();
      this.#failing = false;
      if (at - this.#swept > SWEEP_EVERY_MS) {
        this.#swept = at;
        records.sweep(at - KEPT_MS);
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : "unknown reason";
      if (!this.#failing) log({ kind: "alarm", about: "limits", text: `Cannot write what was used: ${reason}` });
      this.#failing = true;
    }
    this.#evict();
  }

  /** Writes the rest. */
  [Symbol.dispose](): void {
    this.write();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #of(scope: LimitScope, subject: string): Held {
    const key = `${scope} ${subject}`;
    const found = this.#held.get(key);
    if (found !== undefined) {
      this.#held.delete(key);
      this.#held.set(key, found);
      return found;
    }
    const held = { scope, subject, use: new Use(this.#read(scope, subject)), dirty: false };
    this.#held.set(key, held);
    return held;
  }

  #read(scope: LimitScope, subject: string): SavedUse | null {
    try {
      const saved = this.#parts.records.readUse(scope, subject);
      return saved === null ? null : JSON.parse(saved);
    } catch (error) {
      const reason = error instanceof Error ? error.message : "unknown reason";
      this.#parts.log({ kind: "alarm", about: "limits", text: `Cannot read what ${subject} has used: ${reason}` });
      return null;
    }
  }

  #writeSoon(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => this.write(), WRITE_EVERY_MS);
    Deno.unrefTimer(this.#timer);
  }

  /** What is not written or has something reserved stays. */
  #evict(): void {
    let over = this.#held.size - USES_AT_ONCE;
    for (const [key, { use, dirty }] of this.#held) {
      if (over <= 0) return;
      const { mails, recipients, octets } = use.reserved;
      if (dirty || mails + recipients + octets > 0) continue;
      this.#held.delete(key);
      over--;
    }
  }
}
