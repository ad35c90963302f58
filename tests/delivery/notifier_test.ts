/**
 * When reports are made, and of what: a scheduler over a real spool.
 *
 * @module
 */

import assert from "node:assert/strict";
import { latin1, utf8 } from "../../src/lib/octets.ts";
import type { DeliveryOutcome, Spool } from "../../src/spool/spool.ts";
import { SpoolError } from "../../src/spool/spool_error.ts";
import { contentOf, envelopeTo, noticeOf, store } from "../spool/fixture.ts";
import { settleWith, type Stage, startStage } from "./scheduler_fixture.ts";

const FAILED: DeliveryOutcome = { kind: "failed", reply: "550 5.1.1 No such user", enhanced: "5.1.1" };
const DEFERRED: DeliveryOutcome = { kind: "deferred", reply: "451 4.3.0 Later", cause: "refused" };
const STORED: DeliveryOutcome = { kind: "delivered", reply: "250 2.0.0 Stored" };
const HEADED = utf8("Subject: Hello\r\n\r\nbody\r\n");

/** A mail from somebody here. */
function mailTo(...forwardPaths: readonly string[]) {
  return { ...envelopeTo(...forwardPaths), reversePath: "shin@here" };
}

Deno.test("notifier: a report waits for what is in work of its mail, but not for ever", async () => {
  await using stage = await startStage();
  const slow = Promise.withResolvers<void>();
  stage.smarthost.behave = async (task) => {
    await task.settle(task.recipients[0]!.id, FAILED);
    await slow.promise;
    await task.settle(task.recipients[1]!.id, FAILED);
  };
  await store(stage.spool, mailTo("a@x.example", "b@x.example"), { content: HEADED });
  await stage.log.until("delivery");
  await untilWakeIn(stage, 30_000);
  assert.deepEqual(stage.log.of("notice"), []);
  stage.clock.advance(30_000);
  const [first] = await stage.log.until("notice");
  assert.equal(first?.about, "a@x.example");
  slow.resolve();
  const [, second] = await stage.log.until("notice", 2);
  assert.equal(second?.about, "b@x.example");
  await stage.log.until("mail-done", 3);
});

Deno.test("notifier: recipients that fail at different hops at one time share a report", async () => {
  await using stage = await startStage();
  stage.smarthost.behave = settleWith(FAILED);
  await store(stage.spool, mailTo("a@x.example", "nobody@here", "b@x.example"), { content: HEADED });
  const [notice] = await stage.log.until("notice");
  assert.deepEqual(notice?.about.split(" "), ["a@x.example", "nobody@here", "b@x.example"]);
  await stage.log.until("mail-done", 2);
  assert.equal(stage.log.of("notice").length, 1);
});

Deno.test("notifier: a delay is told once, at its time, whatever the timetable says; then the failure", async () => {
  await using stage = await startStage({
    settings: { notices: { languages: ["en"], delayMs: 400_000, postmaster: null } },
  });
  stage.smarthost.behave = settleWith(DEFERRED);
  await store(stage.spool, mailTo("a@x.example"), { content: HEADED });
  // After 300 s by the timetable, then by the delay: 900 s more would be too late.
  for (const ms of [300_000, 100_000]) {
    await untilWakeIn(stage, ms);
    assert.deepEqual(stage.log.of("notice"), []);
    stage.clock.advance(ms);
  }
  await stage.log.until("notice");
  // The next attempt brings no second one.
  await untilWakeIn(stage, 900_000);
  stage.clock.advance(900_000);
  await untilWakeIn(stage, 900_000);
  assert.equal(stage.log.of("notice").length, 1);
  stage.clock.advance(3_600_000);
  const notices = await stage.log.until("notice", 2);
  assert.deepEqual(notices.map(({ action }) => action), ["delayed", "failed"]);
  await stage.log.until("mail-done", 3);
});

Deno.test("notifier: RET=FULL returns a mail of at most 1 MiB, and of a header section come 64 KiB", async () => {
  const header = `Subject: Hello\r\n${"X-Long: yes\r\n".repeat(6000)}`;
  for (
    const [content, expected] of [
      [`Subject: Hello\r\n\r\n${"x".repeat(70)}\r\n`, "full"],
      [`Subject: Hello\r\n\r\n${`${"x".repeat(998)}\r\n`.repeat(1050)}`, "header"],
      [`${header}\r\nbody\r\n`, "cut"],
    ] as const
  ) {
    await using stage = await startStage();
    const reports: string[] = [];
    stage.smarthost.behave = settleWith(FAILED);
    stage.maildir.behave = async (task, signal) => {
      reports.push(latin1(await contentOf(stage.spool, task.mail.id)));
      await settleWith(STORED)(task, signal);
    };
    const ret = expected === "cut" ? "hdrs" : "full";
    await store(stage.spool, { ...mailTo("a@x.example"), ret }, { content: utf8(content) });
    await stage.log.until("mail-done", 2);
    const [, returned = ""] = /^Content-Type: (?:text\/rfc822-headers|message\/rfc822)\r\n\r\n([^]*)\r\n--/m
      .exec(reports[0] ?? "") ?? [];
    if (expected === "full") assert.ok(returned === content);
    if (expected === "header") assert.ok(returned === "Subject: Hello\r\n", `${returned.length} octets`);
    if (expected === "cut") {
      assert.ok(returned.length > 65_000 && returned.length <= 65_536, String(returned.length));
      assert.ok(header.startsWith(returned) && returned.endsWith("\r\n"));
    }
  }
});

Deno.test("notifier: while the spool cannot take a report it stays due, and is made when it can", async () => {
  let broken = true;
  await using stage = await startStage({
    wrap: (spool) =>
      new Proxy(spool, {
        get(target, name) {
          const value = Reflect.get(target, name);
          if (name === "notify" && broken) return () => Promise.reject(new SpoolError("tell", "unavailable"));
          return typeof value === "function" ? value.bind(target) : value;
        },
      }) satisfies Spool,
  });
  stage.smarthost.behave = settleWith(FAILED);
  const mail = await store(stage.spool, mailTo("a@x.example"), { content: HEADED });
  await stage.log.until("alarm");
  assert.deepEqual(await stage.spool.mailsToNotify(), [mail]);
  broken = false;
  await untilWakeIn(stage, 60_000);
  stage.clock.advance(60_000);
  await stage.log.until("notice");
  assert.deepEqual(await stage.spool.mailsToNotify(), []);
});

Deno.test("notifier: what an earlier process has left to tell is told at the start", async () => {
  let mail = "";
  await using stage = await startStage({
    prepare: async (spool) => {
      mail = await store(spool, mailTo("a@x.example"), { content: HEADED });
      const notice = noticeOf("failed");
      await spool.settle(mail, 0, FAILED, { due: 0, notice });
    },
  });
  const [notice] = await stage.log.until("notice");
  assert.deepEqual([notice?.mail, notice?.to, notice?.action], [mail, "shin@here", "failed"]);
  assert.equal(await stage.spool.show(mail), null);
});

/** Waits until the scheduler sleeps for this long. */
async function untilWakeIn({ clock, spool }: Stage, ms: number): Promise<void> {
  while (!clock.wakes.includes(clock.now() + ms)) await spool.nextDue();
}
