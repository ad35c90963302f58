/**
 * Where the metrics of a running server are read.
 *
 * @module
 */

import { routeOfDomain, ROUTES } from "../delivery/routes.ts";
import type { Scheduler } from "../delivery/scheduler.ts";
import type { HealthReport } from "../http/health.ts";
import { createMetrics, type Metrics, type MetricSources } from "../http/metrics/metrics.ts";
import { sparing } from "../http/metrics/sparing.ts";
import type { Log } from "../log/event.ts";
import type { Spool } from "../spool/spool.ts";
import type { Connections } from "./connections.ts";
import type { Generation } from "./generation.ts";

/** The longest wait for one reading: less than the ten seconds for which Prometheus waits. */
const DEADLINE_MS = 7_000;

/** To count a hundred thousand mails takes half a second, in which the spool commits nothing: at most a twentieth of its time. */
const CENSUS_TIMES = 20;

/** Metrics that count what is logged from now on, beside the parts of whoever logs. */
export function measured<Parts extends { readonly log: Log }>(parts: Parts): Parts & { readonly metrics: Metrics } {
  const metrics = createMetrics({ now: Date.now, deadlineMs: DEADLINE_MS });
  const log: Log = (event) => {
    metrics.note(event);
    parts.log(event);
  };
  return { ...parts, log, metrics };
}

/** What is read. */
export interface MeasuredParts {
  readonly health: () => Promise<HealthReport>;
  readonly spool: Pick<Spool, "census">;
  readonly connections: Pick<Connections, "byListener">;
  readonly scheduler: Pick<Scheduler, "active">;
  readonly bans: MetricSources["bans"];
  readonly limits: { readonly holds: { readonly count: number } };
  /** The one in force. */
  readonly current: () => Pick<Generation, "config" | "parts">;
}

/** Puts the readings together. */
export function metricSources(
  { health, spool, connections, scheduler, limits, current, bans }: MeasuredParts,
): MetricSources {
  return {
    health,
    census: sparing(() => spool.census(), { times: CENSUS_TIMES, now: () => performance.now() }),
    get routes() {
      return [...ROUTES, ...current().config.routes.map(({ name }) => name)];
    },
    routeOf: (domain) => {
      const { localDomains, delivery, routes } = current().config;
      const local = delivery.local?.to.kind ?? "maildir";
      return routeOfDomain(domain, { localDomains, local, elsewhere: delivery.default, routes });
    },
    bans,
    sessions: () => connections.byListener,
    delivering: () => scheduler.active(),
    accountsHeld: () => limits.holds.count,
    certificateEnds: () => current().parts.certificate?.expires ?? null,
    isRequired: (backend) =>
      current().config.backends.some(({ name, control }) => name === backend && control === "required"),
  };
}
