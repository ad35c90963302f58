import assert from "node:assert/strict";
import { sparing } from "../../../src/http/metrics/sparing.ts";

Deno.test("an answer is given again for a multiple of the time that it took", async () => {
  let [now, asked] = [0, 0];
  const ask = sparing(() => {
    now += 50;
    return Promise.resolve(++asked);
  }, { times: 20, now: () => now });
  assert.deepEqual(await Promise.all([ask(), ask()]), [1, 1]);
  now = 50 + 999;
  assert.equal(await ask(), 1);
  now = 50 + 1000;
  assert.equal(await ask(), 2);
});

Deno.test("a rejection is told to those who wait for it, and the next one asks anew", async () => {
  let asked = 0;
  const ask = sparing(() => ++asked === 1 ? Promise.reject(new Error("no")) : Promise.resolve(asked), {
    times: 20,
    now: () => 0,
  });
  const both = await Promise.allSettled([ask(), ask()]);
  assert.deepEqual(both.map(({ status }) => status), ["rejected", "rejected"]);
  assert.equal(await ask(), 2);
});
