/**
 * What is worth telling: out of the events of the log, and out of a look at the certificate and the queue now and then. Pure: time is an
 * argument, and what was told before is remembered here.
 *
 * @module
 */

import type { LogEvent } from "../../log/event.ts";
import type { QueueCensus } from "../../spool/spool.ts";
import type { Telling } from "./message.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A certificate is near its end from here on, as for readiness. */
const NEAR_MS = 14 * DAY_MS;

/** Remembers what was told. */
export class Observer {
  readonly #down = new Set<string>();
  #certificateTold: { readonly ends: number; readonly at: number } | null = null;
  /** When, by route; the empty string: that of no certain one. */
  readonly #refusalTold = new Map<string, number>();
  /** By the age that counts as old: receivers may differ in it. */
  readonly #queueTold = new Map<number, number>();

  /**
   * An event of the log. A backend is told down once until it is up, also where a reload forgot that it was down: then the next login that it
   * decides tells. A refusal of a smarthost is told once an hour for each route, until a mail goes through.
   */
  note(event: LogEvent, { now }: { readonly now: number }): readonly Telling[] {
    switch (event.kind) {
      case "account-held":
        return [{ type: "account-held", data: { account: event.account, rule: event.rule, by: event.by } }];
      case "backend-down":
        if (this.#down.has(event.backend)) return [];
        this.#down.add(event.backend);
        return [{ type: "backend-down", data: { backend: event.backend, reason: event.reason } }];
      case "backend-up":
        return this.#isUp(event.backend);
      case "authentication":
        if (this.#down.size === 0) return [];
        return event.chain.filter(({ answer }) => ANSWERED_REGEXP.test(answer)).flatMap(({ backend }) =>
          this.#isUp(backend)
        );
      case "banned": {
        const { network, until, reason, by } = event;
        return [{ type: "network-banned", data: { network, until, reason, by } }];
      }
      case "alarm":
        return event.about === "smarthost-auth" ? this.#refusal(event, now) : [];
      case "delivery":
        if (event.outcome === "relayed") this.#refusalTold.delete(event.route);
        return [];
      default:
        return [];
    }
  }

  /** The certificate, once a day from 14 days before its end; a new one that is near its end too is told of at once. */
  certificate(ends: number | null, now: number): readonly Telling[] {
    if (ends === null || ends - now > NEAR_MS) return [];
    const told = this.#certificateTold;
    if (told !== null && told.ends === ends && now - told.at < DAY_MS) return [];
    this.#certificateTold = { ends, at: now };
    const daysLeft = Math.floor((ends - now) / DAY_MS);
    return [{ type: "certificate-near-end", data: { expires: new Date(ends).toISOString(), daysLeft } }];
  }

  /** The queue, for receivers to whom a mail is old after `ageMs`: once an hour while there is an older one. */
  queue({ oldest, mails }: Pick<QueueCensus, "oldest" | "mails">, ageMs: number, now: number): readonly Telling[] {
    if (oldest === null || now - oldest <= ageMs) {
      this.#queueTold.delete(ageMs);
      return [];
    }
    if (now - (this.#queueTold.get(ageMs) ?? -Infinity) < HOUR_MS) return [];
    this.#queueTold.set(ageMs, now);
    const ageMinutes = Math.floor((now - oldest) / MINUTE_MS);
    return [{ type: "queue-old", data: { oldest: new Date(oldest).toISOString(), ageMinutes, mails } }];
  }

  #refusal(
    { route = "", smarthost, text }: Extract<LogEvent, { kind: "alarm" }>,
    now: number,
  ): readonly Telling[] {
    if (now - (this.#refusalTold.get(route) ?? -Infinity) < HOUR_MS) return [];
    this.#refusalTold.set(route, now);
    return [{
      type: "smarthost-refused",
      data: { smarthost: smarthost ?? null, route: route === "" ? null : route, reason: text },
    }];
  }

  #isUp(backend: string): readonly Telling[] {
    return this.#down.delete(backend) ? [{ type: "backend-up", data: { backend } }] : [];
  }
}

/** A step of a chain in which the backend itself spoke. */
const ANSWERED_REGEXP = /^(?:accepted|verifiers|rejected)\b/;
