import assert from "node:assert/strict";
import { formatReport, median, ratioOf } from "../../bench/report.ts";

Deno.test("median is the middle one, or the mean of the two in the middle", () => {
  assert.equal(median([30, 1, 2]), 2);
  assert.equal(median([4, 1, 30, 2]), 3);
  assert.ok(Number.isNaN(median([])));
});

Deno.test("ratioOf divides the first by the second, and formatReport shows it beside both", () => {
  const row = {
    what: "plain",
    values: { dokodemo: 300, postfix: 150.4 },
    ratio: ["dokodemo", "postfix"],
    notes: ["noisy"],
  } as const;
  assert.equal(ratioOf(row), 300 / 150.4);
  assert.equal(ratioOf({ what: "plain", values: { dokodemo: 300 }, notes: [] }), undefined);
  assert.equal(
    formatReport({ part: "logins", unit: "a second", rows: [row] }),
    "logins (a second)  dokodemo  postfix  ratio\n" +
      "plain                   300      150   1.99  noisy",
  );
});
