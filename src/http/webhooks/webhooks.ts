/**
 * Webhooks: what happens is put into the outbox for everybody who wants it, and from there sent until it is taken.
 *
 * @module
 */

import type { Config, WebhookConfig, WebhookEvent } from "../../config/config.ts";
import type { Clock } from "../../delivery/clock.ts";
import { printable } from "../../lib/text.ts";
import type { Log, LogEvent } from "../../log/event.ts";
import type { Outbox, OutboxItem } from "../../records/records.ts";
import type { QueueCensus } from "../../spool/spool.ts";
import { newWebhookId, type Telling, webhookBody } from "./message.ts";
import { Observer } from "./observer.ts";
import { type Fetch, type SendProblem, sendWebhook, shownUrl } from "./send.ts";

/** What of the configuration webhooks go by. */
export type WebhookSettings = Pick<Config, "hostname" | "webhooks" | "delivery">;

/** What webhooks live with. */
export interface WebhookParts {
  readonly outbox: Outbox;
  /** The configuration in force. */
  readonly settings: () => WebhookSettings;
  /** Asked every half minute where somebody wants to hear of an old queue. */
  readonly census: () => Promise<Pick<QueueCensus, "oldest" | "mails">>;
  /** When the certificate shown to clients ends; `null`: there is none. */
  readonly certificateEnds: () => number | null;
  readonly log: Log;
  readonly clock: Clock;
  /** Default: the runtime's. */
  readonly fetch?: Fetch;
}

/** Webhooks under way. Disposing cuts what is being sent; it stays in the outbox. */
export interface Webhooks extends AsyncDisposable {
  /** Takes each event of the log. Never throws and never waits, but for the outbox where there is something to tell. */
  note(event: LogEvent): void;
  /** Says that other settings are in force. */
  configure(): void;
}

const LOOK_EVERY_MS = 30_000;
const FIRST_RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 3_600_000;
const GIVE_UP_MS = 3 * 86_400_000;
const BATCH = 100;
/** How long nothing is sent after the outbox could not be used: what cannot be crossed off would be sent again and again. */
const FAULT_PAUSE_MS = 60_000;

/** Begins at once: with what an earlier process left, and with a first look at certificate and queue. */
export function createWebhooks(parts: WebhookParts): Webhooks {
  const webhooks = new OutboxWebhooks(parts);
  webhooks.configure();
  // The log takes `note` away from here.
  return {
    note: (event) => webhooks.note(event),
    configure: () => webhooks.configure(),
    [Symbol.asyncDispose]: () => webhooks[Symbol.asyncDispose](),
  };
}

class OutboxWebhooks implements Webhooks {
  readonly #parts: WebhookParts;
  readonly #fetch: Fetch;
  readonly #observer = new Observer();
  readonly #stop = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #pumping = false;
  #again = false;
  #pausedUntil = -Infinity;
  #wake: Disposable | null = null;
  #look: Disposable | null = null;
  #looking = false;

  constructor(parts: WebhookParts) {
    this.#parts = parts;
    this.#fetch = parts.fetch ?? ((url, init) => fetch(url, init));
  }

  note(event: LogEvent): void {
    this.#tell(this.#observer.note(event, { now: this.#parts.clock.now() }));
  }

  configure(): void {
    this.#kick();
    this.#watch();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#wake?.[Symbol.dispose]();
    this.#look?.[Symbol.dispose]();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** Puts into the outbox what somebody wants, once for each URL. */
  #tell(tellings: readonly Telling[], wants: (webhook: WebhookConfig) => boolean = () => true): void {
    if (tellings.length === 0 || this.#stop.signal.aborted) return;
    const { outbox, settings, clock } = this.#parts;
    const { hostname, webhooks } = settings();
    const now = clock.now();
    for (const telling of tellings) {
      const wanted = webhooks.filter((each) => each.events.some((type) => type === telling.type) && wants(each));
      const body = webhookBody(telling, { hostname, at: now });
      for (const url of new Set(wanted.map((webhook) => webhook.url))) {
        this.#guard(() => outbox.add({ id: newWebhookId(), url, body }, now));
      }
    }
    this.#kick();
  }

  /** Looks now and from then on, where somebody wants to hear of it. */
  #watch(): void {
    this.#look?.[Symbol.dispose]();
    this.#look = null;
    const { settings, clock } = this.#parts;
    if (this.#stop.signal.aborted || settings().webhooks.length === 0) return;
    this.#look = clock.wakeAt(clock.now() + LOOK_EVERY_MS, () => this.#watch());
    if (!this.#looking) this.#track(this.#lookRound());
  }

  async #lookRound(): Promise<void> {
    const { certificateEnds, census, clock } = this.#parts;
    if (this.#wanting("certificate-near-end").length > 0) {
      this.#tell(this.#observer.certificate(certificateEnds(), clock.now()));
    }
    if (this.#wanting("queue-old").length === 0) return;
    this.#looking = true;
    // A spool that gives no answer has raised its own alarm.
    const queue = await census().catch(() => null).finally(() => this.#looking = false);
    if (queue === null) return;
    for (const age of new Set(this.#wanting("queue-old").map(({ queueAgeMs }) => queueAgeMs))) {
      this.#tell(this.#observer.queue(queue, age, clock.now()), ({ queueAgeMs }) => queueAgeMs === age);
    }
  }

  #wanting(type: WebhookEvent): readonly WebhookConfig[] {
    return this.#parts.settings().webhooks.filter(({ events }) => events.includes(type));
  }

  /** One round at a time; who comes in between makes it go round once more. */
  #kick(): void {
    this.#again = true;
    if (!this.#pumping && !this.#stop.signal.aborted) this.#track(this.#pump());
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      while (this.#again && !this.#stop.signal.aborted && !this.#isPaused()) {
        this.#again = false;
        const { outbox, clock } = this.#parts;
        const due = this.#guard(() => outbox.due(clock.now(), BATCH)) ?? [];
        const byUrl = Map.groupBy(due, ({ url }) => url);
        await Promise.all([...byUrl].map(([url, items]) => this.#sendAll(url, items)));
        if (due.length === BATCH) this.#again = true;
      }
      this.#sleep();
    } finally {
      this.#pumping = false;
    }
  }

  #sleep(): void {
    const { outbox, clock } = this.#parts;
    this.#wake?.[Symbol.dispose]();
    this.#wake = null;
    if (this.#stop.signal.aborted) return;
    const next = this.#guard(() => outbox.nextDue()) ?? null;
    if (next === null && !this.#isPaused()) return;
    this.#wake = clock.wakeAt(Math.max(next ?? 0, this.#pausedUntil), () => this.#kick());
  }

  #isPaused(): boolean {
    return this.#parts.clock.now() < this.#pausedUntil;
  }

  /** The webhooks for one receiver, one after the other. One that gives no answer is not bothered with the rest. */
  async #sendAll(url: string, items: readonly OutboxItem[]): Promise<void> {
    const { outbox, settings, clock } = this.#parts;
    const { signal } = this.#stop;
    let silent: SendProblem | null = null;
    for (const item of items) {
      const secrets = settings().webhooks.filter((webhook) => webhook.url === url).map(({ secret }) => secret);
      if (secrets.length === 0) {
        // It was taken out of the configuration.
        this.#guard(() => outbox.drop(item.id));
        continue;
      }
      if (silent !== null) {
        this.#failed(item, silent);
        continue;
      }
      const request = { url, id: item.id, body: item.body, secrets };
      const sent = await sendWebhook(request, { fetch: this.#fetch, now: () => clock.now(), signal });
      if (signal.aborted && !sent.ok) return;
      if (sent.ok) this.#guard(() => outbox.sent(item.id));
      else this.#failed(item, sent.problem);
      if (!sent.ok && sent.problem.kind === "silent") silent = sent.problem;
    }
  }

  #failed(item: OutboxItem, { kind, why }: SendProblem): void {
    const { outbox, clock, log } = this.#parts;
    const now = clock.now();
    const what = `${typeOf(item.body)} to ${shownUrl(item.url)}`;
    if (kind === "gone" || now - item.created >= GIVE_UP_MS) {
      this.#guard(() => outbox.drop(item.id));
      log({ kind: "alarm", about: "webhook", text: `Gave up sending ${what}: ${why}` });
      return;
    }
    const wait = Math.min(FIRST_RETRY_MS * 2 ** Math.min(item.attempts, 20), LONGEST_RETRY_MS);
    this.#guard(() => outbox.failed(item.id, { due: now + wait, error: why }));
    if (item.attempts > 0) return;
    log({ kind: "warning", about: "webhook", text: `Cannot send ${what}, so it is tried again for 3 days: ${why}` });
  }

  /** The outbox is a file: trouble with it is told once a minute, and nobody who logs in has to suffer for it. */
  #guard<Value>(use: () => Value): Value | undefined {
    try {
      return use();
    } catch (error) {
      if (this.#isPaused()) return undefined;
      this.#pausedUntil = this.#parts.clock.now() + FAULT_PAUSE_MS;
      const reason = error instanceof Error ? printable(error.message) : "unknown reason";
      this.#parts.log({ kind: "alarm", about: "webhook", text: `Cannot use the outbox of webhooks: ${reason}` });
      return undefined;
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch((error) => {
      const text = error instanceof Error ? error.stack ?? error.message : String(error);
      this.#parts.log({ kind: "bug", where: "webhooks", id: null, text });
    }).finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }
}

/** Of a body of our own making. */
function typeOf(body: string): string {
  const type: unknown = Reflect.get(Object(JSON.parse(body)), "type");
  return typeof type === "string" ? type : "webhook";
}
