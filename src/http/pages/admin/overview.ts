/**
 * How the server is, in numbers: what the overview shows, and what changes on it by itself.
 *
 * @module
 */

import type { HealthReport, HealthStatus } from "../../health.ts";
import { type LoginCount, LoginCounts, type LoginSummary } from "../../login_counts.ts";
import type { ServerStatus, SidecarParts } from "../../parts.ts";
import type { QueueCensus } from "../../../spool/spool.ts";
import type { Translate } from "../language.ts";
import { durationText } from "./parts.tsx";

/** All of it at one moment. */
export interface Overview {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly status: ServerStatus;
  readonly health: HealthReport;
  readonly logins: LoginSummary;
  /** Failures of unknown names since the start that came too thick to be written down. */
  readonly uncounted: number;
  /** `null`: the queue cannot be read now. */
  readonly queue: QueueCensus | null;
  /** When the certificate ends; `null` without TLS. */
  readonly certificateEnds: number | null;
}

/** What is needed. */
export type OverviewParts = Pick<SidecarParts, "health" | "status" | "spool" | "records" | "current" | "now">;

const KEPT_MS = 2_000;
const DAY_MS = 86_400_000;

/** Reads it; the same for everybody who asks within two seconds. */
export function createOverview(parts: OverviewParts): () => Promise<Overview> {
  const { now } = parts;
  const counts = new LoginCounts(parts.records.authentications, now);
  let last: { readonly at: number; readonly overview: Promise<Overview> } | null = null;
  return () => {
    if (last === null || Math.abs(now() - last.at) >= KEPT_MS) {
      const entry = { at: now(), overview: read(parts, counts) };
      entry.overview.catch(() => {
        if (last === entry) last = null;
      });
      last = entry;
    }
    return last.overview;
  };
}

async function read(parts: OverviewParts, counts: LoginCounts): Promise<Overview> {
  const [health, logins, queue] = await Promise.all([
    parts.health(),
    counts.read(),
    // It has logged its trouble, and the health tells of it.
    parts.spool.census().catch(() => null),
  ]);
  const { certificate } = parts.current();
  return {
    ...{ at: parts.now(), status: parts.status(), health, logins, queue },
    uncounted: parts.records.authentications.dropped,
    certificateEnds: certificate?.expires ?? null,
  };
}

/** Logins of these that ended well, or did not. */
export function loginsThat(counts: readonly LoginCount[], how: "succeeded" | "failed"): number {
  return counts.filter(({ result }) => (result === "accepted") === (how === "succeeded"))
    .reduce((sum, { count }) => sum + count, 0);
}

/** Recipients in a state. */
export function recipientsIn({ recipients }: QueueCensus, state: QueueCensus["recipients"][number]["state"]): number {
  return recipients.filter((each) => each.state === state).reduce((sum, { count }) => sum + count, 0);
}

/** How a part is, in a word. */
export function statusText(status: HealthStatus, t: Translate): string {
  switch (status) {
    case "ok":
      return t("Works", "正常");
    case "warn":
      return t("Look at it", "要確認");
    case "down":
      return t("Down", "停止");
  }
}

/** The colour of it. */
export function statusKind(status: HealthStatus): "good" | "warn" | "bad" {
  return ({ ok: "good", warn: "warn", down: "bad" } as const)[status];
}

/** What changes on the page, by the name in `data-live`; a name that ends in ` state` is a colour. */
export function overviewNumbers(overview: Overview, t: Translate): Readonly<Record<string, string>> {
  const { at, status, health, logins: { hour, day, cut }, queue, certificateEnds } = overview;
  const number = (value: number) => value.toLocaleString(t("en", "ja"));
  const ofDay = (value: number) => `${cut ? "≥ " : ""}${number(value)}`;
  const unknown = "–";
  const numbers = {
    sessions: number(status.connections),
    "hour accepted": number(loginsThat(hour, "succeeded")),
    "hour refused": number(loginsThat(hour, "failed")),
    "day accepted": ofDay(loginsThat(day, "succeeded")),
    "day refused": ofDay(loginsThat(day, "failed")),
    "queue mails": queue === null ? unknown : number(queue.mails),
    "queue waiting": queue === null ? unknown : number(recipientsIn(queue, "waiting")),
    "queue attempting": queue === null ? unknown : number(recipientsIn(queue, "attempting")),
    "queue held": queue === null ? unknown : number(recipientsIn(queue, "held")),
    "queue oldest": queue === null ? unknown : oldestText(queue, { at, t }),
    uptime: durationText(at - status.started, t),
    certificate: certificateEnds === null ? unknown : number(Math.floor((certificateEnds - at) / DAY_MS)),
  };
  const checks = health.checks.flatMap(({ name, status }) => [
    [`check ${name}`, statusText(status, t)],
    [`check ${name} state`, statusKind(status)],
  ]);
  return { ...numbers, ...Object.fromEntries(checks) };
}

function oldestText({ oldest }: QueueCensus, { at, t }: { readonly at: number; readonly t: Translate }): string {
  return oldest === null ? t("none waits", "待ちなし") : durationText(at - oldest, t);
}
