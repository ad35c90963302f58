/**
 * All that goes to one hop: a queue in which accounts take turns, and conversations that work it off, as many as the hop bears.
 *
 * @module
 */

import type { Log } from "../log/event.ts";
import type { DeliveryOutcome } from "../spool/spool.ts";
import type { Clock } from "./clock.ts";
import { afterSuccess, afterTrouble, allowed, UNTRIED } from "./adaptive.ts";
import type { Deliverer, DeliverySession, DeliveryTask, Hop } from "./deliverer.ts";
import { FairQueue } from "./fair_queue.ts";
import { accountOf } from "./in_work.ts";
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
  readonly #queue = new FairQueue<MailTask>();
  #concurrency = UNTRIED;
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
    this.#queue.push(accountOf(task.mail), task);
    this.#fill();
  }

  /** The next task asks the hop anew, also where it refused our login a moment ago. */
  forgive(): void {
    this.#refused = null;
  }

  /** Begins no more conversations and gives back the tasks that are not begun. */
  retire(): readonly MailTask[] {
    this.#retired = true;
    return this.#queue.drain();
  }

  /** Waits for the conversations under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#conversations);
  }

  /** As many conversations as there may be, and mails for. */
  #fill(): void {
    while (!this.#retired && this.#conversations.size < allowed(this.#concurrency, this.#deliverer.concurrency)) {
      const first = this.#queue.shift();
      if (first === undefined) return;
      const conversation = this.#converse(first).then((opened) => {
        this.#conversations.delete(conversation);
        // One that could not be opened is not tried anew while others go on.
        if (opened || this.#conversations.size === 0) this.#fill();
      });
      this.#conversations.add(conversation);
    }
  }

  /** Works the queue off in one conversation, as long as that can be used; the result is whether there was one. */
  async #converse(first: MailTask): Promise<boolean> {
    const session = await this.#open(first);
    if (session === null) return false;
    try {
      for (let task: MailTask | undefined = first; task !== undefined;) {
        let trouble = false;
        const watched = (each: MailTask) => watch(each, () => trouble = true);
        await this.#carryOut(task, (each) => session.deliver(watched(each), this.#context.signal));
        this.#note(trouble);
        task = session.usable && !this.#retired && this.#mayGoOn() ? this.#queue.shift() : undefined;
        task?.begin();
        // This conversation comes first: another one might not be had.
        this.#fill();
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

  /** With too many conversations the one that has just ended its mail is the one too many. */
  #mayGoOn(): boolean {
    return this.#conversations.size <= allowed(this.#concurrency, this.#deliverer.concurrency);
  }

  #note(trouble: boolean): void {
    this.#concurrency = trouble
      ? afterTrouble(this.#concurrency)
      : afterSuccess(this.#concurrency, this.#deliverer.concurrency);
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
      this.#concurrency = afterTrouble(this.#concurrency);
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
      this.#queue.putBack(accountOf(first.mail), first);
      return;
    }
    for (const task of [first, ...this.#queue.drain()]) {
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

/** The task, with an eye on what says something of the hop and nothing of the mail. */
function watch(task: MailTask, trouble: () => void): DeliveryTask {
  return {
    mail: task.mail,
    recipients: task.recipients,
    content: () => task.content(),
    attempting: (recipients) => task.attempting(recipients),
    settle: (recipient, outcome) => {
      if (isTrouble(outcome)) trouble();
      return task.settle(recipient, outcome);
    },
  };
}

function isTrouble(outcome: DeliveryOutcome): boolean {
  if (outcome.kind !== "deferred") return false;
  const { cause, reply } = outcome;
  return cause === "network" || cause === "tls" || (cause === "refused" && reply.startsWith("421"));
}

const BUG: DeliveryOutcome = { kind: "deferred", cause: "local", reply: "451 4.3.0 Internal error while delivering" };
