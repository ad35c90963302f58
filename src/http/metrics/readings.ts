/**
 * What is read when metrics are asked for, as families. Pure: whoever calls has asked.
 *
 * @module
 */

import type { HealthReport } from "../health.ts";
import type { QueueCensus } from "../../spool/spool.ts";
import type { Family, Sample } from "./exposition.ts";

/** The sessions of one listener. */
export interface SessionCount {
  readonly open: number;
  /** Since the start. */
  readonly total: number;
}

/** All that was read; `null` is what could not be read in time. Times are milliseconds since the epoch. */
export interface Readings {
  readonly now: number;
  readonly health: HealthReport | null;
  readonly census: QueueCensus | null;
  /** The route that mail for a domain takes. */
  readonly routeOf: (domain: string) => string;
  /** Every route that there is. */
  readonly routes: readonly string[];
  /** By the listener's name. */
  readonly sessions: ReadonlyMap<string, SessionCount>;
  /** Mails in work. */
  readonly delivering: number;
  readonly certificateEnds: number | null;
  /** Bans in force, and connections of such addresses since the start. */
  readonly bans: { readonly inForce: number; readonly turnedAway: number };
  /** How many accounts are on hold. Default: not told. */
  readonly accountsHeld?: number;
}

/** What a process knows of itself. */
export interface ProcessReadings {
  readonly version: string;
  readonly runtime: string;
  readonly started: number;
  readonly residentOctets: number;
  readonly heapOctets: number;
  readonly cpuSeconds: number;
}

const QUEUE_STATES = ["waiting", "attempting", "held"] as const;

/** The families of what was read. */
export function readingFamilies(readings: Readings): readonly Family[] {
  const { sessions, delivering, certificateEnds, accountsHeld, health, census, bans } = readings;
  const byListener = (count: (sessions: SessionCount) => number): readonly Sample[] =>
    [...sessions].map(([listener, each]) => ({ labels: [["listener", listener]], value: count(each) }));
  return [
    gauge("sessions_open", "SMTP sessions that are open.", byListener(({ open }) => open)),
    {
      ...gauge("sessions_total", "SMTP sessions since the start.", byListener(({ total }) => total)),
      type: "counter",
    },
    gauge("mails_delivering", "Mails that delivery works on.", one(delivering)),
    ...accountsHeld === undefined
      ? []
      : [gauge("accounts_on_hold", "Accounts whose mail is accepted and not sent.", one(accountsHeld))],
    gauge(
      "certificate_expiry_timestamp_seconds",
      "When the certificate that clients are shown ends.",
      certificateEnds === null ? [] : one(certificateEnds / 1000),
    ),
    gauge("bans", "Networks that are banned.", one(bans.inForce)),
    {
      ...gauge("banned_connections_total", "Connections of banned addresses, closed at once.", one(bans.turnedAway)),
      type: "counter",
    },
    ...health === null ? [] : healthFamilies(health),
    ...census === null ? [] : queueFamilies(census, readings),
  ];
}

/** The families of the process. */
export function processFamilies(
  { version, runtime, started, residentOctets, heapOctets, cpuSeconds }: ProcessReadings,
): readonly Family[] {
  return [
    gauge("build_info", "What is running.", [{ labels: [["version", version], ["deno", runtime]], value: 1 }]),
    gauge("process_start_time_seconds", "When the server was started.", one(started / 1000)),
    gauge("process_resident_memory_bytes", "Memory of the process.", one(residentOctets)),
    gauge("process_heap_bytes", "Heap in use in the main thread.", one(heapOctets)),
    {
      ...gauge("process_cpu_seconds_total", "Processor time of the process, all threads.", one(cpuSeconds)),
      type: "counter",
    },
  ];
}

function healthFamilies({ status, checks }: HealthReport): readonly Family[] {
  const parts = (kind: string): readonly Sample[] =>
    checks.filter(({ name }) => name.startsWith(`${kind} `)).map(({ name, status }) => ({
      labels: [[kind, name.slice(kind.length + 1)]],
      value: Number(status === "ok"),
    }));
  const up = (name: string) => checks.filter((check) => check.name === name).map(({ status }) => status === "ok");
  return [
    gauge("ready", "Whether the server can do its job, as /health/ready says.", one(Number(status !== "down"))),
    gauge("listener_up", "Whether clients are let in.", parts("listener")),
    gauge("backend_up", "Whether the backend answered when it was asked just now.", parts("backend")),
    gauge("spool_up", "Whether a mail could be stored just now.", up("spool").flatMap((ok) => one(Number(ok)))),
  ];
}

function queueFamilies(
  { recipients, mails, octets, oldest, freeOctets }: QueueCensus,
  { routeOf, routes, now }: Readings,
): readonly Family[] {
  const counts = new Map<string, number>();
  for (const { state, domain, count } of recipients) {
    const key = `${state} ${routeOf(domain)}`;
    counts.set(key, (counts.get(key) ?? 0) + count);
  }
  return [
    gauge(
      "queue_recipients",
      "Recipients in the queue without a final outcome.",
      QUEUE_STATES.flatMap((state) =>
        routes.map((route) => ({
          labels: [["state", state], ["route", route]],
          value: counts.get(`${state} ${route}`) ?? 0,
        }))
      ),
    ),
    gauge("queue_mails", "Mails in the queue.", one(mails)),
    gauge("queue_bytes", "Octets of the content of these mails.", one(octets)),
    gauge(
      "queue_oldest_age_seconds",
      "How long the oldest mail has waited that is not held; 0 when none waits.",
      one(oldest === null ? 0 : Math.max(0, now - oldest) / 1000),
    ),
    gauge("spool_free_bytes", "Room for mail: on the disk and in the queue's file.", one(freeOctets)),
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name: `dokodemo_${name}`, help, type: "gauge", samples };
}

function one(value: number): readonly Sample[] {
  return [{ labels: [], value }];
}
