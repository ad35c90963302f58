import assert from "node:assert/strict";
import { translator } from "../../../src/http/pages/language.ts";
import { firstFromNetwork, loginResult } from "../../../src/http/pages/login_words.ts";

Deno.test("the first success from each network is found, but for the oldest of all", () => {
  const remotes = [
    "203.0.113.9",
    "192.0.2.5",
    "203.0.113.7",
    "2001:db8:1::2",
    "192.0.2.4",
    "2001:db8:1:ff::1",
    "192.0.2.1",
  ];
  const accepted = remotes.map((remote, at) => ({ remote, seq: 100 - at }));
  assert.deepEqual([...firstFromNetwork(accepted)].toSorted(), [95, 98]);
  assert.deepEqual([...firstFromNetwork([])], []);
});

Deno.test("each end of a login has its words, and nothing of the reason for administrators is in them", () => {
  const t = translator("en");
  const of = (result: Parameters<typeof loginResult>[0]["result"], reason: string) =>
    loginResult({ result, reason }, t);
  assert.deepEqual(of("accepted", "password"), { kind: "good", text: "let in", why: null });
  assert.match(of("rejected", "wrong-secret").why ?? "", /Wrong password/);
  assert.match(of("rejected", "the proof fits no verifier").why ?? "", /Wrong password/);
  assert.match(of("rejected", "disabled").why ?? "", /disabled/);
  for (const result of ["rejected", "too-weak", "delayed", "unavailable", "malformed", "cancelled"] as const) {
    const reason = "unknown-user; `hana` exists in realm secret.example, the client said example.jp";
    const { kind, why } = of(result, reason);
    assert.notEqual(kind, "good");
    assert.doesNotMatch(why ?? "", /hana|secret\.example/);
  }
});
