/** Our client against our server, for each mechanism and names and passwords of every kind. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { UserName } from "../../src/backend.ts";
import { CLIENT_MECHANISMS, type ClientMechanismName, startClient } from "../../src/sasl/client.ts";
import type { ClientTurn } from "../../src/sasl/client_exchange.ts";
import type { ExchangeOutcome } from "../../src/sasl/mechanism.ts";
import { mechanismNamed } from "../../src/sasl/mechanisms.ts";
import { prepare } from "../../src/sasl/saslprep.ts";
import { parseUserName } from "../../src/sasl/user_name.ts";
import { exchangeInit, REALMS, store } from "./lib.ts";

interface Login {
  readonly authcid: string;
  readonly authzid?: string;
  readonly password: string;
  /** What the server has stored, where it is another one. */
  readonly stored?: string;
}

/** Runs an exchange to its end; `complete`: whether the client then believed a success. */
function login(name: ClientMechanismName, { authcid, authzid = "", password, stored = password }: Login) {
  const user = parseUserName(authcid, REALMS);
  assert(user !== null);
  const answer = store(user, { other: "another password", main: stored });
  const mechanism = mechanismNamed(name);
  assert(mechanism !== null);
  const nonce = new Uint8Array(18).fill(9);
  const client = startClient(name, { authcid, authzid, password, realm: "", host: "mail.example.org", nonce });
  let turn: ClientTurn = client;
  const respond = (challenge: Uint8Array) => {
    const step = turn.respond(challenge);
    assert(step.kind === "response", JSON.stringify(step));
    turn = step.next;
    return step.octets;
  };
  let step = mechanism.step(mechanism.start(exchangeInit()), { kind: "initial", response: client.initial });
  while (step.kind !== "end") {
    step = step.kind === "ask"
      ? mechanism.step(step.state, { kind: "answer", answer: answer(step.question) })
      : mechanism.step(step.state, { kind: "response", response: respond(step.challenge) });
  }
  if (step.final !== null) assert.equal(respond(step.final).length, 0);
  return { outcome: step.outcome, complete: turn.complete, user };
}

function assertProved(outcome: ExchangeOutcome, user: UserName, authzid: string): void {
  assert(outcome.kind === "proved", JSON.stringify(outcome));
  assert.deepEqual([outcome.authcid, outcome.authzid, outcome.credential], [user, authzid, "main"]);
}

const NAMES = [
  "shin",
  "shin@baz.co.jp",
  "shin@example.org",
  "Shin the 1st",
  'o"n\\e',
  "a=b,c=2C",
  "müller",
  "müller@example.org",
  "漢字@example.org",
  "a@b@example.org",
  "שלום@example.org",
];
const PASSWORDS = [
  "x",
  " a b ",
  'p,a"s\\s=w:ord',
  "=2C=3D,,",
  "pässwörd",
  "密碼😀",
  "é漢",
  "½ﬁ",
  "Kumquat42!",
  "y".repeat(300),
];

for (const name of CLIENT_MECHANISMS) {
  const authzid = ["LOGIN", "CRAM-MD5"].includes(name) ? "" : 'b,o=s"s\\é@example.org';

  Deno.test(`${name}: client and server, every kind of name and password`, () => {
    for (const authcid of NAMES) {
      const { outcome, complete, user } = login(name, { authcid, password: "secret", authzid });
      assertProved(outcome, user, authzid);
      assert(complete);
    }
    for (const password of PASSWORDS) {
      const { outcome, complete, user } = login(name, { authcid: "müller", password });
      assertProved(outcome, user, "");
      assert(complete);
    }
  });

  Deno.test(`${name}: client and server, a wrong password`, () => {
    for (const password of PASSWORDS) {
      const { outcome } = login(name, { authcid: "shin", password, stored: `${password}!` });
      assert(outcome.kind === "failed");
      assert.equal(outcome.detail, ["PLAIN", "LOGIN"].includes(name) ? "wrong-secret" : "the proof fits no verifier");
    }
  });

  Deno.test(`${name}: client and server, any password that can be set`, () => {
    const numRuns = name.startsWith("SCRAM") ? 15 : 60;
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 20 }), (password) => {
        fc.pre(prepare(password) !== null);
        const { outcome, user } = login(name, { authcid: "shin", password });
        assertProved(outcome, user, "");
      }),
      { numRuns },
    );
  });
}
