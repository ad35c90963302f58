/**
 * How much room the disk of the spool has.
 *
 * @module
 */

import { statfsSync } from "node:fs";

const LEAST_OCTETS = 64 * 1024 * 1024;
const REFRESH_MS = 1000;

/** Watches the room; asks the system at most once a second. */
export class DiskSpace {
  readonly #dir: string;
  readonly #needOctets: number;
  readonly #clock: { now(): number };
  #asked = -Infinity;
  #octets = 0;

  constructor(dir: string, options: { readonly messageSizeLimit: number; readonly clock: { now(): number } }) {
    this.#dir = dir;
    this.#needOctets = Math.max(LEAST_OCTETS, 2 * options.messageSizeLimit);
    this.#clock = options.clock;
  }

  /** Whether a mail may be begun, with so many octets of free pages inside the database. */
  enough(freeInDatabase: number): boolean {
    return this.onDisk() + freeInDatabase >= this.#needOctets;
  }

  /** Octets that this user may still write. None when the system cannot tell: then nothing could be stored either. */
  onDisk(): number {
    const now = this.#clock.now();
    // A clock that was set back must not stop the asking.
    if (Math.abs(now - this.#asked) < REFRESH_MS) return this.#octets;
    this.#asked = now;
    try {
      const { bavail, bsize } = statfsSync(this.#dir);
      this.#octets = bavail * bsize;
    } catch (error) {
      // Without the permission sys=statfs no mail would ever be taken: that is for the one who built this to know.
      if (error instanceof Deno.errors.NotCapable) throw error;
      this.#octets = 0;
    }
    return this.#octets;
  }
}
