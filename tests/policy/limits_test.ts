import assert from "node:assert/strict";
import { ConnectionRate } from "../../src/policy/connection_rate.ts";
import { LIMIT_KINDS, NO_AMOUNTS, SlidingCount, Use, WINDOWS } from "../../src/policy/limit_usage.ts";
import { effectiveValues, judgeLimits, limitStandings, suggestValues } from "../../src/policy/limits.ts";
import { limitReached, timeText } from "../../src/smtp/limit_replies.ts";
import { Random } from "../lib/random.ts";

const START = Date.UTC(2026, 10, 24, 12, 0, 0);
const HOUR = 3_600_000;
const MINUTE = 60_000;
const mails = (count: number) => ({ ...NO_AMOUNTS, mails: count });

Deno.test("SlidingCount forgets after its window, at most one slot late and never early", () => {
  const count = new SlidingCount("hour");
  count.add(3, START + 10);
  count.add(2, START + 30 * MINUTE);
  assert.equal(count.sum(START + 59 * MINUTE), 5);
  assert.equal(count.sum(START + HOUR), 5);
  assert.equal(count.sum(START + HOUR + 2.5 * MINUTE), 2);
  assert.equal(count.fallsTo(1, START + HOUR + 2.5 * MINUTE), START + 30 * MINUTE + HOUR + 2.5 * MINUTE);
  assert.equal(count.sum(START + 3 * HOUR), 0);
});

Deno.test("SlidingCount against a naive list: any sequence, any clock, saved and made again", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed);
    const window = (["hour", "day"] as const)[random.below(2)] ?? "hour";
    const { ms, slotMs } = WINDOWS[window];
    let count = new SlidingCount(window);
    const events: { at: number; count: number }[] = [];
    let now = START;
    for (let step = 0; step < 60; step++) {
      now += random.below(ms / 6);
      if (random.below(9 + 1) === 0) count = new SlidingCount(window, JSON.parse(JSON.stringify(count.slots(now))));
      const many = random.below(5 + 1);
      count.add(many, now);
      events.push({ at: now, count: many });
      const leaves = (at: number) => (Math.floor(at / slotMs) + 1) * slotMs + ms;
      const expected = events.filter(({ at }) => leaves(at) > now).reduce((sum, each) => sum + each.count, 0);
      assert.equal(count.sum(now), expected, `seed ${seed}`);
      const inWindow = events.filter(({ at }) => at > now - ms).reduce((sum, each) => sum + each.count, 0);
      assert.ok(count.sum(now) >= inWindow, `seed ${seed}: never more than the limit in a true window`);
      const most = random.below(20 + 1);
      const opens = count.fallsTo(most, now);
      const copy = new SlidingCount(window, count.slots(now));
      assert.ok(copy.sum(opens) <= most, `seed ${seed}: open when it is told`);
      if (opens > now) {
        assert.ok(new SlidingCount(window, count.slots(now)).sum(opens - 1) > most, `seed ${seed}: not before`);
      }
    }
  }
});

Deno.test("judgeLimits(): what is under way counts, and what can never fit is told apart", () => {
  const use = new Use();
  const values = { mailsPerHour: 3, mailsPerDay: 100 };
  use.add(mails(2), START);
  assert.equal(judgeLimits(values, { use, want: mails(1) }, START), null);
  use.reserve(mails(1));
  const found = judgeLimits(values, { use, want: mails(1) }, START);
  assert.deepEqual([found?.name, found?.used, found?.most, found?.opens], ["mailsPerHour", 3, 3, START + MINUTE]);
  use.reserve(mails(-1));
  use.add(mails(1), START);
  assert.equal(judgeLimits(values, { use, want: mails(1) }, START)?.opens, START + HOUR + 2.5 * MINUTE);
  assert.equal(judgeLimits(values, { use, want: mails(1) }, START + HOUR + 2.5 * MINUTE), null);
  use.reserve({ ...NO_AMOUNTS, recipients: 2 });
  const never = judgeLimits({ recipientsPerDay: 2 }, {
    use,
    want: { ...NO_AMOUNTS, recipients: 1 },
    own: { ...NO_AMOUNTS, recipients: 2 },
  }, START);
  assert.equal(never?.opens, null);
  assert.equal(judgeLimits({}, { use, want: mails(1000) }, START), null);
});

Deno.test("judgeLimits() moves no counter, limitStandings() tells when one more fits", () => {
  const use = new Use();
  use.add(mails(5), START);
  const before = JSON.stringify(use.save(START));
  judgeLimits({ mailsPerHour: 5 }, { use, want: mails(1) }, START);
  const [hour] = limitStandings({ mailsPerHour: 5 }, use, START);
  assert.deepEqual([hour?.used, hour?.most, hour?.opens], [5, 5, START + HOUR + 2.5 * MINUTE]);
  assert.equal(JSON.stringify(use.save(START)), before);
});

Deno.test("own values take the place of those of the configuration, null takes a limit away", () => {
  const own = { mailsPerHour: 0, mailsPerDay: null };
  assert.deepEqual(effectiveValues({ mailsPerHour: 5, mailsPerDay: 6, octetsPerDay: 7 }, own), {
    mailsPerHour: 0,
    octetsPerDay: 7,
  });
});

Deno.test("a use is the same when it was saved; suggestions are twice the most of seven days", () => {
  const use = new Use();
  use.add({ mails: 400, recipients: 900, newRecipients: 10, octets: 5 }, START);
  use.noteNetwork("192.0.2.0/24", START);
  const again = new Use(JSON.parse(JSON.stringify(use.save(START))));
  for (const kind of LIMIT_KINDS) assert.equal(again.used(kind, "day", START), use.used(kind, "day", START));
  assert.deepEqual(again.networks(START + MINUTE), ["192.0.2.0/24"]);
  assert.deepEqual(again.networks(START + HOUR), []);
  assert.equal(suggestValues(again.peaks(START)).mailsPerHour, 800);
  assert.equal(suggestValues(again.peaks(START)).newRecipientsPerDay, 200);
  assert.equal(suggestValues(again.peaks(START + 8 * 24 * HOUR)).mailsPerHour, 100);
  again.reset();
  assert.equal(again.used("mails", "day", START), 0);
});

Deno.test("ConnectionRate: at once, in a minute, and bounded", () => {
  const rate = new ConnectionRate();
  const values = { connections: 2, connectionsPerMinute: 3 };
  const first = rate.opened("a", values, START);
  assert.equal(rate.judge("a", values, START), null);
  rate.opened("a", values, START + 1000)[Symbol.dispose]();
  const third = rate.opened("a", values, START + 2000);
  assert.deepEqual(rate.judge("a", values, START + 3000), { limit: "connections", most: 2, opens: null });
  third[Symbol.dispose]();
  third[Symbol.dispose]();
  const over = { limit: "connectionsPerMinute", most: 3, opens: START + MINUTE };
  assert.deepEqual(rate.judge("a", values, START + 3000), over);
  assert.equal(rate.judge("b", values, START + 3000), null);
  assert.equal(rate.judge("a", values, START + MINUTE), null);
  first[Symbol.dispose]();
  for (let guest = 0; guest < 20_000; guest++) rate.opened(`g${guest}`, values, START)[Symbol.dispose]();
  assert.ok(rate.size <= 10_001, String(rate.size));
});

Deno.test("the replies have the time, on another day with the date, and are one line of ASCII", () => {
  assert.equal(timeText(START + 4 * MINUTE + 1, START), "12:05 UTC");
  assert.equal(timeText(START + 24 * HOUR, START), "2026-11-25 12:00 UTC");
  for (const kind of LIMIT_KINDS) {
    const words = { of: "account", kind, window: "day", most: 999_999_999_999, now: START } as const;
    for (const opens of [null, START + 24 * HOUR]) {
      const { code, enhanced, lines } = limitReached({ ...words, opens });
      assert.deepEqual([code, enhanced], opens === null ? [550, "5.7.1"] : [452, "4.7.1"]);
      assert.ok(lines.length === 1 && (lines[0] ?? "").length < 200, lines.join());
    }
  }
});
