import assert from "node:assert/strict";
import fc from "fast-check";
import { prepare } from "../../src/sasl/saslprep.ts";

Deno.test("prepare: the examples of RFC 4013 section 3", () => {
  assert.equal(prepare("I\u00adX"), "IX");
  assert.equal(prepare("user"), "user");
  assert.equal(prepare("USER"), "USER");
  assert.equal(prepare("\u00aa"), "a");
  assert.equal(prepare("\u2168"), "IX");
  assert.equal(prepare("\u0007"), null);
  assert.equal(prepare("\u0627\u0031"), null);
});

Deno.test("prepare: what passwords hold", () => {
  assert.equal(prepare('p,a"s\\s=w:ord'), 'p,a"s\\s=w:ord');
  assert.equal(prepare(" a b "), " a b ");
  assert.equal(prepare("pa\u0308ss"), "päss");
  assert.equal(prepare("a\u00a0b"), "a b");
  assert.equal(prepare("漢字かな"), "漢字かな");
  assert.equal(prepare("😀🫨"), "😀🫨");
});

Deno.test("prepare: what is refused", () => {
  const refused = [
    "",
    "\u00ad",
    "a\0b",
    "a\tb",
    "a\r\nb",
    "a\x7f",
    "a\u0085b",
    "a\u2028b",
    "\ue000",
    "\ud800",
    "a\ufffdb",
  ];
  for (const text of [...refused, "א1", "abא", "a".repeat(4097), "é".repeat(4097)]) {
    assert.equal(prepare(text), null, JSON.stringify(text));
  }
  assert.equal(prepare("é".repeat(4096)), "é".repeat(4096));
});

Deno.test("prepare: never throws, and a second time changes nothing", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
    const once = prepare(text);
    if (once !== null) assert.equal(prepare(once), once);
  }));
});
