import assert from "node:assert/strict";
import { expired, nextDue } from "../../src/delivery/retry.ts";

const SETTINGS = { retryMs: [300, 900, 1800], giveUpMs: 10_000 };

Deno.test("nextDue follows the timetable, whose last wait repeats", () => {
  const waits = [1, 2, 3, 4, 9].map((attempts) => nextDue({ attempts, received: 0, now: 1000 }, SETTINGS));
  assert.deepEqual(waits, [1300, 1900, 2800, 2800, 2800]);
});

Deno.test("nextDue makes the last attempt at the moment of giving up, and none after it", () => {
  assert.equal(nextDue({ attempts: 4, received: 0, now: 9_000 }, SETTINGS), 10_000);
  assert.equal(nextDue({ attempts: 5, received: 0, now: 10_000 }, SETTINGS), null);
});

Deno.test("expired is permanent with 5.4.7 and names the last answer", () => {
  assert.deepEqual(expired("451 4.4.1 Cannot connect to x:25"), {
    kind: "failed",
    enhanced: "5.4.7",
    reply: "554 5.4.7 Delivery time expired; the last answer was: 451 4.4.1 Cannot connect to x:25",
    ours: true,
  });
});
