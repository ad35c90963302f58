import assert from "node:assert/strict";
import { adviceOf, adviceText, answerText, plainReason, reasonText } from "../../src/http/login_words.ts";
import { describeNamesakes } from "../../src/auth/realm_doctor.ts";
import { translator } from "../../src/http/pages/language.ts";

const [EN, JA] = [translator("en"), translator("ja")];

Deno.test("the reason of a login is told in plain words in both languages, and as the log has it in English", () => {
  assert.equal(plainReason("disabled", EN), "the account is disabled");
  assert.equal(plainReason("disabled; network is guessing, reply waits 2.5 s", JA), "アカウントが無効");
  assert.equal(plainReason("something of a backend", EN), "something of a backend");
  const reason = "wrong-secret; network is guessing, reply waits 2.5 s";
  assert.equal(reasonText(reason, EN), reason);
  assert.equal(reasonText(reason, JA), "パスワードが違う。接続元からの総当たりのため応答を 2.5 秒遅らせた");
  assert.equal(reasonText("no answer within 5000 ms", JA), "5000 ms 以内に応答がない");
});

Deno.test("what the realm doctor has found is read from the reason, and told", () => {
  const user = { local: "shin", realm: "y.example" };
  const elsewhere = describeNamesakes(user, [{ local: "shin", realm: "x.example" }], {
    said: "y.example, or no realm",
  });
  const spelt = describeNamesakes(user, [{ local: "Shin", realm: "y.example" }], { said: "y.example" });
  for (const advice of [elsewhere, spelt]) {
    assert.ok(advice !== null);
    assert.deepEqual(adviceOf(`unknown-user; ${advice.text}`), advice);
    assert.deepEqual(adviceOf(`unknown-user; network is guessing, reply waits 1 s; ${advice.text}`), advice);
    assert.equal(adviceText(advice.text, EN), advice.text);
  }
  assert.equal(
    adviceText(elsewhere?.text ?? "", JA),
    "「shin」 はレルム x.example にあります(クライアントの指定: y.example, またはレルムなし)",
  );
  assert.equal(adviceText(spelt?.text ?? "", JA), "「Shin」 ならあります(クライアントの指定: shin)");
  assert.equal(adviceOf("wrong-secret; network is guessing, reply waits 1 s"), null);
});

Deno.test("the answer of a backend is told", () => {
  const cases = [
    ["accepted", "accepted", "承認"],
    ["accepted:cache", "accepted: cache", "承認: 記憶した結果"],
    ["rejected:wrong-secret", "rejected: wrong-secret", "拒否: パスワードが違う"],
    [
      "rejected:not-allowed, not in group a",
      "rejected: not-allowed, not in group a",
      "拒否: ログインが許可されていない, not in group a",
    ],
    ["unavailable:connection refused", "unavailable: connection refused", "応答なし: 接続を拒否された"],
    ["skipped:other realms", "skipped: other realms", "対象外: ほかのレルムの担当"],
  ] as const;
  for (const [answer, en, ja] of cases) {
    assert.equal(answerText(answer, EN), en);
    assert.equal(answerText(answer, JA), ja);
  }
});
