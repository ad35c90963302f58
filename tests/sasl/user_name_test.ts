import assert from "node:assert/strict";
import fc from "fast-check";
import { formatUserName, parseUserName } from "../../src/sasl/user_name.ts";

const OPTIONS = { defaultRealm: "baz.co.jp" };

Deno.test("parseUserName: names and what they are", () => {
  for (
    const [text, local, realm] of [
      ["shin", "shin", "baz.co.jp"],
      ["shin@Example.ORG", "shin", "example.org"],
      ["Shin", "Shin", "baz.co.jp"],
      ["a@b@example.org", "a@b", "example.org"],
      ["shin＠example.org", "shin", "example.org"],
      ["ｓｈｉｎ", "shin", "baz.co.jp"],
      ["mu\u0308ller@BU\u0308CHER.example", "müller", "bücher.example"],
      ['o\'neil, "x"=1', 'o\'neil, "x"=1', "baz.co.jp"],
      ["שלום@example.org", "שלום", "example.org"],
      ["constructor@__proto__", "constructor", "__proto__"],
    ] as const
  ) {
    assert.deepEqual(parseUserName(text, OPTIONS), { local, realm }, text);
  }
});

Deno.test("parseUserName: what is no name", () => {
  const none = [
    "",
    "@",
    "@example.org",
    "shin@",
    "a\0b",
    "a\nb",
    "a@b\nc",
    "a\x7f",
    "a@\u0085",
    "\u00ad@x",
    "a@\ud800",
  ];
  for (const text of [...none, `${"a".repeat(256)}@x`, `a@${"b".repeat(256)}`, `${"é".repeat(128)}@x`]) {
    assert.equal(parseUserName(text, OPTIONS), null, JSON.stringify(text));
  }
  assert.notEqual(parseUserName(`${"a".repeat(255)}@${"b".repeat(255)}`, OPTIONS), null);
  assert.notEqual(parseUserName("é".repeat(127), OPTIONS), null);
});

Deno.test("parseUserName: a realm that was chosen apart can hold no other name", () => {
  assert.equal(parseUserName("shin", { defaultRealm: "a@b" }), null);
  assert.equal(parseUserName("shin", { defaultRealm: "" }), null);
});

Deno.test("parseUserName reads back what formatUserName writes", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 20 }), (text) => {
    const name = parseUserName(text, OPTIONS);
    if (name !== null) assert.deepEqual(parseUserName(formatUserName(name), OPTIONS), name);
  }));
});
