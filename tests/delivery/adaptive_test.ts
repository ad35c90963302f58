import assert from "node:assert/strict";
import fc from "fast-check";
import { afterSuccess, afterTrouble, allowed, type Concurrency, UNTRIED } from "../../src/delivery/adaptive.ts";

function after(steps: string, limit: number): Concurrency {
  return [...steps].reduce(
    (state, step) => step === "+" ? afterSuccess(state, limit) : afterTrouble(state),
    UNTRIED,
  );
}

Deno.test("concurrency begins with two and grows with each success up to the limit", () => {
  assert.equal(allowed(UNTRIED, 20), 2);
  assert.equal(allowed(after("+++", 20), 20), 5);
  assert.equal(allowed(after("+".repeat(50), 20), 20), 20);
  assert.equal(allowed(UNTRIED, 1), 1);
});

Deno.test("trouble halves it, down to one; then it grows by one in a full round", () => {
  assert.equal(allowed(after("++++++-", 20), 20), 4);
  assert.equal(allowed(after("++++++-+++", 20), 20), 4);
  assert.equal(allowed(after("++++++-+++++", 20), 20), 5);
  assert.equal(allowed(after("-----", 20), 20), 1);
});

Deno.test("concurrency is always between one and the limit", () => {
  const steps = fc.string({ unit: fc.constantFrom("+", "-"), maxLength: 200 });
  fc.assert(fc.property(steps, fc.integer({ min: 1, max: 100 }), (text, limit) => {
    const now = allowed(after(text, limit), limit);
    assert.ok(now >= 1 && now <= limit);
  }));
});
