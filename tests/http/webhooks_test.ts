import assert from "node:assert/strict";
import { join } from "node:path";
import type { WebhookConfig } from "../../src/config/config.ts";
import type { Clock } from "../../src/delivery/clock.ts";
import { webhookHeaders } from "../../src/http/webhooks/message.ts";
import { Observer } from "../../src/http/webhooks/observer.ts";
import { createWebhooks, type WebhookParts, type Webhooks } from "../../src/http/webhooks/webhooks.ts";
import type { LogEvent } from "../../src/log/event.ts";
import { openRecords } from "../../src/records/open_records.ts";
import type { Outbox, Records } from "../../src/records/records.ts";
import { refusedLogin } from "../lib/login_event.ts";
import { makeFolder } from "../servers/lib.ts";
import { keptLog } from "./lib.ts";
import { startReceiver } from "./webhook_receiver.ts";

const SECRET = "a secret of twenty-four characters";
const KEY = new TextEncoder().encode(SECRET);
const EVENTS = [
  "account-held",
  "backend-down",
  "backend-up",
  "certificate-near-end",
  "queue-old",
  "smarthost-refused",
] as const;
const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];
const START = Date.UTC(2026, 10, 24, 8);

const DOWN: LogEvent = { kind: "backend-down", backend: "staff", reason: "connection refused" };
const UP: LogEvent = { kind: "backend-up", backend: "staff" };

/** A clock that goes on when it is told to, and not before. */
class HandClock implements Clock {
  #now = START;
  readonly #timers = new Set<{ readonly at: number; readonly wake: () => void }>();

  now(): number {
    return this.#now;
  }

  wakeAt(at: number, wake: () => void): Disposable {
    const timer = { at, wake };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  /** When the next timer is due, but for that of the looks. */
  get waits(): readonly number[] {
    return [...this.#timers].map(({ at }) => at - this.#now).toSorted((one, other) => one - other);
  }

  pass(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers].filter(({ at }) => at <= this.#now)) {
      this.#timers.delete(timer);
      timer.wake();
    }
  }
}

/** The records in a file, and what stands on them. */
interface Bench extends AsyncDisposable {
  readonly clock: HandClock;
  readonly records: Records;
  readonly events: readonly LogEvent[];
  start(given?: Partial<WebhookParts>): Webhooks;
}

async function bench(webhooks: readonly Partial<WebhookConfig>[], clock = new HandClock()): Promise<Bench> {
  const folder = await makeFolder();
  const opened = openRecords(join(folder.path, "records"), { now: () => clock.now() });
  assert.ok(opened.ok);
  const { events, log } = keptLog();
  const settings = {
    hostname: "mail.foobar.co.jp",
    webhooks: webhooks.map((each) => ({ url: "", secret: SECRET, events: EVENTS, queueAgeMs: HOUR, ...each })),
    delivery: {
      default: "none",
      smarthost: null,
      mx: { resolvers: [], sourceAddresses: [], mtaSts: true, caFile: null, concurrency: 2 },
      local: null,
      delayNoticeMs: null,
      giveUpMs: 0,
      retryMs: [],
      etrnDomains: [],
    },
  } as const;
  return {
    ...{ clock, events, records: opened.value },
    start: (given = {}) =>
      createWebhooks({
        ...{ outbox: opened.value.outbox, settings: () => settings, log, clock },
        census: () => Promise.resolve({ oldest: null, mails: 0 }),
        certificateEnds: () => null,
        ...given,
      }),
    async [Symbol.asyncDispose]() {
      await opened.value[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Waits until something holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

Deno.test("the signature is that of the example in the standard", () => {
  // From the test vectors of the standard's own libraries.
  const headers = webhookHeaders({
    id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    body: '{"test": 2432232314}',
    at: 1614265330_000,
    secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
  });
  assert.deepEqual(headers, {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

Deno.test("an event reaches everybody who wants it, signed, and nobody else", async () => {
  await using one = startReceiver(KEY);
  await using other = startReceiver(KEY);
  await using it = await bench([{ url: one.url }, { url: other.url, events: ["queue-old", "backend-up"] }]);
  await using webhooks = it.start();
  webhooks.note(DOWN);
  webhooks.note(DOWN);
  webhooks.note({ kind: "ready", ms: 3 });
  webhooks.note(UP);
  webhooks.note(UP);
  const [down, up] = await one.wait(2);
  const [alone] = await other.wait(1);
  assert.deepEqual(down?.body, {
    type: "backend-down",
    timestamp: new Date(START).toISOString(),
    data: { hostname: "mail.foobar.co.jp", backend: "staff", reason: "connection refused" },
  });
  assert.deepEqual([up?.type, alone?.type], ["backend-up", "backend-up"]);
  assert.notEqual(up?.id, alone?.id);
  await until(() => it.records.outbox.nextDue() === null);
  assert.deepEqual([one.received.length, other.received.length, it.events.length], [2, 1, 0]);
});

Deno.test("two sections of one URL are one request with both signatures, so that a secret can be changed", async () => {
  const fresh = new Uint8Array(32).fill(7);
  for (const key of [KEY, fresh]) {
    await using receiver = startReceiver(key);
    await using it = await bench([{ url: receiver.url }, { url: receiver.url, secret: `whsec_${fresh.toBase64()}` }]);
    await using webhooks = it.start();
    webhooks.note(DOWN);
    await receiver.wait(1);
    await until(() => it.records.outbox.nextDue() === null);
    assert.equal(receiver.received.length, 1);
  }
});

Deno.test("what is not taken is tried again by doubling waits up to an hour, with one id and a fresh time", async () => {
  await using receiver = startReceiver(KEY);
  receiver.answer(() => new Response("no", { status: 500 }));
  await using it = await bench([{ url: receiver.url }]);
  await using webhooks = it.start();
  webhooks.note(DOWN);
  const waits = [];
  for (let attempts = 1; attempts <= 9; attempts++) {
    await receiver.wait(attempts);
    await until(() => it.records.outbox.nextDue()! > it.clock.now());
    const wait = it.records.outbox.nextDue()! - it.clock.now();
    waits.push(wait / SECOND);
    if (attempts === 9) break;
    // A moment before it is due nothing happens.
    it.clock.pass(wait - 1);
    assert.equal(it.records.outbox.due(it.clock.now(), 10).length, 0);
    await until(() => it.clock.waits.includes(1));
    it.clock.pass(1);
  }
  assert.deepEqual(waits, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
  assert.equal(new Set(receiver.received.map(({ id }) => id)).size, 1);
  assert.equal(new Set(receiver.received.map(({ timestamp }) => timestamp)).size, 9);
  assert.equal(new Set(receiver.received.map(({ body }) => body["timestamp"])).size, 1);
  receiver.answer(() => new Response("thanks"));
  it.clock.pass(HOUR);
  await until(() => it.records.outbox.nextDue() === null);
  const [warning, ...more] = it.events;
  assert.deepEqual(more, []);
  assert.ok(warning?.kind === "warning" && warning.about === "webhook");
  assert.match(warning.text, /^Cannot send backend-down to http:\/\/127\.0\.0\.1:\d+, .*: status 500$/);
});

Deno.test("a restart loses nothing: another process over the same file goes on", async () => {
  await using receiver = startReceiver(KEY);
  receiver.answer(() => new Response(null, { status: 503 }));
  await using it = await bench([{ url: receiver.url }]);
  {
    await using webhooks = it.start();
    webhooks.note(DOWN);
    await receiver.wait(1);
    await until(() => it.records.outbox.nextDue()! > it.clock.now());
  }
  assert.deepEqual(it.clock.waits, [], "nothing is left of the first");
  receiver.answer(() => new Response());
  it.clock.pass(5 * MINUTE);
  await using _webhooks = it.start();
  const [first, second] = await receiver.wait(2);
  assert.equal(first?.id, second?.id);
  await until(() => it.records.outbox.nextDue() === null);
});

Deno.test("after three days it is given up with an alarm, and at once where the receiver is gone or not configured", async () => {
  await using receiver = startReceiver(KEY);
  receiver.answer(() => new Response(null, { status: 404 }));
  await using it = await bench([{ url: receiver.url }]);
  it.records.outbox.add({ id: `msg_${"0".repeat(32)}`, url: "https://example.net/x", body: "{}" }, START);
  await using webhooks = it.start();
  await until(() => it.records.outbox.nextDue() === null);
  assert.equal(it.events.length, 0);

  webhooks.note(DOWN);
  await receiver.wait(1);
  await until(() => it.records.outbox.nextDue()! > it.clock.now());
  it.clock.pass(3 * DAY);
  await until(() => it.records.outbox.nextDue() === null);
  receiver.answer(() => new Response(null, { status: 410 }));
  webhooks.note(UP);
  await receiver.wait(3);
  await until(() => it.records.outbox.nextDue() === null);
  const alarms = it.events.flatMap((event) => event.kind === "alarm" ? [event.text] : []);
  assert.equal(alarms.length, 2);
  assert.match(alarms[0]!, /^Gave up sending backend-down to http:\S+: status 404$/);
  assert.match(alarms[1]!, /^Gave up sending backend-up to http:\S+: status 410/);
});

Deno.test("redirects are not followed, the answer is not read, and nothing of the URL but its origin is logged", async () => {
  await using trap = startReceiver(KEY);
  await using receiver = startReceiver(KEY);
  await using it = await bench([{ url: `${receiver.url}/TOKEN` }]);
  let cancelled = false;
  const endless = () =>
    new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
      cancel: () => {
        cancelled = true;
      },
    });
  await using webhooks = it.start();
  receiver.answer(() => Response.redirect(trap.url, 307));
  webhooks.note(DOWN);
  await until(() => it.events.length === 1);
  receiver.answer(() => new Response(endless()));
  webhooks.note(UP);
  await until(() => it.records.outbox.due(it.clock.now(), 10).length === 0 && cancelled);
  assert.equal(trap.received.length, 0);
  assert.match(JSON.stringify(it.events), /status 307: redirects are not followed/);
  assert.ok(!JSON.stringify(it.events).includes("TOKEN"));
  receiver.answer(() => new Response());
  it.clock.pass(MINUTE);
  await until(() => it.records.outbox.nextDue() === null);
});

Deno.test("a receiver that gives no answer holds up nobody else, and is asked once a round", async () => {
  await using receiver = startReceiver(KEY);
  const asked: string[] = [];
  const silent = "https://silent.example/";
  const doFetch = (url: string, init: RequestInit) => {
    if (url !== silent) return fetch(url, init);
    asked.push(url);
    return Promise.reject(
      new TypeError(`error sending request for url (${url}TOKEN)`, { cause: new Error("no route") }),
    );
  };
  await using it = await bench([{ url: silent }, { url: receiver.url }]);
  await using webhooks = it.start({ fetch: doFetch });
  webhooks.note(DOWN);
  await receiver.wait(1);
  webhooks.note(UP);
  await receiver.wait(2);
  await until(() => it.records.outbox.due(it.clock.now(), 10).length === 0);
  const before = asked.length;
  it.clock.pass(30 * SECOND);
  await until(() => it.records.outbox.due(it.clock.now(), 10).length === 0);
  assert.equal(asked.length, before + 1);
  assert.match(JSON.stringify(it.events), /no route/);
  assert.doesNotMatch(JSON.stringify(it.events), /TOKEN/);
});

Deno.test("stopping cuts what is being sent, and it stays in the file", async () => {
  await using receiver = startReceiver(KEY);
  const held = Promise.withResolvers<Response>();
  receiver.answer(() => held.promise);
  await using it = await bench([{ url: receiver.url }]);
  const webhooks = it.start();
  webhooks.note(DOWN);
  await receiver.wait(1);
  await webhooks[Symbol.asyncDispose]();
  held.resolve(new Response());
  assert.equal(it.records.outbox.due(it.clock.now(), 10)[0]?.attempts, 0);
  assert.deepEqual(it.events, []);
});

Deno.test("an outbox that cannot be used is told once a minute, and what was sent is not sent again and again", async () => {
  await using receiver = startReceiver(KEY);
  await using it = await bench([{ url: receiver.url }]);
  let broken = false;
  const { outbox } = it.records;
  const fragile: Outbox = {
    add: (item, now) => outbox.add(item, now),
    due: (now, limit) => outbox.due(now, limit),
    nextDue: () => outbox.nextDue(),
    failed: (id, retry) => outbox.failed(id, retry),
    drop: (id) => outbox.drop(id),
    sent: (id) => {
      if (broken) throw new Error("disk I/O error");
      outbox.sent(id);
    },
  };
  broken = true;
  await using webhooks = it.start({ outbox: fragile });
  webhooks.note(DOWN);
  await receiver.wait(1);
  await until(() => it.clock.waits.includes(MINUTE));
  assert.deepEqual(it.events, [
    { kind: "alarm", about: "webhook", text: "Cannot use the outbox of webhooks: disk I/O error" },
  ]);
  broken = false;
  it.clock.pass(MINUTE);
  const [first, second] = await receiver.wait(2);
  assert.equal(first?.id, second?.id);
  await until(() => outbox.nextDue() === null);
});

Deno.test("the certificate is told of once a day from 14 days before its end, the queue once an hour", async () => {
  await using receiver = startReceiver(KEY);
  await using patient = startReceiver(KEY);
  await using it = await bench([{ url: receiver.url }, {
    url: patient.url,
    events: ["queue-old"],
    queueAgeMs: 5 * HOUR,
  }]);
  const ends = START + 14 * DAY + MINUTE;
  let oldest: number | null = null;
  let looks = 0;
  await using webhooks = it.start({
    certificateEnds: () => ends,
    census: () => {
      looks++;
      return Promise.resolve({ oldest, mails: 3 });
    },
  });
  const passAndLook = async (ms: number) => {
    // A look that is under way is not begun a second time.
    await new Promise((resolve) => setTimeout(resolve, 0));
    const before = looks;
    it.clock.pass(ms);
    await until(() => looks > before);
    await until(() => it.records.outbox.nextDue() === null);
  };
  const types = () => receiver.received.map(({ type }) => type);
  await passAndLook(30 * SECOND);
  assert.deepEqual(types(), []);
  await passAndLook(30 * SECOND);
  await receiver.wait(1);
  await passAndLook(23 * HOUR);
  assert.deepEqual(types(), ["certificate-near-end"]);
  await passAndLook(HOUR);
  const [, again] = await receiver.wait(2);
  assert.deepEqual(again?.data, {
    hostname: "mail.foobar.co.jp",
    expires: new Date(ends).toISOString(),
    daysLeft: 13,
  });
  oldest = it.clock.now() - HOUR + MINUTE;
  await passAndLook(30 * SECOND);
  assert.equal(types().length, 2);
  await passAndLook(MINUTE);
  const [, , old] = await receiver.wait(3);
  assert.deepEqual(old?.data, {
    hostname: "mail.foobar.co.jp",
    oldest: new Date(oldest).toISOString(),
    ageMinutes: 60,
    mails: 3,
  });
  await passAndLook(59 * MINUTE);
  assert.equal(types().length, 3);
  await passAndLook(MINUTE);
  await receiver.wait(4);
  assert.deepEqual(patient.received, []);
  await passAndLook(3 * HOUR + MINUTE);
  assert.equal((await patient.wait(1))[0]?.type, "queue-old");
  webhooks.configure();
  await until(() => it.records.outbox.nextDue() === null);
});

Deno.test("nothing is looked at for nobody", async () => {
  await using it = await bench([{ url: "https://example.net/", events: ["backend-down"] }]);
  const unasked = () => {
    throw new TypeError("Cannot be asked");
  };
  await using webhooks = it.start({ census: unasked, certificateEnds: unasked });
  it.clock.pass(MINUTE);
  webhooks.configure();
  await using none = await bench([]);
  await using quiet = none.start({ census: unasked, certificateEnds: unasked });
  quiet.note(DOWN);
  assert.deepEqual([none.clock.waits, none.records.outbox.nextDue()], [[], null]);
  assert.deepEqual([it.events, none.events], [[], []]);
});

Deno.test("a backend that a reload forgot to be down is up with the next login that it decides", () => {
  const observer = new Observer();
  const note = (event: LogEvent) => observer.note(event, { now: START }).map(({ type }) => type);
  const login = (...answers: readonly string[]) =>
    refusedLogin({ chain: answers.map((answer) => ({ backend: "staff", answer, ms: 1 })) });
  assert.deepEqual(note(login("accepted")), []);
  assert.deepEqual(note(DOWN), ["backend-down"]);
  for (const step of ["unavailable:connection refused", "other realms", "no passwords", "known"]) {
    assert.deepEqual(note(login(step)), [], step);
  }
  assert.deepEqual(note(DOWN), []);
  assert.deepEqual(note(login("rejected:wrong-secret")), ["backend-up"]);
  assert.deepEqual(note(UP), []);
});

Deno.test("a smarthost that refuses the login is told once an hour, until a mail goes through", () => {
  const observer = new Observer();
  const alarm: LogEvent = {
    ...{ kind: "alarm", about: "smarthost-auth", text: "smtp.example.net: refused AUTH: 535 no" },
    ...{ route: "smarthost", smarthost: "smtp.example.net:587" },
  };
  const relayed: LogEvent = {
    ...{ kind: "delivery", mail: "m", recipient: "r@example.net", route: "smarthost", host: "smtp.example.net" },
    ...{ outcome: "relayed", reply: "250 ok", attempts: 1, next: null, ms: 1 },
  };
  const note = (event: LogEvent, now: number) => observer.note(event, { now });
  const data = {
    smarthost: "smtp.example.net:587",
    route: "smarthost",
    reason: "smtp.example.net: refused AUTH: 535 no",
  };
  assert.deepEqual(note(alarm, START), [{ type: "smarthost-refused", data }]);
  assert.deepEqual(note(alarm, START + HOUR - 1), []);
  assert.equal(note(alarm, START + HOUR).length, 1);
  assert.deepEqual(note(relayed, START + HOUR), []);
  assert.equal(note(alarm, START + HOUR + 1).length, 1);
  // Another route has an hour of its own, and what goes through there says nothing of this one.
  const other = { ...alarm, route: "partner", smarthost: "relay.example.org:465" };
  const told = { ...data, route: "partner", smarthost: "relay.example.org:465" };
  assert.deepEqual(note(other, START + HOUR + 2), [{ type: "smarthost-refused", data: told }]);
  assert.deepEqual(note({ ...relayed, route: "partner" }, START + HOUR + 3), []);
  assert.deepEqual(note(alarm, START + HOUR + 4), []);
  assert.equal(note(other, START + HOUR + 4).length, 1);
  const { route: _route, ...unrouted } = alarm;
  assert.deepEqual(note(unrouted, START + HOUR + 5), [{ type: "smarthost-refused", data: { ...data, route: null } }]);
  assert.deepEqual(note({ kind: "alarm", about: "smarthost-tls", text: "x" }, START + 3 * HOUR), []);
});
