import assert from "node:assert/strict";
import { formatFamilies } from "../../../src/http/metrics/exposition.ts";
import { Counter, Histogram } from "../../../src/http/metrics/series.ts";

function linesOf(each: Counter | Histogram): readonly string[] {
  return formatFamilies([each.family()]).trimEnd().split("\n").filter((line) => !line.startsWith("#"));
}

Deno.test("a counter without labels is there from the start, one with labels begins with its first value", () => {
  const plain = new Counter({ name: "a_total", help: "A." });
  assert.deepEqual(linesOf(plain), ["a_total 0"]);
  plain.add();
  plain.add([], 41);
  assert.deepEqual(linesOf(plain), ["a_total 42"]);

  const labelled = new Counter({ name: "b_total", help: "B.", labels: ["x", "y"] });
  assert.equal(formatFamilies([labelled.family()]), "");
  labelled.add(["1", "2"]);
  labelled.add(["1", "3"], 5);
  labelled.add(["1", "2"]);
  labelled.add(["0", "0"], 0);
  assert.deepEqual(linesOf(labelled), ['b_total{x="1",y="2"} 2', 'b_total{x="1",y="3"} 5', 'b_total{x="0",y="0"} 0']);
});

Deno.test("values that join to the same text stay apart", () => {
  const counter = new Counter({ name: "a_total", help: "A.", labels: ["x", "y"] });
  counter.add(["a,", "b"]);
  counter.add(["a", ",b"]);
  assert.equal(linesOf(counter).length, 2);
});

Deno.test("beyond its limit a family counts everything else as other", () => {
  const counter = new Counter({ name: "a_total", help: "A.", labels: ["x"], limit: 3 });
  for (let at = 0; at < 10; at++) counter.add([`v${at}`]);
  counter.add(["v0"]);
  assert.deepEqual(linesOf(counter), [
    'a_total{x="v0"} 2',
    'a_total{x="v1"} 1',
    'a_total{x="v2"} 1',
    'a_total{x="other"} 7',
  ]);
});

Deno.test("values that do not fit the labels are a mistake of the caller", () => {
  const counter = new Counter({ name: "a_total", help: "A.", labels: ["x"] });
  assert.throws(() => counter.add(["1", "2"]), RangeError);
  assert.throws(() => counter.add(), RangeError);
});

Deno.test("a histogram counts up to and including each bound", () => {
  const histogram = new Histogram({ name: "a_seconds", help: "A.", labels: ["x"], bounds: [0.1, 1] });
  for (const value of [0, 0.1, 0.11, 1, 7.5]) histogram.observe(value, ["1"]);
  assert.deepEqual(linesOf(histogram), [
    'a_seconds_bucket{x="1",le="0.1"} 2',
    'a_seconds_bucket{x="1",le="1"} 4',
    'a_seconds_bucket{x="1",le="+Inf"} 5',
    'a_seconds_sum{x="1"} 8.71',
    'a_seconds_count{x="1"} 5',
  ]);
});
