import assert from "node:assert/strict";
import { isWanted, type ReportedAction, returnsFull, wishesOfMember } from "../../src/message/dsn_wanted.ts";
import type { Envelope, Recipient } from "../../src/smtp/envelope.ts";

const ENVELOPE: Envelope = {
  reversePath: "a@b.example",
  recipients: [],
  body: "7bit",
  smtputf8: false,
  declaredSizeOctets: null,
  ret: null,
  envid: null,
};

const ACTIONS: readonly ReportedAction[] = ["failed", "delayed", "delivered", "relayed", "expanded"];

Deno.test("isWanted honours NOTIFY, and failures and delays are told without it", () => {
  const wanted = (notify: Recipient["notify"]) => ACTIONS.filter((action) => isWanted(action, ENVELOPE, { notify }));
  assert.deepEqual(wanted(null), ["failed", "delayed"]);
  assert.deepEqual(wanted(["never"]), []);
  assert.deepEqual(wanted(["failure"]), ["failed"]);
  assert.deepEqual(wanted(["delay"]), ["delayed"]);
  assert.deepEqual(wanted(["success"]), ["delivered", "relayed", "expanded"]);
  assert.deepEqual(wanted(["success", "failure", "delay"]), ACTIONS);
});

Deno.test("isWanted: nobody is behind the null reverse-path", () => {
  for (const action of ACTIONS) {
    const notify = ["success", "failure", "delay"] as const;
    assert.equal(isWanted(action, { ...ENVELOPE, reversePath: null }, { notify }), false);
  }
});

Deno.test("returnsFull is true for RET=FULL and failures alone", () => {
  assert.equal(returnsFull({ ret: "full" }, ["failed"]), true);
  for (const ret of ["hdrs", null] as const) assert.equal(returnsFull({ ret }, ["failed"]), false);
  for (const action of ACTIONS.slice(1)) assert.equal(returnsFull({ ret: "full" }, [action]), false);
});

Deno.test("wishesOfMember: several members are not told of success, one has the wishes as they were", () => {
  const alias = { notify: ["success", "delay"], orcpt: null, forwardPath: "sales@b.example" } as const;
  assert.deepEqual(wishesOfMember(alias, { single: false }), { notify: ["delay"], orcpt: "rfc822;sales@b.example" });
  assert.deepEqual(wishesOfMember(alias, { single: true }), {
    notify: ["success", "delay"],
    orcpt: "rfc822;sales@b.example",
  });
  assert.deepEqual(wishesOfMember({ ...alias, notify: ["success"] }, { single: false }).notify, ["never"]);
  assert.deepEqual(wishesOfMember({ ...alias, notify: null, orcpt: "rfc822;x@y" }, { single: false }), {
    notify: null,
    orcpt: "rfc822;x@y",
  });
  assert.equal(
    wishesOfMember({ ...alias, forwardPath: "営業@b.example" }, { single: true }).orcpt,
    "utf-8;営業@b.example",
  );
});
