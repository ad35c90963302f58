/**
 * Health: what the server needs in order to do its job, each part with its reason.
 *
 * @module
 */

import type { Backend } from "../backend.ts";
import type { Result } from "../lib/result.ts";
import type { Spool } from "../spool/spool.ts";

/** How a part, or the whole, is. `warn`: it works, somebody has to act; `down`: the server cannot do its job. */
export type HealthStatus = "ok" | "warn" | "down";

/** One part. */
export interface HealthCheck {
  /** `listener MTA`, `spool`, `disk`, `backend sasldb`, `certificate`. */
  readonly name: string;
  readonly status: HealthStatus;
  /** A sentence for the administrator; null when all is well. */
  readonly reason: string | null;
}

/** All parts, and the worst of them as the status. */
export interface HealthReport {
  readonly status: HealthStatus;
  readonly checks: readonly HealthCheck[];
}

/** A backend, and whether its yes is required. */
export interface HealthBackend extends Pick<Backend, "name" | "probe"> {
  readonly required: boolean;
}

/** Where the parts are asked. They are functions because a reload changes what they give. */
export interface HealthSources {
  readonly listeners: () => readonly { readonly name: string; readonly address: string; readonly up: boolean }[];
  readonly spool: Pick<Spool, "probe" | "hasSpace">;
  readonly backends: () => readonly HealthBackend[];
  /** When the certificate shown to clients ends, in milliseconds since the epoch; null without TLS. */
  readonly certificateEnds: () => number | null;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The longest wait for one part. */
  readonly deadlineMs: number;
}

const DAY_MS = 86_400_000;
const CERTIFICATE_WARNING_DAYS = 14;
const WORSE: Readonly<Record<HealthStatus, number>> = { ok: 0, warn: 1, down: 2 };

/** Asks every part at the same time; resolves within the deadline, and never rejects. */
export async function probeHealth(sources: HealthSources): Promise<HealthReport> {
  const { deadlineMs } = sources;
  const spool = checked("spool", () => sources.spool.probe(), deadlineMs);
  const backends = sources.backends().map(async (backend) => ({
    required: backend.required,
    check: await checked(`backend ${backend.name}`, (signal) => backend.probe(signal), deadlineMs),
  }));
  return healthReport([
    ...sources.listeners().map(listenerCheck),
    await spool,
    diskCheck(sources.spool.hasSpace()),
    ...chainChecks(await Promise.all(backends)),
    ...certificateChecks(sources.certificateEnds(), sources.now()),
  ]);
}

/** Asks one part; the result is why it cannot be reached, `null` when it was. Never rejects, and is over at the deadline. */
export async function probeWithin(
  probe: (signal: AbortSignal) => Promise<Result<void, string>>,
  deadlineMs: number,
): Promise<string | null> {
  const controller = new AbortController();
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => {
    late.resolve(`no answer within ${deadlineMs} ms`);
    controller.abort();
  }, deadlineMs);
  const probed = Promise.try(() => probe(controller.signal)).then(
    (result) => result.ok ? null : result.problem,
    (error: unknown) => error instanceof Error ? error.message : String(error),
  );
  try {
    return await Promise.race([late.promise, probed]);
  } finally {
    clearTimeout(timer);
  }
}

/** The whole from its parts. */
export function healthReport(checks: readonly HealthCheck[]): HealthReport {
  const status = checks.reduce<HealthStatus>(
    (worst, check) => WORSE[check.status] > WORSE[worst] ? check.status : worst,
    "ok",
  );
  return { status, checks };
}

/**
 * A backend that is down while another one answers is a warning: the accounts of the other still come in. Without one whose yes is
 * required, nobody does.
 */
export function chainChecks(
  probed: readonly { readonly check: HealthCheck; readonly required: boolean }[],
): readonly HealthCheck[] {
  const othersDo = probed.some(({ check, required }) => !required && check.status !== "down");
  return probed.map(({ check, required }) =>
    check.status === "down" && !required && othersDo ? { ...check, status: "warn" } : check
  );
}

/** A certificate near its end is a warning, only one past it keeps clients out. No certificate, no check. */
export function certificateChecks(ends: number | null, now: number): readonly HealthCheck[] {
  if (ends === null) return [];
  const days = Math.floor((ends - now) / DAY_MS);
  if (ends <= now) {
    return [{ name: "certificate", status: "down", reason: "It has expired: put a new one in place and reload" }];
  }
  const near = days < CERTIFICATE_WARNING_DAYS;
  return [{
    name: "certificate",
    status: near ? "warn" : "ok",
    reason: near
      ? `It ends in ${days === 0 ? "less than a day" : `${days} days`}: put a new one in place and reload`
      : null,
  }];
}

/**
 * The same report for everybody who asks at the same time or within `keepMs` after it was made: anyone on this machine may ask, and
 * every asking would be a question to each backend.
 */
export function shared(
  probe: () => Promise<HealthReport>,
  options: { readonly keepMs: number; readonly now: () => number },
): () => Promise<HealthReport> {
  let last: { readonly report: Promise<HealthReport>; until: number } | null = null;
  return () => {
    if (last !== null && options.now() < last.until) return last.report;
    const entry = { report: probe(), until: Infinity };
    const over = () => {
      entry.until = options.now() + options.keepMs;
    };
    entry.report.then(over, () => {
      entry.until = 0;
    });
    last = entry;
    return entry.report;
  };
}

function listenerCheck({ name, address, up }: ReturnType<HealthSources["listeners"]>[number]): HealthCheck {
  return { name: `listener ${name}`, status: up ? "ok" : "down", reason: up ? null : `Nobody listens on ${address}` };
}

function diskCheck(hasSpace: boolean): HealthCheck {
  return {
    name: "disk",
    status: hasSpace ? "ok" : "down",
    reason: hasSpace ? null : "Too little is free in data_dir: new mail is answered with 452",
  };
}

async function checked(
  name: string,
  probe: (signal: AbortSignal) => Promise<Result<void, string>>,
  deadlineMs: number,
): Promise<HealthCheck> {
  const reason = await probeWithin(probe, deadlineMs);
  return { name, status: reason === null ? "ok" : "down", reason };
}
