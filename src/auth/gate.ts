/**
 * The gate before a backend that lies elsewhere: so many questions at a time, and while it is down one at a time, so that an outage does
 * not pile up logins that all wait for the same deadline.
 *
 * @module
 */

/** What was heard of the backend: that it is there, that it is not, or nothing (the asker left, or the backend has a bug). */
export type Heard = { readonly kind: "answer" | "nothing" } | { readonly kind: "outage"; readonly cause: string };

/** What one question may do. */
export type Entry =
  /** `heard` is called once, as soon as it is known; `release` once, when the backend is done with the question. */
  | { readonly kind: "inside"; heard(heard: Heard): void; release(): void }
  | { readonly kind: "refused"; readonly cause: string };

/** How a gate is made. */
export interface GateOptions {
  /** Most questions at a time. */
  readonly concurrency: number;
  /** Most questions that wait for a place. Default 1000. */
  readonly waiting?: number;
  /** Told why it is down now, and `null` when it answers again. */
  readonly onChange?: (cause: string | null) => void;
}

/**
 * A gate. After an outage the next question is the probe and everybody else is refused at once; each answer, of whichever question, ends
 * the outage. Backends that are down thus cost one deadline at a time, and are found again by the first login after they are back.
 */
export class Gate {
  readonly #concurrency: number;
  readonly #limit: number;
  readonly #onChange: (cause: string | null) => void;
  readonly #waiting = new Set<(entry: Entry) => void>();
  #inside = 0;
  #down: string | null = null;
  #probing = false;
  /** Outages ended so far: what a question finds out that began before the last one is old news. */
  #recoveries = 0;

  constructor({ concurrency, waiting = 1000, onChange = () => {} }: GateOptions) {
    this.#concurrency = concurrency;
    this.#limit = waiting;
    this.#onChange = onChange;
  }

  /** Asks for a place; waits where all are taken, until the signal aborts. Never rejects. */
  async enter(signal: AbortSignal): Promise<Entry> {
    if (this.#down !== null) return this.#probing || this.#isFull() ? this.#refusal() : this.#admit();
    if (!this.#isFull()) return this.#admit();
    if (this.#waiting.size >= this.#limit) return { kind: "refused", cause: "busy: too many questions wait for it" };
    const { promise, resolve } = Promise.withResolvers<Entry>();
    const leave = () => resolve({ kind: "refused", cause: "busy: no place became free" });
    this.#waiting.add(resolve);
    signal.addEventListener("abort", leave, { once: true });
    try {
      return await promise;
    } finally {
      this.#waiting.delete(resolve);
      signal.removeEventListener("abort", leave);
    }
  }

  #isFull(): boolean {
    return this.#inside >= this.#concurrency;
  }

  #refusal(): Entry {
    return { kind: "refused", cause: `not asked while it is down: ${this.#down ?? ""}` };
  }

  #admit(): Entry {
    const [probe, since] = [this.#down !== null, this.#recoveries];
    this.#inside++;
    if (probe) this.#probing = true;
    return {
      kind: "inside",
      heard: (heard) => {
        if (probe) this.#probing = false;
        if (heard.kind === "answer") this.#isUp();
        else if (heard.kind === "outage" && since === this.#recoveries) this.#isDown(heard.cause);
      },
      release: () => {
        this.#inside--;
        this.#letIn();
      },
    };
  }

  #isDown(cause: string): void {
    const before = this.#down;
    this.#down = cause;
    if (before !== null) return;
    for (const answer of this.#waiting) answer(this.#refusal());
    this.#waiting.clear();
    this.#onChange(cause);
  }

  #isUp(): void {
    if (this.#down === null) return;
    this.#down = null;
    this.#recoveries++;
    this.#onChange(null);
  }

  #letIn(): void {
    for (const answer of this.#waiting) {
      if (this.#isFull() || this.#down !== null) return;
      this.#waiting.delete(answer);
      answer(this.#admit());
    }
  }
}
