import assert from "node:assert/strict";
import type { QueueStart } from "../../src/smtp/queue_start.ts";
import { step } from "../../src/smtp/session.ts";
import { INITIAL_STATE, type SessionContext, type SessionState } from "../../src/smtp/session_state.ts";
import { utf8 } from "../../src/lib/octets.ts";
import { pureContext } from "../lib/pure_session.ts";

const ETRN = { etrnDomains: new Set(["away.example", "xn--r8jz45g.jp"]) };

/** Says lines to a session; the replies' first words, EHLO lines whole, and what it asked for. */
function talk(context: SessionContext, lines: readonly string[], outcome: QueueStart): readonly string[] {
  const said: string[] = [];
  let state: SessionState = { ...INITIAL_STATE, phase: { at: "greeted" } };
  const nonce = new Uint8Array(0);
  for (const line of lines) {
    let taken = step(state, { kind: "line", octets: utf8(line), nonce }, context);
    for (;;) {
      state = taken.state;
      const [asked] = taken.effects.flatMap((effect) => effect.kind === "start-queue" ? [effect] : []);
      for (const effect of taken.effects) {
        if (effect.kind === "reply") said.push(`${effect.reply.code} ${effect.reply.lines.join("|")}`);
        if (effect.kind === "decide") said.push("decide");
      }
      if (asked === undefined) break;
      said.push(`start ${asked.node}${asked.subdomains ? " and below" : ""}`);
      taken = step(state, { kind: "queue-started", node: asked.node, outcome }, context);
    }
  }
  return said;
}

Deno.test("ETRN is offered on mta listeners that have a domain for it, and nowhere else", () => {
  const offered = (context: SessionContext) =>
    talk(context, ["EHLO x"], { kind: "unavailable" }).some((reply) => reply.split("|").includes("ETRN"));
  assert.equal(offered(pureContext("mta", ETRN)), true);
  assert.equal(offered(pureContext("mta")), false);
  assert.equal(offered(pureContext("mta", { etrnDomains: new Set() })), false);
  assert.equal(offered(pureContext("msa", ETRN)), false);
  assert.equal(offered(pureContext("msas", ETRN)), false);
});

Deno.test("ETRN answers with the codes of RFC 1985", () => {
  const answer = (line: string, outcome: QueueStart = { kind: "unavailable" }, context = pureContext("mta", ETRN)) =>
    talk(context, ["EHLO x", line], outcome).slice(1);
  assert.deepEqual(answer("ETRN away.example", { kind: "started", count: 3 }), [
    "start away.example",
    "253 OK, 3 pending messages for node away.example started",
  ]);
  assert.deepEqual(answer("etrn @Away.Example", { kind: "started", count: 0 }), [
    "start away.example and below",
    "251 OK, no messages waiting for node away.example",
  ]);
  assert.match(answer("ETRN away.example", { kind: "under-way" })[1] ?? "", /^252 OK, pending messages for node away/);
  assert.match(answer("ETRN away.example")[1] ?? "", /^458 Unable to queue messages for node away\.example \(s1\.1\)$/);
  assert.deepEqual(answer("ETRN 例え.jp", { kind: "started", count: 0 })[0], "start xn--r8jz45g.jp");
  for (const [line, code] of [["ETRN other.example", 459], ["ETRN sub.away.example", 459]] as const) {
    assert.match(answer(line)[0] ?? "", new RegExp(`^${code} `), line);
  }
  for (const line of ["ETRN", "ETRN @", "ETRN #queue", "ETRN a b", "ETRN away.example."]) {
    assert.match(answer(line)[0] ?? "", /^501 /, line);
  }
  for (const listener of ["msas", "mta"] as const) {
    assert.match(answer("ETRN away.example", { kind: "unavailable" }, pureContext(listener))[0] ?? "", /^5(?:02|30) /);
  }
});

Deno.test("ETRN stands neither before EHLO nor in a transaction", () => {
  const context = pureContext("mta", ETRN);
  assert.match(talk(context, ["ETRN away.example"], { kind: "unavailable" })[0] ?? "", /^503 /);
  const said = talk(context, ["EHLO x", "MAIL FROM:<a@b.example>", "ETRN away.example"], { kind: "unavailable" });
  assert.match(said.at(-1) ?? "", /^503 /);
});
