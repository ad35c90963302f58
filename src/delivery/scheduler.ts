/**
 * Takes mails that are due from the spool and brings them on their way: one lane a hop, so that a slow hop keeps nobody else waiting.
 * It sleeps until something is due or somebody calls `kick`; it never polls.
 *
 * @module
 */

import type { Log } from "../log/event.ts";
import type { DeliveryOutcome, QueuedMail, QueuedRecipient, Spool } from "../spool/spool.ts";
import { SpoolError } from "../spool/spool_error.ts";
import type { Clock } from "./clock.ts";
import type { Deliverer, Hop } from "./deliverer.ts";
import { expandDurably, expansionOf, NO_MEMBERS } from "./expand.ts";
import { type MailInWork, MailsInWork } from "./in_work.ts";
import type { DkimSigner } from "./dkim_signer.ts";
import { Lane } from "./lane.ts";
import { MailTask, type SettleContext } from "./mail_task.ts";
import { DEFAULT_NOTICES, type NoticeSettings } from "./notice.ts";
import { Notifier } from "./notifier.ts";
import { hopKey, planMail, type PlannedGroup } from "./plan.ts";
import type { RetrySettings } from "./retry.ts";
import type { RouteSettings } from "./routes.ts";

/** What a configuration says about delivery. */
export interface SchedulerSettings extends RouteSettings, RetrySettings {
  readonly hostname: string;
  /** Default `DEFAULT_NOTICES`. */
  readonly notices?: NoticeSettings;
  /** Signs what we write ourselves. Default: nothing is signed. */
  readonly signer?: DkimSigner;
  /** By the name of the route. Whoever made them disposes them, once `configure` with others, or `stop`, has resolved. */
  readonly deliverers: ReadonlyMap<string, Deliverer>;
  /** Timetables of routes that have their own. */
  readonly timetables?: ReadonlyMap<string, RetrySettings>;
}

/** What the scheduler lives with. */
export interface SchedulerContext {
  readonly spool: Spool;
  readonly log: Log;
  readonly clock: Clock;
}

/** Delivery under way. */
export interface Scheduler extends AsyncDisposable {
  /** From now on by these settings. Resolves when no conversation by the old ones is left; those end with their current mail. */
  configure(settings: SchedulerSettings): Promise<void>;
  /** Says that something may have become due. Returns at once. */
  kick(): void;
  /** Somebody wants what waits to be tried now: hops that refused our login are asked again at once. To be called before that is due. */
  forgive(): void;
  /** How many mails are in work. */
  active(): number;
  /**
   * Begins nothing more and resolves when no conversation is left. Aborting the signal cuts those under way; where the final dot is
   * sent, what the other side may have taken is waited for some seconds more.
   */
  stop(signal: AbortSignal): Promise<void>;
}

const LEASE_MS = 15 * 60_000;
/** How long nothing is begun after the spool could not keep an outcome. */
const FAULT_PAUSE_MS = 60_000;
/** A wake-up in the past still waits this long. */
const SHORTEST_WAIT_MS = 20;

/** Starts delivery at once. */
export function startScheduler(context: SchedulerContext & { readonly settings: SchedulerSettings }): Scheduler {
  const { settings, ...rest } = context;
  const scheduler = new SpoolScheduler(rest, settings);
  scheduler.kick();
  return scheduler;
}

class SpoolScheduler implements Scheduler {
  readonly #context: SchedulerContext;
  #settings: SchedulerSettings;
  #lanes = new Map<string, Lane>();
  readonly #mails = new MailsInWork();
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #abort = new AbortController();
  readonly #notifier: Notifier;
  #stopped = false;
  #pumping = false;
  #again = false;
  #pausedUntil = 0;
  /** When the last lease ends that could not be given back; `nextDue` does not see such mails. */
  #strayLeaseEnd = 0;
  #wake: Disposable | null = null;
  #renewal: Disposable | null = null;

  constructor(context: SchedulerContext, settings: SchedulerSettings) {
    this.#context = context;
    this.#settings = settings;
    this.#notifier = new Notifier({
      ...context,
      settings: () => {
        const { hostname, notices = DEFAULT_NOTICES, signer = null } = this.#settings;
        return { hostname, notices, signer };
      },
    });
  }

  async configure(settings: SchedulerSettings): Promise<void> {
    this.#settings = settings;
    const old = [...this.#lanes.values()];
    this.#lanes = new Map();
    for (const task of old.flatMap((lane) => lane.retire())) {
      this.#track(this.#plan(task.mail, task.recipients));
      this.#done(task);
    }
    const idle = Promise.all(old.map((lane) => lane.idle()));
    this.#track(idle);
    await idle;
  }

  kick(): void {
    this.#again = true;
    if (!this.#pumping && !this.#stopped) this.#track(this.#pump());
  }

  forgive(): void {
    for (const lane of this.#lanes.values()) lane.forgive();
  }

  active(): number {
    return this.#mails.size;
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#stopped = true;
    this.#wakeAt(null);
    const abort = () => this.#abort.abort();
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    for (const lane of this.#lanes.values()) {
      this.#track(lane.idle());
      for (const task of lane.retire()) this.#done(task);
    }
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
    signal.removeEventListener("abort", abort);
    this.#renewal?.[Symbol.dispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop(AbortSignal.abort());
  }

  /** One at a time: whoever comes in between makes it go round once more. */
  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        await this.#claim();
        await this.#sleep();
      }
    } catch (error) {
      this.#pause(error);
    } finally {
      this.#pumping = false;
    }
  }

  async #claim(): Promise<void> {
    const { spool, clock } = this.#context;
    if (clock.now() >= this.#pausedUntil) await this.#notifier.tellLate();
    for (;;) {
      const now = clock.now();
      const { room, crowded } = this.#mails;
      if (this.#stopped || room <= 0 || now < this.#pausedUntil) return;
      const mails = await spool.claim(now, room, LEASE_MS, { crowded });
      // A machine that slept may have missed the renewal of a lease: what is in work stays as it is.
      for (const mail of mails) if (!this.#mails.has(mail.id)) this.#begin(mail, now);
      if (mails.length < room) return;
    }
  }

  async #sleep(): Promise<void> {
    const { spool, clock } = this.#context;
    this.#wakeAt(null);
    // With no room left it goes on at the end of a mail.
    if (this.#mails.room <= 0) return;
    const now = clock.now();
    const due = await spool.nextDue() ?? Infinity;
    const stray = this.#strayLeaseEnd > now ? this.#strayLeaseEnd : Infinity;
    const next = Math.min(due, stray, this.#notifier.next() ?? Infinity);
    if (next === Infinity) return;
    this.#wakeAt(Math.max(next, this.#pausedUntil, now + SHORTEST_WAIT_MS));
  }

  /** There is one timer. */
  #wakeAt(at: number | null): void {
    this.#wake?.[Symbol.dispose]();
    this.#wake = at === null || this.#stopped ? null : this.#context.clock.wakeAt(at, () => this.kick());
  }

  #begin(mail: QueuedMail, now: number): void {
    const open = mail.recipients.filter(({ state }) =>
      state === "waiting" || state === "attempting" || state === "held"
    );
    this.#mails.add(mail, open.length);
    this.#renewal ??= this.#scheduleRenewal();
    this.#track(this.#plan(mail, mail.recipients.filter((each) => each.state === "waiting" && each.due <= now)));
  }

  /** Finds each recipient's way and hands the tasks to their lanes. */
  async #plan(mail: QueuedMail, recipients: readonly QueuedRecipient[]): Promise<void> {
    const inWork = this.#mails.get(mail.id);
    if (inWork === undefined) return;
    // Planning counts as a task, so that the mail is not given back before its last task is known.
    inWork.tasks++;
    const { log } = this.#context;
    let settings: SchedulerSettings;
    let groups: readonly PlannedGroup[];
    do {
      settings = this.#settings;
      groups = await planMail(mail, recipients, { settings, log, signal: this.#abort.signal });
    } while (settings !== this.#settings);
    for (const group of this.#stopped ? [] : groups) {
      inWork.tasks++;
      if (group.kind === "expand") this.#track(this.#expand(inWork, group));
      else this.#handOver(mail, group);
    }
    this.#leave(inWork);
  }

  /** Puts the members in the place of an alias; those of this mail go on their way at once. */
  async #expand(
    inWork: MailInWork,
    { recipient, groups }: Extract<PlannedGroup, { readonly kind: "expand" }>,
  ): Promise<void> {
    const { mail } = inWork;
    const expansion = expansionOf(mail, recipient, groups);
    if (expansion === null) {
      const task = new MailTask(mail, [{ ...recipient, account: null }], null, this.#settleContext(null));
      return await this.#settle(task, NO_MEMBERS);
    }
    try {
      const added = await expandDurably(mail, { recipient, expansion, groups }, this.#context);
      this.#mails.grow(inWork, added.length);
      this.#finished(mail.id);
      this.#notifier.isDue(mail.id);
      await this.#plan(mail, added);
    } catch (error) {
      // Somebody has removed or held it meanwhile.
      if (!(error instanceof SpoolError && error.problem === "not-there")) this.#pause(error);
    }
    this.#leave(inWork);
  }

  #handOver(mail: QueuedMail, group: Exclude<PlannedGroup, { readonly kind: "expand" }>): void {
    const hop = group.kind === "hop" ? group.hop : null;
    const task = new MailTask(mail, group.recipients, hop, this.#settleContext(hop));
    if (group.kind === "settled") {
      this.#track(this.#settle(task, group.outcome));
      return;
    }
    const key = hopKey(group.hop);
    const deliverer = this.#settings.deliverers.get(group.hop.route);
    if (deliverer === undefined) {
      const text = `There is no way to deliver by "${group.hop.route}": set [delivery.local] or [delivery.smarthost]`;
      this.#context.log({ kind: "alarm", about: "delivery", text });
      this.#track(this.#settle(task, NOT_CONFIGURED));
      return;
    }
    const { log, clock } = this.#context;
    const context = { log, clock, signal: this.#abort.signal, done: (each: MailTask) => this.#done(each) };
    this.#lanes.getOrInsertComputed(key, () => new Lane(group.hop, deliverer, context)).push(task);
  }

  async #settle(task: MailTask, outcome: DeliveryOutcome): Promise<void> {
    try {
      await task.settleRest(outcome);
    } catch (error) {
      // Whatever it is, the mail may not be claimed again at once.
      task.spoolFault ??= error;
    }
    this.#done(task);
  }

  #settleContext(hop: Hop | null): SettleContext {
    const { notices = DEFAULT_NOTICES, timetables } = this.#settings;
    const { retryMs, giveUpMs } = (hop === null ? undefined : timetables?.get(hop.route)) ?? this.#settings;
    return {
      ...this.#context,
      notices,
      retry: { retryMs, giveUpMs },
      signal: this.#abort.signal,
      finished: (mail) => this.#finished(mail),
      noticeDue: (mail) => this.#notifier.isDue(mail),
    };
  }

  #finished(id: string): void {
    const inWork = this.#mails.get(id);
    if (inWork !== undefined && --inWork.open === 0) {
      this.#context.log({ kind: "mail-done", mail: id, ms: this.#context.clock.now() - inWork.mail.received });
    }
  }

  #done(task: MailTask): void {
    const inWork = this.#mails.get(task.mail.id);
    if (inWork === undefined) return;
    if (task.spoolFault !== null) this.#pause(task.spoolFault);
    this.#leave(inWork);
  }

  /** One task less; with the last one the mail goes back to the spool. */
  #leave(inWork: MailInWork): void {
    if (--inWork.tasks > 0) return;
    this.#mails.remove(inWork);
    this.#track(this.#giveBack(inWork));
  }

  async #giveBack({ mail }: MailInWork): Promise<void> {
    try {
      await this.#context.spool.unclaim(mail.id);
    } catch (error) {
      this.#strayLeaseEnd = this.#context.clock.now() + LEASE_MS;
      this.#pause(error);
    }
    await this.#notifier.tell(mail.id).catch((error) => this.#pause(error));
    this.kick();
  }

  #scheduleRenewal(): Disposable {
    const { clock } = this.#context;
    return clock.wakeAt(clock.now() + LEASE_MS / 3, () => this.#track(this.#renew()));
  }

  async #renew(): Promise<void> {
    try {
      for (const id of this.#mails.ids) await this.#context.spool.renew(id, LEASE_MS);
    } catch (error) {
      this.#pause(error);
    }
    this.#renewal = this.#mails.size > 0 ? this.#scheduleRenewal() : null;
  }

  /** Nothing is sent whose outcome cannot be kept. */
  #pause(error: unknown): void {
    const { clock, log } = this.#context;
    if (clock.now() < this.#pausedUntil) return;
    const reason = error instanceof Error ? error.message : "unknown reason";
    log({
      kind: "alarm",
      about: "spool",
      text: `The spool does not work, so nothing is delivered for a minute: ${reason}`,
    });
    this.#pausedUntil = clock.now() + FAULT_PAUSE_MS;
    this.#wakeAt(this.#pausedUntil);
  }

  /** Remembers what is under way, for `stop`. */
  #track(work: Promise<unknown>): void {
    const tracked = work.finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }
}

const NOT_CONFIGURED: DeliveryOutcome = {
  kind: "deferred",
  cause: "local",
  reply: "451 4.3.5 The server is not configured to deliver this",
};
