/**
 * A scheduler over a real spool, with a clock that the test moves and deliverers that do what the test says.
 *
 * @module
 */

import type { Account } from "../../src/backend.ts";
import type { Clock } from "../../src/delivery/clock.ts";
import type { Deliverer, DeliverySession, DeliveryTask, Hop } from "../../src/delivery/deliverer.ts";
import { type Scheduler, type SchedulerSettings, startScheduler } from "../../src/delivery/scheduler.ts";
import { fail, type Result, succeed } from "../../src/lib/result.ts";
import type { Log, LogEvent } from "../../src/log/event.ts";
import type { LocalRecipients, LocalResolution } from "../../src/policy/local_recipients.ts";
import type { DeliveryOutcome, Spool } from "../../src/spool/spool.ts";
import { openTestSpool, tempDir, type TestSpool } from "../spool/fixture.ts";

/** A clock that stands still until `advance`. */
export class ManualClock implements Clock {
  time = 1_800_000_000_000;
  readonly #timers = new Set<{ readonly at: number; readonly wake: () => void }>();

  now(): number {
    return this.time;
  }

  wakeAt(at: number, wake: () => void): Disposable {
    const timer = { at, wake };
    this.#timers.add(timer);
    // A timer in the past fires soon, as the system's does.
    if (at <= this.time) queueMicrotask(() => this.#timers.delete(timer) && wake());
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  /** The times at which somebody wants to be woken. */
  get wakes(): readonly number[] {
    return [...this.#timers].map(({ at }) => at).toSorted((a, b) => a - b);
  }

  advance(ms: number): void {
    this.time += ms;
    for (const timer of [...this.#timers]) {
      if (timer.at > this.time || !this.#timers.delete(timer)) continue;
      timer.wake();
    }
  }
}

/** A log in which a test can wait for something. */
export class WatchedLog {
  readonly events: LogEvent[] = [];
  #changed = Promise.withResolvers<void>();

  readonly log: Log = (event) => {
    this.events.push(event);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  };

  /** Waits until there are `count` events of this kind, and gives them. */
  async until<Kind extends LogEvent["kind"]>(
    kind: Kind,
    count = 1,
  ): Promise<readonly Extract<LogEvent, { kind: Kind }>[]> {
    while (this.of(kind).length < count) await this.#changed.promise;
    return this.of(kind);
  }

  of<Kind extends LogEvent["kind"]>(kind: Kind): readonly Extract<LogEvent, { kind: Kind }>[] {
    const isOfKind = (event: LogEvent): event is Extract<LogEvent, { kind: Kind }> => event.kind === kind;
    return this.events.filter(isOfKind);
  }
}

/** What a deliverer of a test does with a task. Default: everybody is relayed. */
export type Behaviour = (task: DeliveryTask, signal: AbortSignal) => Promise<void>;

/** A deliverer that counts. */
export class TestDeliverer implements Deliverer {
  readonly name: string;
  readonly concurrency: number;
  behave: Behaviour = settleWith({ kind: "relayed", reply: "250 2.0.0 OK" });
  /** Why no conversation can be opened. */
  problem: DeliveryOutcome | null = null;
  usable = true;
  opened = 0;
  open_ = 0;
  mostOpen = 0;

  constructor(name: string, concurrency = 2) {
    this.name = name;
    this.concurrency = concurrency;
  }

  open(_hop: Hop, _signal: AbortSignal): Promise<Result<DeliverySession, DeliveryOutcome>> {
    this.opened++;
    if (this.problem !== null) return Promise.resolve(fail(this.problem));
    this.mostOpen = Math.max(this.mostOpen, ++this.open_);
    const usable = () => this.usable;
    return Promise.resolve(succeed({
      deliver: (task: DeliveryTask, signal: AbortSignal) => this.behave(task, signal),
      get usable() {
        return usable();
      },
      [Symbol.asyncDispose]: () => {
        this.open_--;
        return Promise.resolve();
      },
    }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** Gives every recipient this outcome. */
export function settleWith(outcome: DeliveryOutcome): Behaviour {
  return async (task) => {
    await task.attempting(task.recipients.map(({ id }) => id));
    for (const { id } of task.recipients) await task.settle(id, outcome);
  };
}

export const RETRY_MS = [300_000, 900_000];
export const GIVE_UP_MS = 3_600_000;

/** `@here` is local, `nobody@here` unknown, `down@here` cannot be told. */
export const RECIPIENTS: LocalRecipients = {
  resolve: (forwardPath) => {
    const resolution: LocalResolution = forwardPath === "nobody@here"
      ? { kind: "unknown" }
      : forwardPath === "down@here"
      ? { kind: "unavailable", cause: "no answer" }
      : forwardPath.endsWith("@here")
      ? { kind: "local", account: accountNamed(forwardPath) }
      : { kind: "not-local" };
    return Promise.resolve(resolution);
  },
};

export function accountNamed(name: string): Account {
  return { name, backend: "people", addresses: [], groups: [], attributes: {} };
}

/** All that a test of the scheduler needs. */
export interface Stage extends AsyncDisposable {
  readonly scheduler: Scheduler;
  readonly spool: Spool;
  readonly clock: ManualClock;
  readonly log: WatchedLog;
  readonly smarthost: TestDeliverer;
  readonly maildir: TestDeliverer;
  readonly settings: SchedulerSettings;
  readonly dir: string;
}

/** Starts one. `wrap`: what the scheduler gets for the spool. */
export async function startStage(
  options: {
    readonly settings?: Partial<SchedulerSettings>;
    readonly wrap?: (spool: Spool) => Spool;
    readonly prepare?: (spool: Spool, deliverers: { readonly smarthost: TestDeliverer }) => Promise<unknown>;
  } = {},
): Promise<Stage> {
  const dir = await tempDir();
  const clock = new ManualClock();
  const log = new WatchedLog();
  const smarthost = new TestDeliverer("smarthost");
  const maildir = new TestDeliverer("maildir");
  maildir.behave = settleWith({ kind: "delivered", reply: "250 2.0.0 Stored" });
  let kick = () => {};
  const opened: TestSpool = await openTestSpool(dir.path, { clock, onDue: () => kick(), log: log.log });
  await options.prepare?.(opened.spool, { smarthost });
  const settings: SchedulerSettings = {
    hostname: "mail.foobar.co.jp",
    recipients: RECIPIENTS,
    smarthost: { route: "smarthost", host: "smtp.example.net", port: 587 },
    deliverers: new Map([["smarthost", smarthost], ["maildir", maildir]]),
    retryMs: RETRY_MS,
    giveUpMs: GIVE_UP_MS,
    ...options.settings,
  };
  const spool = options.wrap?.(opened.spool) ?? opened.spool;
  const scheduler = startScheduler({ spool, log: log.log, clock, settings });
  kick = () => scheduler.kick();
  return {
    ...{ scheduler, spool: opened.spool, clock, log, smarthost, maildir, settings, dir: dir.path },
    [Symbol.asyncDispose]: async () => {
      await scheduler[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}
