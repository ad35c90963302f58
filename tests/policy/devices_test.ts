import assert from "node:assert/strict";
import { isAt, judgeDeviceMail, judgeDeviceRecipient } from "../../src/policy/devices.ts";

const RULES = {
  sender: "scan@foobar.co.jp",
  recipients: ["boss@foobar.co.jp", "@baz.co.jp"],
  perDay: 2,
  mailsToday: 0,
};
const OPENS = Date.UTC(2026, 10, 25);

Deno.test("isAt() finds an enabled device by its networks, and one without networks nowhere", () => {
  const at = (networks: readonly string[], remote: string, disabled = false) => isAt({ networks, disabled }, remote);
  assert.ok(at(["192.0.2.0/24", "198.51.100.1"], "::ffff:192.0.2.9"));
  assert.ok(!at(["192.0.2.0/24"], "198.51.100.1"));
  assert.ok(!at(["192.0.2.7"], "192.0.2.7", true));
  assert.ok(!at([], "192.0.2.7"));
});

Deno.test("judgeDeviceMail() takes the device's own address in any case, and tells when the next day opens", () => {
  const judge = (reversePath: string | null, mailsToday = 0, underWay = 0) =>
    judgeDeviceMail({ ...RULES, mailsToday }, { reversePath, underWay, opens: OPENS });
  assert.equal(judge("Scan@FOOBAR.co.jp").kind, "accept");
  assert.equal(judge("scan@foobar.co.jp", 1).kind, "accept");
  for (const other of [null, "boss@foobar.co.jp", "scan@foobar.co.jp.evil.example"]) {
    const verdict = judge(other);
    assert.ok(verdict.kind === "refuse" && verdict.reply.code === 550 && verdict.reply.enhanced === "5.7.1");
  }
  const full = judge("scan@foobar.co.jp", 2);
  assert.ok(full.kind === "refuse" && full.reply.code === 452);
  assert.match(full.reply.lines[0], /at 2026-11-25T00:00:00Z$/);
  assert.equal(judge("scan@foobar.co.jp", 1, 1).kind, "refuse");
  assert.equal(judge("scan@foobar.co.jp", 0, 1).kind, "accept");
  const free = { ...RULES, perDay: null, mailsToday: 9e9 };
  assert.equal(judgeDeviceMail(free, { reversePath: RULES.sender, underWay: 9, opens: 0 }).kind, "accept");
});

Deno.test("judgeDeviceRecipient() takes addresses and domains of the list, or everybody", () => {
  const judge = (forwardPath: string) => judgeDeviceRecipient(RULES, forwardPath).kind;
  assert.equal(judge("BOSS@foobar.co.jp"), "accept");
  assert.equal(judge("anyone@BAZ.co.jp"), "accept");
  assert.equal(judge("anyone@sub.baz.co.jp"), "refuse");
  assert.equal(judge("other@foobar.co.jp"), "refuse");
  assert.equal(judge("postmaster"), "refuse");
  assert.equal(judgeDeviceRecipient({ recipients: [] }, "x@y.example").kind, "accept");
});
