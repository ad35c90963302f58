import assert from "node:assert/strict";
import { createIds } from "../../src/spool/ids.ts";

Deno.test("ids are unique, in order, short and safe, whatever the clock does", () => {
  const times = [1_800_000_000_000, 1_800_000_000_001, 1_700_000_000_000];
  let calls = 0;
  // Many in one millisecond, and then a clock that is set back.
  const createId = createIds({ now: () => times[Math.floor(calls++ / 3000)] ?? 0 });
  const ids = Array.from({ length: 9000 }, createId);
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(ids, ids.toSorted());
  for (const id of ids) assert.match(id, /^[0-9A-Z]{15}$/);
});

Deno.test("ids of a later process are behind those of an earlier one", () => {
  const [earlier, later] = [1_800_000_000_000, 1_800_000_000_001].map((time) => createIds({ now: () => time })());
  assert.ok(String(earlier) < String(later));
});
