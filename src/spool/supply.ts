/**
 * What happens when the disk is full: the reserve keeps outcomes going, and when that is spent delivery stops until there is room.
 *
 * @module
 */

import type { Log } from "../log/event.ts";
import type { DiskSpace } from "./disk_space.ts";
import type { WorkerLink } from "./worker_link.ts";

const REFILL_MS = 2000;
/** Twice the reserve: to take it must not fill the disk. */
const REFILL_OCTETS = 32 * 1024 * 1024;

/** Watches over the reserve file of a spool. */
export class Supply implements Disposable {
  readonly #link: WorkerLink;
  readonly #space: DiskSpace;
  readonly #log: Log;
  readonly #onBack: () => void;
  readonly #timer: ReturnType<typeof setInterval>;
  #stopped = false;

  /** `onBack` is called when delivery may go on. */
  constructor(
    { link, space, log, onBack }: {
      readonly link: WorkerLink;
      readonly space: DiskSpace;
      readonly log: Log;
      readonly onBack: () => void;
    },
  ) {
    this.#link = link;
    this.#space = space;
    this.#log = log;
    this.#onBack = onBack;
    this.#timer = setInterval(() => {
      if (!this.#link.reserve) this.refill();
    }, REFILL_MS);
  }

  /** Whether nothing may be sent, since its result could not be kept. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** An outcome could not be written, not even with the room of the reserve. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    const text = "The disk is full and outcomes cannot be written: delivery stops until there is room, make some";
    this.#log({ kind: "alarm", about: "spool", text });
  }

  /** Takes the reserve where it is missing and there is room for it; delivery goes on then. */
  async refill(): Promise<void> {
    if (this.#space.onDisk() < REFILL_OCTETS) return;
    const made = await this.#link.ask({ kind: "reserve" });
    if (!made.ok || !made.value || !this.#stopped) return;
    this.#stopped = false;
    this.#log({ kind: "warning", about: "spool", text: "There is room on the disk again: delivery goes on" });
    this.#onBack();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
