import assert from "node:assert/strict";
import {
  certificateChecks,
  chainChecks,
  type HealthCheck,
  healthReport,
  type HealthSources,
  probeHealth,
  shared,
} from "../../src/http/health.ts";
import { fail, succeed } from "../../src/lib/result.ts";

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 0, 1);

const well: HealthSources = {
  listeners: () => [{ name: "MTA", address: "[::]:25", up: true }],
  spool: { probe: () => Promise.resolve(succeed(undefined)), hasSpace: () => true },
  backends: () => [{ name: "sasldb", required: false, probe: () => Promise.resolve(succeed(undefined)) }],
  certificateEnds: () => NOW + 90 * DAY_MS,
  now: () => NOW,
  deadlineMs: 10_000,
};

Deno.test("the whole is as its worst part", () => {
  const check = (status: "ok" | "warn" | "down") => ({ name: status, status, reason: null });
  assert.equal(healthReport([]).status, "ok");
  assert.equal(healthReport([check("ok"), check("warn"), check("ok")]).status, "warn");
  assert.equal(healthReport([check("down"), check("warn")]).status, "down");
});

Deno.test("a certificate warns under 14 days and is down only when it has expired", () => {
  const status = (ms: number) => certificateChecks(NOW + ms, NOW)[0]?.status;
  assert.equal(status(14 * DAY_MS), "ok");
  assert.equal(status(14 * DAY_MS - 1), "warn");
  assert.equal(status(1), "warn");
  assert.equal(status(0), "down");
  assert.deepEqual(certificateChecks(null, NOW), []);
  const reason = (ms: number) => certificateChecks(NOW + ms, NOW)[0]?.reason;
  assert.equal(reason(2 * DAY_MS), "It ends in 2 days: put a new one in place and reload");
  assert.equal(reason(DAY_MS - 1), "It ends in less than a day: put a new one in place and reload");
});

Deno.test("one backend of two that is down is a warning, the only one or all are down", () => {
  const down = { name: "backend a", status: "down", reason: "connection refused" } as const;
  const ok = { name: "backend b", status: "ok", reason: null } as const;
  const statuses = (...checks: readonly HealthCheck[]) =>
    chainChecks(checks.map((check) => ({ check, required: false }))).map(({ status }) => status);
  assert.deepEqual(statuses(down, ok), ["warn", "ok"]);
  assert.deepEqual(statuses(down), ["down"]);
  assert.deepEqual(statuses(down, down), ["down", "down"]);
  const required = (check: HealthCheck) => ({ check, required: true });
  const sufficient = (check: HealthCheck) => ({ check, required: false });
  const mixed = (...probed: Parameters<typeof chainChecks>[0]) => chainChecks(probed).map(({ status }) => status);
  assert.deepEqual(mixed(required(down), sufficient(ok)), ["down", "ok"], "nobody comes in without it");
  assert.deepEqual(mixed(required(ok), sufficient(down), sufficient(ok)), ["ok", "warn", "ok"]);
  assert.deepEqual(mixed(required(ok), sufficient(down)), ["ok", "down"], "required alone lets nobody in");
});

Deno.test("all is well", async () => {
  const report = await probeHealth(well);
  assert.equal(report.status, "ok");
  assert.deepEqual(report.checks.map((check) => check.name), [
    "listener MTA",
    "spool",
    "disk",
    "backend sasldb",
    "certificate",
  ]);
  assert.ok(report.checks.every((check) => check.status === "ok" && check.reason === null));
});

Deno.test("each part that is down is named with its reason", async () => {
  const report = await probeHealth({
    ...well,
    listeners: () => [{ name: "MSA", address: "[::]:587", up: false }],
    spool: { probe: () => Promise.resolve(fail("the disk is read-only")), hasSpace: () => false },
    backends: () => [{ name: "ldap", required: false, probe: () => Promise.reject(new Error("connection refused")) }],
  });
  assert.equal(report.status, "down");
  assert.deepEqual(report.checks.filter((check) => check.status === "down"), [
    { name: "listener MSA", status: "down", reason: "Nobody listens on [::]:587" },
    { name: "spool", status: "down", reason: "the disk is read-only" },
    { name: "disk", status: "down", reason: "Too little is free in data_dir: new mail is answered with 452" },
    { name: "backend ldap", status: "down", reason: "connection refused" },
  ]);
});

Deno.test("a backend that never answers is down at the deadline, and told so by its signal", async () => {
  let told = false;
  const silent = {
    name: "ldap",
    required: false,
    probe: (signal: AbortSignal) => {
      signal.addEventListener("abort", () => told = true);
      return new Promise<never>(() => {});
    },
  };
  const report = await probeHealth({ ...well, backends: () => [silent], deadlineMs: 10 });
  assert.equal(report.status, "down");
  assert.equal(report.checks.find((check) => check.name === "backend ldap")?.reason, "no answer within 10 ms");
  assert.ok(told);
});

Deno.test("a report is shared by all who ask together, and for a while", async () => {
  let now = 0;
  let probes = 0;
  const health = shared(() => Promise.resolve(healthReport([{ name: `${++probes}`, status: "ok", reason: null }])), {
    keepMs: 2_000,
    now: () => now,
  });
  await Promise.all([health(), health(), health()]);
  now = 1_999;
  await health();
  assert.equal(probes, 1);
  now = 2_000;
  await health();
  assert.equal(probes, 2);
});
