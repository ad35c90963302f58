import assert from "node:assert/strict";
import { strengthOf, weaknessOf } from "../../../src/http/pages/password_rules.ts";

const TARO = { account: "taro@example.jp", old: "old battery staple" };

Deno.test("what guessers try first is refused, with the reason", () => {
  const cases = [
    ["short", ["", "123456789", "パスワード123"]],
    ["same", ["old battery staple"]],
    ["name", ["taro@example.jp", "TARO@example.jp1", "tarotaro12", "ｔａｒｏｔａｒｏ１２"]],
    ["pattern", ["aaaaaaaaaa", "abababababab", "abcdeabcde", "qwertyuiop", "1234567890", "zyxwvutsrq", "qwerty12345"]],
    ["common", ["password12", "P4ssw0rd2026", "iloveyou!!", "sunshine2026", "パスワード12345", "taro123456"]],
  ] as const;
  for (const [reason, passwords] of cases) {
    for (const password of passwords) assert.equal(weaknessOf(password, TARO), reason, password);
  }
});

Deno.test("what is long enough beside a name or a common word is taken", () => {
  const taken = [
    "kitchen umbrella",
    "taro and the umbrella",
    "my password is kept",
    "さくらの木の下で会いましょう",
    "k3fq-x2mz-77ab",
  ];
  for (const password of taken) assert.equal(weaknessOf(password, TARO), null, password);
  // A local part of two letters is in many words.
  assert.equal(weaknessOf("kitchentaos", { account: "ta@example.jp", old: "" }), null);
});

Deno.test("the estimate grows with unrelated words and random characters, not with repetitions, years and runs", () => {
  const bits = (password: string) => strengthOf(password).bits;
  assert.ok(bits("kitchen umbrella") < bits("kitchen umbrella gravel"));
  assert.ok(bits("kitchen umbrella gravel") < bits("kitchen umbrella gravel tortoise"));
  assert.ok(bits("kitchen kitchen kitchen") < bits("kitchen umbrella"));
  assert.ok(bits("umbrella2026") < bits("umbrella8317"));
  assert.ok(bits("umbrella123456") < bits("umbrella8317"));
  assert.ok(bits("xkqzjvwm") > bits("umbrella"));
  assert.equal(bits(""), 0);
});

Deno.test("the grades are those of a random app password, of words and of one word", () => {
  assert.equal(strengthOf("k3fq-x2mz-77ab-qqrt-nm4z").grade, "strong");
  assert.equal(strengthOf("kitchen umbrella gravel tortoise").grade, "good");
  assert.equal(strengthOf("kitchen umbrella gravel").grade, "fair");
  assert.equal(strengthOf("umbrellas2026").grade, "weak");
});
