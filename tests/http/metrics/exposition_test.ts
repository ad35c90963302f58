import assert from "node:assert/strict";
import fc from "fast-check";
import { type Family, formatFamilies } from "../../../src/http/metrics/exposition.ts";
import { makeFolder, requirePrograms, run } from "../../servers/lib.ts";

Deno.test("formatFamilies writes HELP, TYPE and a line for each sample", () => {
  const families: readonly Family[] = [
    { name: "a_total", help: "Counts.", type: "counter", samples: [{ labels: [], value: 3 }] },
    {
      name: "b",
      help: "Is.",
      type: "gauge",
      samples: [
        { labels: [["x", "1"], ["y", "two"]], value: 0.25 },
        { labels: [["x", "2"], ["y", ""]], value: -1e21 },
      ],
    },
    { name: "c", help: "Nothing yet.", type: "gauge", samples: [] },
    { name: "d", help: "Has a suffix.", type: "histogram", samples: [{ suffix: "_sum", labels: [], value: Infinity }] },
  ];
  assert.equal(
    formatFamilies(families),
    "# HELP a_total Counts.\n# TYPE a_total counter\na_total 3\n" +
      '# HELP b Is.\n# TYPE b gauge\nb{x="1",y="two"} 0.25\nb{x="2",y=""} -1e+21\n' +
      "# HELP d Has a suffix.\n# TYPE d histogram\nd_sum +Inf\n",
  );
});

Deno.test("formatFamilies escapes what would end a line or a value", () => {
  const samples = [{ labels: [["x", 'a"b\\c\nd']] as const, value: NaN }];
  assert.equal(
    formatFamilies([{ name: "a", help: 'Says "\\"\nand goes on.', type: "gauge", samples }]),
    '# HELP a Says "\\\\"\\nand goes on.\n# TYPE a gauge\na{x="a\\"b\\\\c\\nd"} NaN\n',
  );
});

requirePrograms(["promtool", "sh"])("promtool reads any text in a label and in a help", async () => {
  await using folder = await makeFolder();
  const texts = fc.sample(fc.string({ unit: "grapheme", maxLength: 40 }), { numRuns: 300, seed: 4 });
  const families = texts.map((text, at): Family => ({
    name: `family_${at}`,
    help: `Help: ${text}`,
    type: "gauge",
    samples: [{ labels: [["text", text]], value: at }],
  }));
  await Deno.writeTextFile(`${folder.path}/metrics`, formatFamilies(families));
  const { code, output } = await run("sh", { args: ["-c", 'promtool check metrics <"$0"', `${folder.path}/metrics`] });
  assert.equal(code, 0, output);
});
