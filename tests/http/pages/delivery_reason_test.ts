import assert from "node:assert/strict";
import { meaningOf } from "../../../src/http/pages/delivery_reason.ts";

Deno.test("a reply is explained by its enhanced code, and without one by its reply code", () => {
  const cases = [
    ["550 5.1.1 No such user", /does not know this address/, /この宛先を知りません/],
    ["452 4.2.2 Mailbox full", /mailbox of the other person is full/, /いっぱいです/],
    ["451 4.4.1 Cannot connect to 192.0.2.1:25", /does not answer/, /応答しません/],
    ["450 4.7.1 Greylisted, come back later", /again a little later/, /送り直すよう/],
    ["550 5.7.1 Spam", /refuses the mail by its rules/, /規則により/],
    ["451 4.7.5 Bad certificate", /could not be made safe/, /安全な接続/],
    ["451 4.4.99 Odd", /network or the other server has trouble/, /ネットワーク/],
    ["421 Too busy", /closing or busy/, /混み合って/],
    ["450 Come back later", /asked again later/, /後で送り直す/],
    // The class of an enhanced code has to be that of the reply.
    ["550 4.2.2 Odd", /does not take mail for this address/, /受け付けません/],
    // Digits that only begin like one.
    ["452 4.2.22222 Odd", /has no room/, /空きが足りない/],
    ["499 What", /cannot take the mail at the moment/, /現在メールを受け取れません/],
    ["599 What", /refuses the mail/, /拒否しました/],
    ["", /cannot take the mail at the moment/, /受け取れません/],
  ] as const;
  for (const [reply, english, japanese] of cases) {
    const [en, ja] = meaningOf(reply);
    assert.match(en, english, reply);
    assert.match(ja, japanese, reply);
  }
});
