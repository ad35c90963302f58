/**
 * One life of a helper, from its start to its end: the greeting, the questions that it owes an answer, and the watch over its silence.
 *
 * @module
 */

import { utf8 } from "../../src/lib/octets.ts";
import { fail, type Result, succeed } from "../../src/lib/result.ts";
import { HelperProcess, type Program } from "./helper_process.ts";
import { type Fields, LINE_LIMIT_OCTETS, readFields, readGreeting } from "./helper_protocol.ts";
import type { OctetLine } from "./octet_lines.ts";

/** What a life needs, and who is told of it. */
export interface LifeOptions {
  readonly program: Program;
  /** Longest silence while an answer, or the greeting, is owed; then it is killed. */
  readonly silenceMs: number;
  /** What it writes to its standard error. */
  readonly onSaid: (text: string) => void;
  /** Called once, with words such as `ended with exit code 1`, unless it was ended or retired. The process may live a moment longer. */
  readonly onFailure: (how: string) => void;
  /** The process is gone. */
  readonly onGone: () => void;
}

/** An answer, or how it came that there is none. */
export type Heard = Result<Fields, string>;

/** More than this is owed by no helper that works: questions that were given up count until they are answered. */
const OWED_LIMIT = 2000;
const GIVEN_UP = "given up before the answer";

/** A helper that runs. Its questions are told apart by ids, so that many are under way. */
export class HelperLife {
  readonly #options: LifeOptions;
  readonly #process: HelperProcess | null = null;
  readonly #greeting = Promise.withResolvers<Result<void, string>>();
  readonly #owed = new Map<number, (heard: Heard) => void>();
  #cancels = false;
  #greeted = false;
  #answered = false;
  #retired = false;
  /** How it ended, or why it is killed. */
  #fate: string | null = null;
  #lastSaid = "";
  #lastId = 0;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LifeOptions) {
    this.#options = options;
    const started = HelperProcess.start(options.program, {
      line: (line) => this.#take(line),
      said: (text) => {
        this.#lastSaid = text;
        options.onSaid(text);
      },
      ended: (how) => this.#gone(how),
    });
    if (started.ok) this.#process = started.value;
    // Not before whoever starts it has it in hand.
    else queueMicrotask(() => this.#gone(started.problem));
    this.#listen();
  }

  /** Whether it has given an answer. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Asks. An aborted signal ends the wait. Never rejects. */
  async ask(fields: Fields, signal: AbortSignal): Promise<Heard> {
    const greeted = await beforeAbort(this.#greeting.promise, signal);
    if (!greeted.ok) return greeted;
    if (signal.aborted) return fail(GIVEN_UP);
    if (this.#fate !== null) return fail(this.#fate);
    if (this.#owed.size >= OWED_LIMIT) return fail(`owes ${OWED_LIMIT} answers`);
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Heard>();
    const idle = this.#owed.size === 0;
    this.#owed.set(id, resolve);
    this.#send({ id, ...fields });
    if (idle) this.#listen();
    const heard = await beforeAbort(promise, signal);
    if (signal.aborted && this.#cancels && this.#owed.has(id)) {
      this.#send({ id, kind: "cancel" });
    }
    return heard;
  }

  /** To be asked no more: it ends when nothing is owed. */
  retire(): void {
    this.#retired = true;
    if (this.#owed.size === 0) void this.end();
  }

  /** Ends it: questions under way are answered with a problem. Resolves when the process is gone. */
  async end(): Promise<void> {
    this.#fate ??= "was ended";
    this.#settle(this.#fate);
    await this.#process?.end();
  }

  #send(fields: Fields): void {
    this.#process?.send(utf8(`${JSON.stringify(fields)}\n`));
  }

  #take({ octets, whole }: OctetLine): void {
    if (this.#fate !== null) return;
    const fields = whole ? readFields(octets) : null;
    if (fields === null) {
      const what = whole ? "a line that is no JSON object" : `a line of more than ${LINE_LIMIT_OCTETS} octets`;
      return this.#kill(`wrote ${what} and was killed`);
    }
    if (!this.#greeted) return this.#greet(fields);
    const { id, ...answer } = fields;
    const owed = typeof id === "number" ? this.#owed.get(id) : undefined;
    if (typeof id !== "number" || owed === undefined) return;
    this.#owed.delete(id);
    this.#answered = true;
    this.#listen();
    owed(succeed(answer));
    if (this.#retired && this.#owed.size === 0) void this.end();
  }

  #greet(fields: Fields): void {
    const greeting = readGreeting(fields);
    if (greeting === null) return this.#kill('did not begin with {"dokodemo":1} and was killed');
    this.#greeted = true;
    this.#cancels = greeting.cancel;
    this.#listen();
    this.#greeting.resolve(succeed(undefined));
  }

  /** The wait begins anew with each line; where nothing is owed there is none. */
  #listen(): void {
    clearTimeout(this.#silence);
    if (this.#fate !== null || (this.#greeted && this.#owed.size === 0)) return;
    const { silenceMs } = this.#options;
    this.#silence = setTimeout(() => this.#kill(`was silent for ${silenceMs} ms and was killed`), silenceMs);
  }

  #kill(fate: string): void {
    this.#process?.kill();
    this.#fail(fate);
  }

  #gone(how: string): void {
    // Before the greeting it was asked nothing, so what it said last holds nothing that it was asked.
    if (this.#fate === null) this.#fail(this.#greeted || this.#lastSaid === "" ? how : `${how}: ${this.#lastSaid}`);
    this.#options.onGone();
  }

  #fail(fate: string): void {
    this.#fate = fate;
    this.#settle(fate);
    this.#options.onFailure(fate);
  }

  #settle(fate: string): void {
    clearTimeout(this.#silence);
    this.#greeting.resolve(fail(fate));
    for (const answer of this.#owed.values()) answer(fail(fate));
    this.#owed.clear();
  }
}

function beforeAbort<Value>(
  promise: Promise<Result<Value, string>>,
  signal: AbortSignal,
): Promise<Result<Value, string>> {
  if (signal.aborted) return Promise.resolve(fail(GIVEN_UP));
  const { promise: first, resolve } = Promise.withResolvers<Result<Value, string>>();
  const leave = () => resolve(fail(GIVEN_UP));
  signal.addEventListener("abort", leave, { once: true });
  void promise.then((value) => {
    signal.removeEventListener("abort", leave);
    resolve(value);
  });
  return first;
}
