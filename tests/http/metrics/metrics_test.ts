import assert from "node:assert/strict";
import { routeOfDomain } from "../../../src/delivery/routes.ts";
import { healthReport } from "../../../src/http/health.ts";
import { createMetrics, type Metrics, type MetricSources } from "../../../src/http/metrics/metrics.ts";
import type { LogEvent } from "../../../src/log/event.ts";
import { refusedLogin } from "../../lib/login_event.ts";

const NOW = 1_800_000_000_000;
const DELIVERY = {
  kind: "delivery",
  mail: "M",
  recipient: "x@example.net",
  route: "smarthost",
  host: "smtp.example.net",
  reply: "250",
  attempts: 1,
  next: null,
} as const;

const SOURCES: MetricSources = {
  health: () =>
    Promise.resolve(healthReport([
      { name: "listener MSA", status: "ok", reason: null },
      { name: "spool", status: "ok", reason: null },
      { name: "disk", status: "ok", reason: null },
      { name: "backend sasldb", status: "ok", reason: null },
      { name: "backend ldap", status: "warn", reason: "connection refused" },
      { name: "certificate", status: "ok", reason: null },
    ])),
  bans: () => ({ inForce: 2, turnedAway: 7 }),
  census: () =>
    Promise.resolve({
      recipients: [
        { state: "waiting", domain: "example.net", count: 3 },
        { state: "waiting", domain: "example.org", count: 4 },
        { state: "waiting", domain: "baz.co.jp", count: 1 },
        { state: "held", domain: "postmaster", count: 2 },
      ],
      mails: 6,
      octets: 1234,
      oldest: NOW - 90_500,
      freeOctets: 5_000_000_000,
    }),
  routes: ["maildir", "smarthost", "none"],
  routeOf: (domain) => routeOfDomain(domain, { localDomains: ["baz.co.jp"], elsewhere: "smarthost" }),
  sessions: () => new Map([["MSA", { open: 2, total: 17 }]]),
  delivering: () => 1,
  certificateEnds: () => NOW + 1000,
  isRequired: () => false,
};

function metricsWith(sources: MetricSources | null = null, deadlineMs = 10_000): Metrics {
  const metrics = createMetrics({ now: () => NOW, deadlineMs });
  if (sources !== null) metrics.measure(sources);
  return metrics;
}

/** The samples of these names, buckets left out. */
async function samples(metrics: Metrics, pattern: RegExp): Promise<readonly string[]> {
  const lines = (await metrics.text()).split("\n");
  return lines.filter((line) => !line.startsWith("#") && !line.includes("_bucket") && pattern.test(line));
}

Deno.test("logins are counted by mechanism, deciding backend and result, with the time of each step", async () => {
  using metrics = metricsWith();
  const chain = [
    { backend: "sasldb", answer: "rejected:unknown-user", ms: 2 },
    { backend: "ldap", answer: "rejected:wrong-secret", ms: 40 },
    { backend: "pam", answer: "skipped:other realms", ms: 0 },
  ];
  metrics.note(refusedLogin({ chain, ms: 50 }));
  metrics.note(refusedLogin({ chain, ms: 70 }));
  metrics.note(refusedLogin({ result: "malformed", mechanism: "CRAM-MD5", ms: 3 }));
  assert.deepEqual(await samples(metrics, /^dokodemo_(?:login|backend)/), [
    'dokodemo_logins_total{mechanism="PLAIN",backend="ldap",result="rejected"} 2',
    'dokodemo_logins_total{mechanism="CRAM-MD5",backend="none",result="malformed"} 1',
    'dokodemo_login_duration_seconds_sum{mechanism="PLAIN",result="rejected"} 0.12000000000000001',
    'dokodemo_login_duration_seconds_count{mechanism="PLAIN",result="rejected"} 2',
    'dokodemo_login_duration_seconds_sum{mechanism="CRAM-MD5",result="malformed"} 0.003',
    'dokodemo_login_duration_seconds_count{mechanism="CRAM-MD5",result="malformed"} 1',
    'dokodemo_backend_answer_duration_seconds_sum{backend="sasldb",answer="rejected"} 0.004',
    'dokodemo_backend_answer_duration_seconds_count{backend="sasldb",answer="rejected"} 2',
    'dokodemo_backend_answer_duration_seconds_sum{backend="ldap",answer="rejected"} 0.08',
    'dokodemo_backend_answer_duration_seconds_count{backend="ldap",answer="rejected"} 2',
  ]);
});

Deno.test("each kind of event that matters is counted", async () => {
  using metrics = metricsWith();
  const remote = "192.0.2.7";
  const session = "s1";
  const events: readonly LogEvent[] = [
    { kind: "tls", session, remote, version: "TLSv1.3", cipher: "x" },
    { kind: "tls", session, remote, version: "TLSv1.2", cipher: "x" },
    { kind: "tls-failed", session, remote, reason: "no" },
    { kind: "refused", id: "s1.1", remote, account: null, command: "RCPT", code: 550, enhanced: null, why: "no" },
    {
      kind: "accepted-mail",
      ...{ mail: "M", session, remote, account: null, reversePath: "a@b" },
      recipients: 3,
      octets: 500,
    },
    { ...DELIVERY, outcome: "relayed", ms: 250 },
    { ...DELIVERY, outcome: "deferred", ms: null },
    { kind: "notice", mail: "M", to: "a@b", action: "failed", about: "x@y" },
    { kind: "mail-done", mail: "M", ms: 1500 },
    { kind: "alarm", about: "smarthost-auth", text: "no" },
    { kind: "warning", about: "connections", text: "many" },
    { kind: "bug", where: "here", id: null, text: "oh" },
    { kind: "reloaded", config: "c" },
    { kind: "reload-refused", config: "c", mistakes: ["m"] },
    { kind: "ready", ms: 1 },
  ];
  for (const event of events) metrics.note(event);
  for (const mails of [1, 7, 0]) metrics.committed(mails);
  const lines = await samples(metrics, /^dokodemo_(?!build|process|logins)/);
  assert.deepEqual(lines.filter((line) => !line.endsWith(" 0")), [
    'dokodemo_tls_handshakes_total{version="TLSv1.3"} 1',
    'dokodemo_tls_handshakes_total{version="TLSv1.2"} 1',
    "dokodemo_tls_handshake_failures_total 1",
    "dokodemo_mails_accepted_total 1",
    "dokodemo_mails_accepted_bytes_total 500",
    "dokodemo_mails_accepted_recipients_total 3",
    'dokodemo_refusals_total{code="550"} 1',
    'dokodemo_deliveries_total{route="smarthost",outcome="relayed"} 1',
    'dokodemo_deliveries_total{route="smarthost",outcome="deferred"} 1',
    'dokodemo_delivery_attempt_duration_seconds_sum{route="smarthost"} 0.25',
    'dokodemo_delivery_attempt_duration_seconds_count{route="smarthost"} 1',
    "dokodemo_mail_queue_duration_seconds_sum 1.5",
    "dokodemo_mail_queue_duration_seconds_count 1",
    "dokodemo_notices_total 1",
    'dokodemo_alarms_total{about="smarthost-auth"} 1',
    'dokodemo_warnings_total{about="connections"} 1',
    "dokodemo_bugs_total 1",
    'dokodemo_reloads_total{result="done"} 1',
    'dokodemo_reloads_total{result="refused"} 1',
    "dokodemo_spool_commit_mails_sum 8",
    "dokodemo_spool_commit_mails_count 2",
  ]);
});

Deno.test("what a client chose is in no label", async () => {
  using metrics = metricsWith(SOURCES);
  const chosen = "client-chose-this";
  metrics.note(refusedLogin({ authcid: chosen, authzid: chosen, account: chosen, reason: chosen, remote: chosen }));
  const [mail, recipient, reply] = [chosen, chosen, chosen];
  metrics.note({ ...DELIVERY, mail, recipient, reply, outcome: "failed", ms: 1 });
  const refused = { id: chosen, remote: chosen, account: chosen, command: chosen, why: chosen };
  metrics.note({ kind: "refused", ...refused, code: 501, enhanced: "5.5.4" });
  metrics.note({ kind: "tls-failed", session: chosen, remote: chosen, reason: chosen });
  assert.ok(!(await metrics.text()).includes(chosen));
});

Deno.test("gauges are read at the time of asking", async () => {
  using metrics = metricsWith(SOURCES);
  assert.deepEqual(
    await samples(metrics, /_(?:up|ready|open|certificate|sessions|mails|delivering|oldest|free)\b|queue_/),
    [
      "dokodemo_mail_queue_duration_seconds_sum 0",
      "dokodemo_mail_queue_duration_seconds_count 0",
      'dokodemo_sessions_open{listener="MSA"} 2',
      "dokodemo_mails_delivering 1",
      "dokodemo_ready 1",
      'dokodemo_listener_up{listener="MSA"} 1',
      'dokodemo_backend_up{backend="sasldb"} 1',
      'dokodemo_backend_up{backend="ldap"} 0',
      "dokodemo_spool_up 1",
      'dokodemo_queue_recipients{state="waiting",route="maildir"} 1',
      'dokodemo_queue_recipients{state="waiting",route="smarthost"} 7',
      'dokodemo_queue_recipients{state="waiting",route="none"} 0',
      'dokodemo_queue_recipients{state="attempting",route="maildir"} 0',
      'dokodemo_queue_recipients{state="attempting",route="smarthost"} 0',
      'dokodemo_queue_recipients{state="attempting",route="none"} 0',
      'dokodemo_queue_recipients{state="held",route="maildir"} 2',
      'dokodemo_queue_recipients{state="held",route="smarthost"} 0',
      'dokodemo_queue_recipients{state="held",route="none"} 0',
      "dokodemo_queue_mails 6",
      "dokodemo_queue_bytes 1234",
      "dokodemo_queue_oldest_age_seconds 90.5",
    ],
  );
  assert.deepEqual(await samples(metrics, /sessions_total|expiry|free/), [
    'dokodemo_sessions_total{listener="MSA"} 17',
    "dokodemo_certificate_expiry_timestamp_seconds 1800000001",
    "dokodemo_spool_free_bytes 5000000000",
  ]);
  const memory = await samples(metrics, /resident_memory/);
  assert.ok(Number(memory[0]?.split(" ")[1]) > 1e6, memory[0]);
});

Deno.test("a spool that fails or never answers leaves its gauges out, and everything else stands", async () => {
  for (const census of [() => Promise.reject(new Error("no")), () => new Promise<never>(() => {})]) {
    using metrics = metricsWith({ ...SOURCES, census }, 20);
    assert.deepEqual(await samples(metrics, /queue_mails|spool_free/), []);
    assert.deepEqual(await samples(metrics, /ready/), ["dokodemo_ready 1"]);
  }
});

Deno.test("without TLS there is no end of a certificate, and an empty queue is 0 seconds old", async () => {
  const empty = { recipients: [], mails: 0, octets: 0, oldest: null, freeOctets: 1 };
  using metrics = metricsWith({ ...SOURCES, certificateEnds: () => null, census: () => Promise.resolve(empty) });
  assert.deepEqual(await samples(metrics, /certificate|oldest/), ["dokodemo_queue_oldest_age_seconds 0"]);
});

Deno.test("a main thread that is busy shows in the delay of the event loop", async () => {
  using metrics = metricsWith(SOURCES);
  const count = async (pattern: RegExp) => {
    const line = (await metrics.text()).split("\n").find((each) => pattern.test(each));
    return Number(line?.split(" ")[1]);
  };
  for (let slow = 0; slow === 0;) {
    const until = performance.now() + 400;
    while (performance.now() < until);
    await new Promise((resolve) => setTimeout(resolve, 0));
    slow = await count(/^dokodemo_event_loop_delay_seconds_count/) -
      await count(/^dokodemo_event_loop_delay_seconds_bucket\{le="0.1"\}/);
  }
});
