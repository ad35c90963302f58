import assert from "node:assert/strict";
import fc from "fast-check";
import { FairQueue } from "../../src/delivery/fair_queue.ts";

Deno.test("FairQueue: accounts take turns, each in its own order", () => {
  const queue = new FairQueue<string>();
  for (const item of ["a1", "a2", "a3", "b1", "b2", "c1"]) queue.push(item.charAt(0), item);
  assert.deepEqual(queue.drain(), ["a1", "b1", "c1", "a2", "b2", "a3"]);
  assert.equal(queue.shift(), undefined);
});

Deno.test("FairQueue: what is put back is next", () => {
  const queue = new FairQueue<string>();
  for (const item of ["a1", "a2", "b1"]) queue.push(item.charAt(0), item);
  const first = queue.shift() ?? "";
  queue.putBack("a", first);
  assert.deepEqual(queue.drain(), ["a1", "b1", "a2"]);
});

Deno.test("FairQueue: nothing is lost, and an account waits for no more items than there are others with some", () => {
  fc.assert(fc.property(fc.array(fc.constantFrom("a", "b", "c")), (accounts) => {
    const queue = new FairQueue<string>();
    accounts.forEach((account, at) => queue.push(account, `${account}${at}`));
    const out = queue.drain();
    assert.deepEqual(out.toSorted(), accounts.map((account, at) => `${account}${at}`).toSorted());
    const last = new Map<string, number>();
    out.forEach((item, at) => {
      const before = last.get(item.charAt(0)) ?? -1;
      assert.ok(at - before <= 3);
      last.set(item.charAt(0), at);
    });
  }));
});
