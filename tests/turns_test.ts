import { deepEqual, equal, rejects } from "node:assert/strict";
import { createTurns } from "../src/lib/turns.ts";

Deno.test("turns: so many at a time, in order, and one that leaves gives its place on", async () => {
  const turns = createTurns(2);
  const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const begun: number[] = [];
  const enter = (at: number, signal?: AbortSignal) =>
    turns(async () => {
      begun.push(at);
      await gates[at]?.promise;
      return at;
    }, signal);
  const leaving = new AbortController();
  const both = [enter(0), enter(1)];
  const third = enter(2, leaving.signal);
  const fourth = enter(3);
  await Promise.resolve();
  deepEqual(begun, [0, 1]);
  leaving.abort("left");
  await rejects(third, (reason) => reason === "left");
  gates[0]?.resolve();
  equal(await both[0], 0);
  gates[3]?.resolve();
  equal(await fourth, 3);
  gates[1]?.resolve();
  equal(await both[1], 1);
  deepEqual(begun, [0, 1, 3]);
  await rejects(turns(() => Promise.reject(new RangeError("x"))), RangeError);
  await rejects(enter(2, leaving.signal), (reason) => reason === "left");
  deepEqual(begun, [0, 1, 3], "nothing begins for one who has left before");
});

Deno.test("turns: work that runs keeps its turn when nobody waits for it any more", async () => {
  const turns = createTurns(1);
  const gate = Promise.withResolvers<void>();
  const leaving = new AbortController();
  const held = turns(() => gate.promise, leaving.signal);
  let begun = false;
  const next = turns(() => {
    begun = true;
    return Promise.resolve();
  });
  // It runs by then.
  await new Promise((resolve) => setTimeout(resolve));
  leaving.abort("left");
  await rejects(held, (reason) => reason === "left");
  // All that an early turn would set off has had its chance by then.
  await new Promise((resolve) => setTimeout(resolve));
  equal(begun, false);
  gate.resolve();
  await next;
});
