/**
 * A helper that is always there: started when it is asked, started again after its end, with pauses that grow.
 *
 * @module
 */

import { fail } from "../../src/lib/result.ts";
import { type Heard, HelperLife } from "./helper_life.ts";
import type { Program } from "./helper_process.ts";
import type { Fields } from "./helper_protocol.ts";

/** What is kept alive. */
export interface HelperOptions {
  /** `helper` or `plugin`, for messages. */
  readonly noun: string;
  readonly program: Program;
  /** Longest wait for an answer. A silence that is a little longer, while one is owed, is its end. */
  readonly deadlineMs: number;
  /** One line for the administrator. */
  readonly warn: (text: string) => void;
  /** Something that is another when the program is another: then a new one is started at once. Default: never. */
  readonly mark?: () => Promise<string>;
}

/** After a deadline the question is cancelled, and the answer to that is a sign of life as well. */
const GRACE_MS = 1000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
/** So many lines of its standard error are logged in this time; the others are counted. */
const SAID_LINES = 50;
const SAID_WINDOW_MS = 10_000;

/** Asks whichever life of the helper is the one of now. Nothing is started before the first question. */
export class Helper implements AsyncDisposable {
  readonly #options: HelperOptions;
  /** Those that still run; the last of them is asked. */
  readonly #lives = new Set<HelperLife>();
  readonly #said: (text: string) => void;
  #current: HelperLife | null = null;
  #mark: string | null = null;
  #failures = 0;
  #lastFailure = "";
  #pauseUntil = 0;
  #closed = false;

  constructor(options: HelperOptions) {
    this.#options = options;
    this.#said = limitLines((text) => options.warn(`the ${options.noun} says: ${text}`));
  }

  /** Asks. The problem is a sentence for the log. Never rejects. */
  async ask(fields: Fields, signal: AbortSignal): Promise<Heard> {
    const { noun, mark } = this.#options;
    if (mark !== undefined) this.#renew(await mark());
    if (this.#closed) return fail(`the ${noun} is not used any more`);
    const pauseMs = this.#current === null ? this.#pauseUntil - Date.now() : 0;
    if (pauseMs > 0) return fail(`the ${noun} ${this.#lastFailure}; it may be started again in ${pauseMs} ms`);
    this.#current ??= this.#start();
    const heard = await this.#current.ask(fields, signal);
    return heard.ok ? heard : fail(`the ${noun} ${heard.problem}`);
  }

  /** Ends it, after a moment for what it wants to tidy up. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#current = null;
    await Promise.all([...this.#lives].map((life) => life.end()));
  }

  /** The program has changed: what was wrong with the one before is no reason to wait. */
  #renew(mark: string): void {
    if (mark === this.#mark) return;
    this.#mark = mark;
    this.#failures = 0;
    this.#pauseUntil = 0;
    this.#current?.retire();
    this.#current = null;
  }

  #start(): HelperLife {
    const { noun, program, deadlineMs, warn } = this.#options;
    const life: HelperLife = new HelperLife({
      ...{ program, silenceMs: deadlineMs + GRACE_MS, onSaid: this.#said },
      onFailure: (how) => {
        warn(`the ${noun} ${how}`);
        if (this.#current === life) this.#failed(how, life.answered);
      },
      onGone: () => this.#lives.delete(life),
    });
    this.#lives.add(life);
    return life;
  }

  #failed(how: string, answered: boolean): void {
    this.#current = null;
    this.#lastFailure = how;
    this.#failures = answered ? 1 : this.#failures + 1;
    this.#pauseUntil = Date.now() + Math.min(FIRST_PAUSE_MS * 2 ** (this.#failures - 1), LONGEST_PAUSE_MS);
  }
}

/** Lets so many lines through in a time, and then says how many were left out. */
function limitLines(write: (text: string) => void): (text: string) => void {
  let [since, lines] = [0, 0];
  return (text) => {
    if (Date.now() - since > SAID_WINDOW_MS) {
      if (lines > SAID_LINES) write(`(${lines - SAID_LINES} lines more)`);
      [since, lines] = [Date.now(), 0];
    }
    lines++;
    if (lines <= SAID_LINES) write(text);
  };
}
