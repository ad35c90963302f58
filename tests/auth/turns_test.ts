import { equal, ok } from "node:assert/strict";
import { Turns } from "../../src/auth/turns.ts";

const SETTINGS = { slotMs: 10_000, forgetMs: 86_400_000 };
const account = "shin@baz.co.jp";

/** Small and the same each time (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

Deno.test("a network that takes every slot waits behind one that comes anew", () => {
  const turns = new Turns();
  for (let now = 0; now < 100_000; now += 1000) turns.take({ account, network: "bad", now }, SETTINGS);
  equal(turns.take({ account, network: "new", now: 101_000 }, SETTINGS), true, "no promise stands against it");
  equal(turns.take({ account, network: "other", now: 102_000 }, SETTINGS), false);
  equal(turns.take({ account, network: "bad", now: 111_000 }, SETTINGS), false, "kept for the other");
  equal(turns.take({ account, network: "other", now: 140_000 }, SETTINGS), true);
  equal(turns.take({ account, network: "bad", now: 150_000 }, SETTINGS), true, "nobody waits any more");
});

Deno.test("a promise that is not taken up ends, and asking again does not renew it for ever", () => {
  const turns = new Turns();
  const ask = (network: string, now: number) => turns.take({ account, network, now }, SETTINGS);
  equal(ask("bad", 0), true);
  equal(ask("feigns", 1000), false);
  equal(ask("bad", 60_999), false);
  equal(ask("bad", 61_000), true, "the minute is over");
  equal(ask("feigns", 62_000), false);
  equal(ask("bad", 72_000), false, "it had one turn by now, and we more");
  let refused = 0;
  for (let now = 130_000; now < 1_000_000; now += 10_000) {
    if (!ask("bad", now)) refused++;
    ask("feigns", now + 1);
  }
  ok(refused < 60, `${refused} of 87`);
});

Deno.test("fifty networks that hammer: one slot in ten seconds, and who comes anew gets one of the next", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const [turns, random] = [new Turns(), randomOf(seed)];
    const begins = 600_000 + Math.floor(random() * 60_000);
    let [taken, owner, nextTry, admitted] = [0, 0, begins, false];
    for (let now = 0; now < 900_000; now += 100 + Math.floor(random() * 300)) {
      if (turns.take({ account, network: `bad ${Math.floor(random() * 50)}`, now }, SETTINGS)) taken++;
      if (now < nextTry || admitted) continue;
      owner++;
      nextTry = now + 15_000 + random() * 15_000;
      admitted = turns.take({ account, network: "home", now }, SETTINGS);
    }
    ok(taken <= 90, `${taken} slots`);
    ok(admitted && owner <= 3, `seed ${seed}: tried ${owner} times`);
  }
});

Deno.test("networks of one rank cannot keep each other out by promises", () => {
  const turns = new Turns();
  equal(turns.take({ account, network: "bad", now: 0 }, SETTINGS), true);
  for (let each = 0; each < 50; each++) {
    equal(turns.take({ account, network: `bad ${each}`, now: 1000 + each }, SETTINGS), false);
  }
  equal(turns.take({ account, network: "home", now: 11_000 }, SETTINGS), true);
});
