/**
 * The metrics of a server: what it counts from its first event on, and what is read when somebody asks.
 *
 * @module
 */

import process from "node:process";
import type { LogEvent } from "../../log/event.ts";
import { VERSION } from "../../version.ts";
import { createEventCounters } from "./event_counters.ts";
import { sampleEventLoop } from "./event_loop.ts";
import { formatFamilies } from "./exposition.ts";
import { processFamilies, readingFamilies, type Readings } from "./readings.ts";
import { Histogram } from "./series.ts";

/** Where gauges are read. They are functions, since a reload changes what they give. */
export interface MetricSources extends Pick<Readings, "routeOf" | "routes"> {
  /** The report of readiness. */
  readonly health: () => Promise<NonNullable<Readings["health"]>>;
  /** Of the spool. */
  readonly census: () => Promise<NonNullable<Readings["census"]>>;
  readonly sessions: () => Readings["sessions"];
  readonly delivering: () => number;
  readonly certificateEnds: () => number | null;
  readonly bans: () => Readings["bans"];
  readonly accountsHeld?: () => number;
  /** Whether the yes of the backend of this name is required. */
  readonly isRequired: (backend: string) => boolean;
}

/** The metrics of a server. Disposing ends what `measure` began. */
export interface Metrics extends Disposable {
  /** Counts an event of the log. Never throws and never waits. */
  note(event: LogEvent): void;
  /** Counts a COMMIT of the spool with so many mails in it. */
  committed(mails: number): void;
  /** From now on gauges are read there and the event loop is watched; before that there are none. */
  measure(sources: MetricSources): void;
  /** All of it in the text format of Prometheus. What cannot be read within the deadline is left out; never rejects. */
  text(): Promise<string>;
}

/** How to make them. */
export interface MetricsOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The longest wait for one reading. */
  readonly deadlineMs: number;
}

const COMMIT_MAILS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const DELAY_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const NOBODY = () => false;

/** Begins to count. */
export function createMetrics({ now, deadlineMs }: MetricsOptions): Metrics {
  const started = now();
  const counters = createEventCounters();
  const commits = new Histogram({
    name: "dokodemo_spool_commit_mails",
    help: "Mails that were made durable together, by one COMMIT and its sync.",
    bounds: COMMIT_MAILS,
  });
  const delays = new Histogram({
    name: "dokodemo_event_loop_delay_seconds",
    help: "How late a timer of the main thread was.",
    bounds: DELAY_SECONDS,
  });
  let sampler: Disposable | null = null;
  let sources: MetricSources | null = null;
  return {
    note: (event) => counters.note(event, sources?.isRequired ?? NOBODY),
    committed: (mails) => {
      if (mails > 0) commits.observe(mails);
    },
    measure: (those) => {
      sources = those;
      sampler ??= sampleEventLoop((seconds) => delays.observe(seconds));
    },
    text: async () => {
      const readings = sources === null ? null : await read(sources, { now, deadlineMs });
      return formatFamilies([
        ...counters.families(),
        commits.family(),
        ...readings === null ? [] : readingFamilies(readings),
        delays.family(),
        ...processFamilies(ownReadings(started)),
      ]);
    },
    [Symbol.dispose]: () => sampler?.[Symbol.dispose](),
  };
}

async function read(sources: MetricSources, { now, deadlineMs }: MetricsOptions): Promise<Readings> {
  const [health, census] = await Promise.all([
    withinOrNull(sources.health, deadlineMs),
    withinOrNull(sources.census, deadlineMs),
  ]);
  const { routeOf, routes } = sources;
  return {
    ...{ now: now(), health, census, routeOf, routes },
    sessions: sources.sessions(),
    delivering: sources.delivering(),
    certificateEnds: sources.certificateEnds(),
    bans: sources.bans(),
    ...sources.accountsHeld !== undefined && { accountsHeld: sources.accountsHeld() },
  };
}

/** A spool that is out of order must not hide everything else. */
async function withinOrNull<Value>(ask: () => Promise<Value>, deadlineMs: number): Promise<Value | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(late.resolve, deadlineMs, null);
  try {
    return await Promise.race([Promise.try(ask).catch(() => null), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function ownReadings(started: number) {
  const { rss, heapUsed } = Deno.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    version: VERSION,
    runtime: Deno.version.deno,
    started,
    residentOctets: rss,
    heapOctets: heapUsed,
    cpuSeconds: (user + system) / 1e6,
  };
}
