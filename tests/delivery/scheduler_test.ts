import assert from "node:assert/strict";
import type { DeliveryTask } from "../../src/delivery/deliverer.ts";
import { startScheduler } from "../../src/delivery/scheduler.ts";
import { latin1 } from "../../src/lib/octets.ts";
import type { DeliveryOutcome, QueuedMail, Spool } from "../../src/spool/spool.ts";
import { contentOf, envelopeTo, openTestSpool, store } from "../spool/fixture.ts";
import {
  GIVE_UP_MS,
  ManualClock,
  settleWith,
  type Stage,
  startStage,
  TestDeliverer,
  WatchedLog,
} from "./scheduler_fixture.ts";

const DEFERRED: DeliveryOutcome = { kind: "deferred", cause: "refused", reply: "451 4.3.0 Later" };
const FAILED: DeliveryOutcome = { kind: "failed", reply: "550 5.1.1 No such user", enhanced: "5.1.1" };
const HEADED = new TextEncoder().encode("Subject: Hello\r\n\r\nbody\r\n");

/** The mails in the spool; a mail in work is among them. */
function queued(spool: Spool): Promise<readonly QueuedMail[]> {
  return spool.list({}, { after: null, count: 1000 });
}

/** Resolves when the scheduler has no mail in work. */
async function untilIdle({ scheduler, spool }: Stage): Promise<void> {
  while (scheduler.active() > 0) await spool.nextDue();
}

Deno.test("scheduler: a mail goes to the Maildir and to the smarthost by its recipients, and is gone then", async () => {
  await using stage = await startStage();
  const mail = await store(stage.spool, envelopeTo("taro@example.net", "shin@here"));
  await stage.log.until("mail-done");
  const deliveries = stage.log.of("delivery").map(({ recipient, route, outcome }) =>
    `${recipient} ${route} ${outcome}`
  );
  assert.deepEqual(deliveries.toSorted(), ["shin@here maildir delivered", "taro@example.net smarthost relayed"]);
  assert.equal(await stage.spool.show(mail), null);
});

Deno.test("scheduler: what waits in the spool at the start is delivered", async () => {
  await using stage = await startStage({ prepare: (spool) => store(spool, envelopeTo("taro@example.net")) });
  await stage.log.until("mail-done");
});

Deno.test("scheduler: a deferred recipient is tried again by the timetable, and with success is done", async () => {
  await using stage = await startStage();
  stage.smarthost.behave = settleWith(DEFERRED);
  await store(stage.spool, envelopeTo("taro@example.net"));
  const [first] = await stage.log.until("delivery");
  assert.equal(first?.outcome, "deferred");
  assert.equal(first?.next, new Date(stage.clock.now() + 300_000).toISOString());
  await untilWake(stage, 300_000);
  stage.clock.advance(299_000);
  assert.equal(stage.smarthost.opened, 1);
  stage.clock.advance(1_000);
  const [, second] = await stage.log.until("delivery", 2);
  assert.equal(second?.attempts, 2);
  await untilWake(stage, 900_000);
  stage.smarthost.behave = settleWith({ kind: "relayed", reply: "250 OK" });
  stage.clock.advance(900_000);
  await stage.log.until("mail-done");
});

/** Waits until the scheduler sleeps for this long. */
async function untilWake({ clock, spool }: Stage, ms: number): Promise<void> {
  while (!clock.wakes.includes(clock.now() + ms)) await spool.nextDue();
}

Deno.test("scheduler: a mail that is too old is given up with 5.4.7 and a bounce to its sender", async () => {
  await using stage = await startStage();
  stage.smarthost.behave = settleWith(DEFERRED);
  await store(stage.spool, { ...envelopeTo("taro@example.net"), reversePath: "shin@here" }, { content: HEADED });
  await stage.log.until("delivery");
  await untilWake(stage, 300_000);
  stage.clock.advance(GIVE_UP_MS);
  stage.maildir.behave = async (task) => {
    const content = latin1(new Uint8Array(await new Response(await task.content()).arrayBuffer()));
    assert.equal(task.mail.envelope.reversePath, null);
    assert.match(content, /^Status: 5\.4\.7\r$/m);
    assert.match(
      content,
      /^Diagnostic-Code: x-dokodemo; 554 5\.4\.7 Delivery time expired; .*\r\n .*451 4\.3\.0 Later\r$/m,
    );
    assert.match(content, /^Subject: Hello\r$/m);
    assert.doesNotMatch(content, /^Remote-MTA/m);
    await settleWith({ kind: "delivered", reply: "250 OK" })(task, new AbortController().signal);
  };
  await stage.log.until("mail-done", 2);
  assert.deepEqual(stage.log.of("delivery").map(({ outcome }) => outcome), ["deferred", "failed", "delivered"]);
  assert.deepEqual(stage.log.of("bug"), []);
});

Deno.test("scheduler: the last attempt is made when the time is over, not later", async () => {
  await using stage = await startStage({ settings: { retryMs: [GIVE_UP_MS * 2] } });
  stage.smarthost.behave = settleWith(DEFERRED);
  await store(stage.spool, envelopeTo("taro@example.net"));
  const [first] = await stage.log.until("delivery");
  assert.equal(first?.next, new Date(stage.clock.now() + GIVE_UP_MS).toISOString());
});

Deno.test("scheduler: a permanent failure makes one bounce; RET=FULL brings the whole mail back", async () => {
  for (const ret of [null, "full"] as const) {
    await using stage = await startStage();
    stage.smarthost.behave = settleWith(FAILED);
    let content = "";
    stage.maildir.behave = async (task, signal) => {
      content = latin1(new Uint8Array(await new Response(await task.content()).arrayBuffer()));
      await settleWith({ kind: "delivered", reply: "250 OK" })(task, signal);
    };
    await store(stage.spool, { ...envelopeTo("taro@example.net"), reversePath: "shin@here", ret }, { content: HEADED });
    await stage.log.until("mail-done", 2);
    assert.match(content, /^Status: 5\.1\.1\r\nRemote-MTA: dns; smtp\.example\.net\r$/m);
    assert.match(content, ret === "full" ? /^Subject: Hello\r\n\r\nbody\r$/m : /^Subject: Hello\r\n\r\n--/m);
    assert.equal(stage.log.of("notice").length, 1);
  }
});

Deno.test("scheduler: no bounce of a bounce, none that NOTIFY does not want", async () => {
  await using stage = await startStage();
  stage.smarthost.behave = settleWith(FAILED);
  const envelope = envelopeTo("taro@example.net");
  await store(stage.spool, { ...envelope, reversePath: null });
  for (const notify of [["never"], ["success"]] as const) {
    await store(stage.spool, { ...envelope, recipients: [{ ...envelope.recipients[0]!, notify }] });
  }
  await stage.log.until("mail-done", 3);
  assert.equal(stage.log.of("notice").length, 0);
  assert.deepEqual(await queued(stage.spool), []);
});

Deno.test("scheduler: a bounce that cannot be delivered ends quietly", async () => {
  await using stage = await startStage();
  stage.smarthost.behave = settleWith(FAILED);
  await store(stage.spool, envelopeTo("taro@example.net"), { content: HEADED });
  await stage.log.until("mail-done", 2);
  assert.deepEqual(stage.log.of("delivery").map(({ recipient }) => recipient), ["taro@example.net", "shin@baz.co.jp"]);
  assert.deepEqual(await queued(stage.spool), []);
});

Deno.test("scheduler: each failed recipient settles alone, with its own outcome", async () => {
  await using stage = await startStage();
  stage.smarthost.behave = async (task) => {
    await task.settle(task.recipients[0]!.id, FAILED);
    await task.settle(task.recipients[1]!.id, DEFERRED);
    await task.settle(task.recipients[2]!.id, { kind: "relayed", reply: "250 OK" });
  };
  const mail = await store(stage.spool, { ...envelopeTo("a@x", "b@x", "c@x"), reversePath: null });
  await stage.log.until("delivery", 3);
  const shown = await stage.spool.show(mail);
  assert.deepEqual(shown?.recipients.map(({ state }) => state), ["failed", "waiting", "relayed"]);
});

Deno.test("scheduler: unknown and not reachable recipients fail, one that cannot be looked up waits", async () => {
  await using stage = await startStage({ settings: { smarthost: null } });
  const envelope = envelopeTo("nobody@here", "taro@example.net", "down@here");
  await store(stage.spool, { ...envelope, reversePath: null });
  const deliveries = await stage.log.until("delivery", 3);
  assert.deepEqual(deliveries.map(({ recipient, reply, outcome }) => `${recipient} ${outcome} ${reply}`).toSorted(), [
    "down@here deferred 451 4.3.0 The address cannot be looked up now",
    "nobody@here failed 550 5.1.1 There is no such address here",
    "taro@example.net failed 550 5.4.4 There is no route to this domain",
  ]);
});

Deno.test("scheduler: a resolver that throws is a bug, and its mail waits", async () => {
  await using stage = await startStage({
    settings: { recipients: { resolve: () => Promise.reject(new Error("resolver broke")) } },
  });
  await store(stage.spool, envelopeTo("taro@example.net"));
  const [delivery] = await stage.log.until("delivery");
  assert.equal(delivery?.outcome, "deferred");
  assert.match(stage.log.of("bug")[0]?.text ?? "", /resolver broke/);
});

Deno.test("scheduler: a slow smarthost keeps no Maildir waiting", async () => {
  await using stage = await startStage();
  const slow = Promise.withResolvers<void>();
  stage.smarthost.behave = async (task, signal) => {
    await slow.promise;
    await settleWith({ kind: "relayed", reply: "250 OK" })(task, signal);
  };
  for (let at = 0; at < 300; at++) await store(stage.spool, envelopeTo("taro@example.net"));
  await store(stage.spool, envelopeTo("shin@here"));
  const [done] = await stage.log.until("delivery");
  assert.equal(done?.recipient, "shin@here");
  assert.equal(stage.smarthost.mostOpen, 2);
  slow.resolve();
  await stage.log.until("mail-done", 301);
  assert.equal(stage.smarthost.mostOpen, 2);
  assert.ok(stage.smarthost.opened < 300, "mails share conversations");
});

Deno.test("scheduler: a conversation that can be used for one mail only does not slow the lane to one at a time", async () => {
  await using stage = await startStage();
  stage.smarthost.usable = false;
  let open = 0;
  const both = Promise.withResolvers<void>();
  stage.smarthost.behave = async (task, signal) => {
    open++;
    // From the fifth mail on both conversations have been renewed; then two have to be here at once.
    if (stage.smarthost.opened > 4) {
      if (open === 2) both.resolve();
      await both.promise;
    }
    open--;
    await settleWith({ kind: "relayed", reply: "250 OK" })(task, signal);
  };
  for (let at = 0; at < 10; at++) await store(stage.spool, envelopeTo("taro@example.net"));
  await stage.log.until("mail-done", 10);
  assert.equal(stage.smarthost.opened, 10);
});

Deno.test("scheduler: a hop that is down defers all that waits for it, and nothing turns in a circle", async () => {
  let claims = 0;
  await using stage = await startStage({
    prepare: async (spool, { smarthost }) => {
      smarthost.problem = { kind: "deferred", cause: "network", reply: "451 4.4.1 Cannot connect" };
      for (let at = 0; at < 50; at++) await store(spool, envelopeTo("taro@example.net"));
    },
    wrap: (spool) => intercept(spool, { claim: (...args) => (claims++, spool.claim(...args)) }),
  });
  await stage.log.until("delivery", 50);
  await untilIdle(stage);
  await untilWake(stage, 300_000);
  assert.ok(stage.smarthost.opened <= 50);
  // At most one claim for each mail that ended, and none when all is quiet.
  for (let at = 0; at < 20; at++) await stage.spool.nextDue();
  assert.ok(claims <= 51, `${claims} claims`);
  const before = claims;
  for (let at = 0; at < 20; at++) await stage.spool.nextDue();
  assert.equal(claims, before);
  stage.smarthost.problem = null;
  stage.clock.advance(300_000);
  await stage.log.until("mail-done", 50);
});

Deno.test("scheduler: a hop that refuses our login is not asked again for a minute", async () => {
  await using stage = await startStage();
  stage.smarthost.problem = { kind: "deferred", cause: "auth", reply: "535 5.7.8 Wrong" };
  for (let at = 1; at <= 5; at++) {
    await store(stage.spool, envelopeTo("taro@example.net"));
    await stage.log.until("delivery", at);
  }
  assert.equal(stage.smarthost.opened, 1);
  stage.clock.advance(60_000);
  await store(stage.spool, envelopeTo("taro@example.net"));
  await stage.log.until("delivery", 6);
  assert.equal(stage.smarthost.opened, 2);
});

Deno.test("scheduler: a hop that refuses our login is asked at once when somebody wants a retry", async () => {
  await using stage = await startStage();
  stage.smarthost.problem = { kind: "deferred", cause: "auth", reply: "535 5.7.8 Wrong" };
  const id = await store(stage.spool, envelopeTo("taro@example.net"));
  await stage.log.until("delivery");
  stage.smarthost.problem = null;
  await stage.spool.retry(id);
  const [, refused] = await stage.log.until("delivery", 2);
  assert.deepEqual([refused?.outcome, stage.smarthost.opened], ["deferred", 1], "not because it is due alone");
  stage.scheduler.forgive();
  await stage.spool.retry(id);
  await stage.log.until("mail-done");
  assert.equal(stage.smarthost.opened, 2);
});

Deno.test("scheduler: when one conversation cannot be opened beside another, its mail goes in that one", async () => {
  await using stage = await startStage();
  const first = Promise.withResolvers<void>();
  stage.smarthost.behave = async (task, signal) => {
    await first.promise;
    await settleWith({ kind: "relayed", reply: "250 OK" })(task, signal);
  };
  await store(stage.spool, envelopeTo("a@x"));
  while (stage.smarthost.opened < 1) await stage.spool.nextDue();
  stage.smarthost.problem = { kind: "deferred", cause: "refused", reply: "421 4.7.0 Too many connections" };
  await store(stage.spool, envelopeTo("b@x"));
  while (stage.smarthost.opened < 2) await stage.spool.nextDue();
  first.resolve();
  await stage.log.until("mail-done", 2);
  assert.deepEqual(stage.log.of("delivery").map(({ outcome }) => outcome), ["relayed", "relayed"]);
});

Deno.test("scheduler: a deliverer that throws, or forgets somebody, is a bug; the recipients wait", async () => {
  for (const behave of [() => Promise.reject(new Error("broke")), () => Promise.resolve()]) {
    await using stage = await startStage();
    stage.smarthost.behave = behave;
    await store(stage.spool, envelopeTo("a@x", "b@x"));
    const deliveries = await stage.log.until("delivery", 2);
    assert.deepEqual(deliveries.map(({ outcome }) => outcome), ["deferred", "deferred"]);
    assert.match(stage.log.of("bug")[0]?.text ?? "", /broke|without outcome/);
  }
});

Deno.test("scheduler: a task that is settled twice or for a stranger is a bug, and does no harm", async () => {
  await using stage = await startStage();
  stage.smarthost.behave = async (task) => {
    await task.settle(task.recipients[0]!.id, { kind: "relayed", reply: "250 OK" });
    await task.settle(task.recipients[0]!.id, FAILED);
  };
  await store(stage.spool, envelopeTo("a@x", "b@x"));
  const deliveries = await stage.log.until("delivery", 2);
  assert.deepEqual(deliveries.map(({ recipient, outcome }) => `${recipient} ${outcome}`), [
    "a@x relayed",
    "b@x deferred",
  ]);
  assert.equal(stage.log.of("bug").length, 1);
});

Deno.test("scheduler: a lease that ended while the machine slept does not start a mail twice", async () => {
  await using stage = await startStage();
  const held = Promise.withResolvers<void>();
  stage.smarthost.behave = async (task, signal) => {
    await held.promise;
    await settleWith({ kind: "relayed", reply: "250 OK" })(task, signal);
  };
  await store(stage.spool, envelopeTo("taro@example.net"));
  while (stage.smarthost.opened === 0) await stage.spool.nextDue();
  stage.clock.time += 60 * 60_000;
  stage.scheduler.kick();
  for (let at = 0; at < 20; at++) await stage.spool.nextDue();
  assert.equal(stage.scheduler.active(), 1);
  held.resolve();
  await stage.log.until("mail-done");
  await untilIdle(stage);
  assert.equal(stage.smarthost.opened, 1);
  assert.equal(stage.log.of("delivery").length, 1);
});

Deno.test("scheduler: new settings hold for what is not begun; what is under way ends with the old ones", async () => {
  await using stage = await startStage();
  const held = Promise.withResolvers<void>();
  const begun: string[] = [];
  stage.smarthost.behave = async (task, signal) => {
    begun.push(task.mail.id);
    await held.promise;
    await settleWith({ kind: "relayed", reply: "250 old" })(task, signal);
  };
  for (let at = 0; at < 5; at++) await store(stage.spool, envelopeTo("taro@example.net"));
  while (begun.length < 2) await stage.spool.nextDue();
  const next = new TestDeliverer("smarthost");
  next.behave = settleWith({ kind: "relayed", reply: "250 new" });
  let ended = false;
  const configured = stage.scheduler.configure({
    ...stage.settings,
    smarthost: { route: "smarthost", host: "other.example.net", port: 465 },
    deliverers: new Map([["smarthost", next], ["maildir", stage.maildir]]),
  }).then(() => ended = true);
  await stage.log.until("mail-done", 3);
  assert.ok(stage.log.of("delivery").every(({ reply, host }) => reply === "250 new" && host === "other.example.net"));
  assert.equal(ended, false);
  held.resolve();
  await configured;
  assert.equal(stage.log.of("delivery").filter(({ reply }) => reply === "250 old").length, 2);
  assert.equal(stage.smarthost.open_, 0);
});

Deno.test("scheduler: stop waits for what is under way and begins nothing more; the rest waits in the spool", async () => {
  await using stage = await startStage();
  const held = Promise.withResolvers<void>();
  let begun = 0;
  stage.smarthost.behave = async (task, signal) => {
    begun++;
    await held.promise;
    await settleWith({ kind: "relayed", reply: "250 OK" })(task, signal);
  };
  for (let at = 0; at < 5; at++) await store(stage.spool, envelopeTo("taro@example.net"));
  while (begun < 2) await stage.spool.nextDue();
  const stopped = stage.scheduler.stop(new AbortController().signal);
  held.resolve();
  await stopped;
  assert.equal(stage.log.of("mail-done").length, 2);
  const rest = await queued(stage.spool);
  assert.deepEqual(rest.map(({ recipients }) => recipients[0]?.state), ["waiting", "waiting", "waiting"]);
  assert.equal((await stage.spool.claim(stage.clock.now(), 10, 1000)).length, 3);
  assert.deepEqual(stage.clock.wakes, []);
});

Deno.test("scheduler: a stop whose signal is aborted cuts what can be cut, and that is due at once again", async () => {
  await using stage = await startStage();
  const begun = Promise.withResolvers<void>();
  stage.smarthost.behave = async (task, signal) => {
    begun.resolve();
    await new Promise((cut) => signal.addEventListener("abort", cut));
    await settleWith({ kind: "deferred", cause: "local", reply: "451 4.3.2 The server is stopping" })(task, signal);
  };
  const mail = await store(stage.spool, envelopeTo("taro@example.net"));
  await begun.promise;
  const cut = new AbortController();
  const stopped = stage.scheduler.stop(cut.signal);
  cut.abort();
  await stopped;
  const shown = await stage.spool.show(mail);
  assert.equal(shown?.recipients[0]?.due, stage.clock.now());
});

Deno.test("scheduler: leases are renewed at a third of their time while a mail is in work", async () => {
  const renewed: string[] = [];
  await using stage = await startStage({
    wrap: (spool) => intercept(spool, { renew: (mail, ms) => (renewed.push(mail), spool.renew(mail, ms)) }),
  });
  const held = Promise.withResolvers<void>();
  stage.smarthost.behave = async (task, signal) => {
    await held.promise;
    await settleWith({ kind: "relayed", reply: "250 OK" })(task, signal);
  };
  const mail = await store(stage.spool, envelopeTo("taro@example.net"));
  while (stage.smarthost.opened === 0) await stage.spool.nextDue();
  for (let third = 1; third <= 6; third++) {
    stage.clock.advance(5 * 60_000);
    while (renewed.length < third) await stage.spool.nextDue();
    await untilWakeAny(stage);
  }
  assert.deepEqual(renewed, Array(6).fill(mail));
  assert.equal(stage.smarthost.opened, 1);
  held.resolve();
  await stage.log.until("mail-done");
});

async function untilWakeAny({ clock, spool }: Stage): Promise<void> {
  while (clock.wakes.length === 0) await spool.nextDue();
}

Deno.test("scheduler: when the spool cannot keep an outcome nothing more is sent for a minute", async () => {
  let broken = true;
  await using stage = await startStage({
    wrap: (spool) =>
      intercept(spool, {
        settle: (...args) => broken ? Promise.reject(new Error("disk full")) : spool.settle(...args),
      }),
  });
  await store(stage.spool, envelopeTo("taro@example.net"));
  const [alarm] = await stage.log.until("alarm");
  assert.match(alarm?.text ?? "", /disk full/);
  await untilIdle(stage);
  broken = false;
  await store(stage.spool, envelopeTo("hanako@example.net"));
  assert.equal(stage.smarthost.opened, 1);
  await untilWakeAny(stage);
  stage.clock.advance(60_000);
  await stage.log.until("mail-done", 2);
  assert.deepEqual(stage.log.of("bug"), []);
});

Deno.test("scheduler: a mail that the administrator takes away while it is in work is neither sent nor a bug", async () => {
  await using stage = await startStage();
  const begun = Promise.withResolvers<DeliveryTask>();
  const removed = Promise.withResolvers<void>();
  let sent = false;
  stage.smarthost.behave = async (task, signal) => {
    begun.resolve(task);
    await removed.promise;
    await task.attempting([task.recipients[0]!.id]);
    sent = true;
    await settleWith({ kind: "relayed", reply: "250 OK" })(task, signal);
  };
  const mail = await store(stage.spool, envelopeTo("taro@example.net"));
  await begun.promise;
  await stage.spool.remove(mail);
  removed.resolve();
  await untilIdle(stage);
  assert.equal(sent, false);
  assert.deepEqual([...stage.log.of("bug"), ...stage.log.of("alarm")], []);
});

Deno.test("scheduler: after a restart what was under way goes on", async () => {
  await using stage = await startStage();
  stage.smarthost.behave = async (task, signal) => {
    await task.attempting(task.recipients.map(({ id }) => id));
    await new Promise((cut) => signal.addEventListener("abort", cut));
    for (const { id } of task.recipients) await task.settle(id, DEFERRED);
  };
  const mail = await store(stage.spool, envelopeTo("taro@example.net"), { content: HEADED });
  while ((await stage.spool.show(mail))?.recipients[0]?.state !== "attempting") await stage.spool.nextDue();
  // What a power cut at this moment leaves.
  const copy = await Deno.makeTempDir();
  try {
    for (const name of ["spool.sqlite", "spool.sqlite-wal"]) {
      await Deno.copyFile(`${stage.dir}/${name}`, `${copy}/${name}`);
    }
    const log = new WatchedLog();
    const clock = new ManualClock();
    await using opened = await openTestSpool(copy, { clock, log: log.log });
    assert.equal(latin1(await contentOf(opened.spool, mail)), latin1(HEADED));
    const deliverers = new Map([["smarthost", new TestDeliverer("smarthost")]]);
    await using _next = startScheduler({
      spool: opened.spool,
      ...{ log: log.log, clock, settings: { ...stage.settings, deliverers } },
    });
    await log.until("mail-done");
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
});

/** The spool with some methods replaced. */
function intercept(spool: Spool, change: Partial<Spool>): Spool {
  return new Proxy(spool, {
    get: (target, key) => {
      const found = Reflect.get(change, key) ?? Reflect.get(target, key);
      return typeof found === "function" ? found.bind(Reflect.has(change, key) ? change : target) : found;
    },
  });
}
