import assert from "node:assert/strict";
import { type Attempt, lateAt, noticeFor, noticeOfExpansion } from "../../src/delivery/due_notice.ts";
import { DEFAULT_NOTICES } from "../../src/delivery/notice.ts";
import type { Recipient } from "../../src/smtp/envelope.ts";
import type { DeliveryOutcome } from "../../src/spool/spool.ts";
import { ENVELOPE } from "./lib.ts";

const HOUR_MS = 3_600_000;
const MAIL = { envelope: ENVELOPE, received: 0 };
const ALL = ["success", "failure", "delay"] as const;
const DEFERRED: DeliveryOutcome = { kind: "deferred", reply: "451 4.2.1 Not now", cause: "refused" };
const FAILED: DeliveryOutcome = { kind: "failed", reply: "550 5.1.1 No", enhanced: "5.1.1" };

function due(
  outcome: DeliveryOutcome,
  { notify = ALL, now = 0, settings = DEFAULT_NOTICES, mail = MAIL }: {
    readonly notify?: Recipient["notify"];
    readonly now?: number;
    readonly settings?: typeof DEFAULT_NOTICES;
    readonly mail?: typeof MAIL;
  } = {},
) {
  const recipient = { id: 1, forwardPath: "taro@example.net", notify, orcpt: null };
  const attempt: Attempt = { outcome, host: "smtp.example.net", now, until: 120 * HOUR_MS };
  return noticeFor(mail, recipient, { attempt, settings });
}

Deno.test("noticeFor: a failure has the code of the reply, and names the host unless the reply is ours", () => {
  assert.deepEqual(due(FAILED, { notify: null, now: 5 }), {
    action: "failed",
    reply: "550 5.1.1 No",
    enhanced: "5.1.1",
    remoteHost: "smtp.example.net",
    at: 5,
    retryUntil: null,
  });
  assert.equal(due({ ...FAILED, ours: true })?.remoteHost, null);
  for (const notify of [["never"], ["success", "delay"]] as const) assert.equal(due(FAILED, { notify }), null);
});

Deno.test("noticeFor: a delay is told from four hours on, where it is wanted, with when it is given up", () => {
  assert.equal(due(DEFERRED, { now: 4 * HOUR_MS - 1 }), null);
  const notice = due(DEFERRED, { notify: null, now: 4 * HOUR_MS });
  assert.deepEqual([notice?.action, notice?.enhanced, notice?.retryUntil], ["delayed", "4.2.1", 120 * HOUR_MS]);
  assert.equal(notice?.remoteHost, "smtp.example.net");
  assert.equal(due({ ...DEFERRED, cause: "network" }, { now: 5 * HOUR_MS })?.remoteHost, null);
  for (const notify of [["never"], ["failure", "success"]] as const) {
    assert.equal(due(DEFERRED, { notify, now: 5 * HOUR_MS }), null);
  }
  assert.equal(due(DEFERRED, { now: 99 * HOUR_MS, settings: { ...DEFAULT_NOTICES, delayMs: null } }), null);
});

Deno.test("noticeFor: success is told where it is wanted, unless the next place has taken that over", () => {
  assert.equal(due({ kind: "delivered", reply: "250 2.1.5 Stored" })?.enhanced, "2.1.5");
  assert.equal(due({ kind: "delivered", reply: "250 2.1.5 Stored" })?.remoteHost, null);
  const relayed = due({ kind: "relayed", reply: "250 OK" });
  assert.deepEqual([relayed?.action, relayed?.enhanced, relayed?.remoteHost], ["relayed", "2.0.0", "smtp.example.net"]);
  assert.equal(due({ kind: "relayed", reply: "250 OK", dsn: true }), null);
  for (const notify of [null, ["never"], ["failure", "delay"]] as const) {
    assert.equal(due({ kind: "delivered", reply: "250 OK" }, { notify }), null);
    assert.equal(due({ kind: "relayed", reply: "250 OK" }, { notify }), null);
  }
});

Deno.test("noticeFor: nobody is behind the null reverse-path, but a postmaster who wants copies of failures", () => {
  const mail = { ...MAIL, envelope: { ...ENVELOPE, reversePath: null } };
  const settings = { ...DEFAULT_NOTICES, postmaster: "postmaster@baz.co.jp" };
  assert.equal(due(FAILED, { mail }), null);
  assert.equal(due(FAILED, { mail, settings })?.action, "failed");
  assert.equal(due(FAILED, { notify: ["never"], settings })?.action, "failed");
  assert.equal(due(DEFERRED, { mail, settings, now: 9 * HOUR_MS }), null);
});

Deno.test("noticeOfExpansion: told where success is wanted", () => {
  const recipient = { id: 1, forwardPath: "sales@baz.co.jp", notify: ALL, orcpt: null };
  assert.equal(noticeOfExpansion(MAIL, recipient, 7)?.action, "expanded");
  assert.equal(noticeOfExpansion(MAIL, { ...recipient, notify: null }, 7), null);
});

Deno.test("lateAt: once, and not where delays are not told", () => {
  assert.equal(lateAt(100, 100, DEFAULT_NOTICES), 100 + 4 * HOUR_MS);
  assert.equal(lateAt(100, 100 + 4 * HOUR_MS, DEFAULT_NOTICES), null);
  assert.equal(lateAt(100, 100, { ...DEFAULT_NOTICES, delayMs: null }), null);
});
