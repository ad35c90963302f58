import assert from "node:assert/strict";
import { wrap } from "../../src/message/wrap.ts";

Deno.test("wrap breaks between words, and a word that is too long has its own line", () => {
  assert.deepEqual(wrap("one two"), ["one two"]);
  assert.deepEqual(wrap(""), [""]);
  const long = "x".repeat(90);
  assert.deepEqual(wrap(`a ${long} b`, "  "), ["  a", `  ${long}`, "  b"]);
  assert.deepEqual(wrap("word ".repeat(20).trim()).map(({ length }) => length), [74, 24]);
});

Deno.test("wrap breaks Japanese between characters, at most 38 of them, and never before a full stop", () => {
  const sentence = "あ".repeat(38);
  assert.deepEqual(wrap(sentence), [sentence]);
  assert.deepEqual(wrap(`${sentence}い`), [sentence, "い"]);
  assert.deepEqual(wrap(`${sentence}。`), ["あ".repeat(37), "あ。"]);
  assert.deepEqual(wrap(`${"あ".repeat(37)}「い」`), ["あ".repeat(37), "「い」"]);
  assert.deepEqual(wrap(`${"あ".repeat(36)} smtp.example.net です`), ["あ".repeat(36), "smtp.example.net です"]);
});

Deno.test("wrap loses no character but spaces at line ends", () => {
  const text = "サーバー smtp.example.net の応答: 550 5.1.1 No such user here。".repeat(5);
  assert.equal(wrap(text).join("").replaceAll(" ", ""), text.replaceAll(" ", ""));
});
