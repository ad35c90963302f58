/**
 * All that goes to one hop: a queue and a bounded number of conversations that work it off.
 *
 * @module
 */

import type { Log } from "../log/event.ts";
import type { DeliveryOutcome } from "../spool/spool.ts";
import type { Clock } from "./clock.ts";
import type { Deliverer, DeliverySession, Hop } from "./deliverer.ts";
import type { MailTask } from "./mail_task.ts";

/** What a lane lives with. */
export interface LaneContext {
  readonly log: Log;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A task has come to its end, settled or not. */
  done(task: MailTask): void;
}

/** A hop that refuses our login is not asked again before this, unless somebody says so, so that it does not shut us out. */
const LOGIN_PAUSE_MS = 60_000;

/** One hop. */
export class Lane {
  readonly #hop: Hop;
  readonly #deliverer: Deliverer;
  readonly #context: LaneContext;
  readonly #queue: MailTask[] = [];
  readonly #conversations = new Set<Promise<void>>();
  #retired = false;
  #refused: { readonly until: number; readonly outcome: DeliveryOutcome } | null = null;

  constructor(hop: Hop, deliverer: Deliverer, context: LaneContext) {
    this.#hop = hop;
    this.#deliverer = deliverer;
    this.#context = context;
  }

  /** Takes a task; returns at once. */
  push(task: MailTask): void {
    this.#queue.push(task);
    if (this.#conversations.size < this.#deliverer.concurrency) this.#start();
  }

  /** The next task asks the hop anew, also where it refused our login a moment ago. */
  forgive(): void {
    this.#refused = null;
  }

  /** Begins no more conversations and gives back the tasks that are not begun. */
  retire(): readonly MailTask[] {
    this.#retired = true;
    return this.#queue.splice(0);
  }

  /** Waits for the conversations under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#conversations);
  }

  #start(): void {
    const first = this.#queue.shift();
    if (first === undefined) return;
    const conversation = this.#converse(first).then((opened) => {
      this.#conversations.delete(conversation);
      // One that could not be opened is not tried anew while others go on.
      if (!this.#retired && (opened || this.#conversations.size === 0)) this.#start();
    });
    this.#conversations.add(conversation);
  }

  /** Works the queue off in one conversation, as long as that can be used; the result is whether there was one. */
  async #converse(first: MailTask): Promise<boolean> {
    const session = await this.#open(first);
    if (session === null) return false;
    try {
      for (let task: MailTask | undefined = first; task !== undefined;) {
        await this.#carryOut(task, (each) => session.deliver(each, this.#context.signal));
        task = session.usable && !this.#retired ? this.#queue.shift() : undefined;
        task?.begin();
      }
    } finally {
      try {
        await session[Symbol.asyncDispose]();
      } catch (error) {
        this.#bug(error, null);
      }
    }
    return true;
  }

  /** A conversation, or `null` when the tasks that wait for one are dealt with. */
  async #open(first: MailTask): Promise<DeliverySession | null> {
    const { clock, signal } = this.#context;
    if (this.#refused !== null && clock.now() < this.#refused.until) {
      await this.#putOff(first, this.#refused.outcome);
      return null;
    }
    first.begin();
    try {
      const opened = await this.#deliverer.open(this.#hop, signal);
      if (opened.ok) return opened.value;
      const outcome = opened.problem;
      const refused = outcome.kind === "deferred" && outcome.cause === "auth";
      this.#refused = refused ? { until: clock.now() + LOGIN_PAUSE_MS, outcome } : null;
      await this.#putOff(first, outcome);
    } catch (error) {
      this.#bug(error, first.mail.id);
      await this.#putOff(first, BUG);
    }
    return null;
  }

  /** A hop that takes no more conversations may still go on with those that it has: then they take the task as well. */
  async #putOff(first: MailTask, outcome: DeliveryOutcome): Promise<void> {
    if (this.#conversations.size > 1 && !this.#retired) {
      this.#queue.unshift(first);
      return;
    }
    for (const task of [first, ...this.#queue.splice(0)]) {
      await this.#carryOut(task, (each) => each.settleRest(outcome));
    }
  }

  async #carryOut(task: MailTask, work: (task: MailTask) => Promise<void>): Promise<void> {
    try {
      await work(task);
      if (task.unsettled > 0) {
        throw new TypeError(`${this.#deliverer.name} left ${task.unsettled} recipients without outcome`);
      }
    } catch (error) {
      if (task.spoolFault === null && !task.withdrawn) {
        this.#bug(error, task.mail.id);
        // Without an outcome it would be claimed again at once, and so on: then rather nothing is begun for a while.
        await task.settleRest(BUG).catch((reason) => task.spoolFault ??= reason);
      }
    } finally {
      this.#context.done(task);
    }
  }

  #bug(error: unknown, id: string | null): void {
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    this.#context.log({ kind: "bug", where: `deliverer ${this.#deliverer.name}`, id, text });
  }
}

const BUG: DeliveryOutcome = { kind: "deferred", cause: "local", reply: "451 4.3.0 Internal error while delivering" };
