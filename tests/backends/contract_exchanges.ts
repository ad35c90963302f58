/**
 * The part of the contract suite about verifiers: whole exchanges, by our own client.
 *
 * @module
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import type { UserName, VerifierScheme } from "../../src/backend.ts";
import { type ClientMechanismName, startClient } from "../../src/sasl/client.ts";
import type { ClientTurn } from "../../src/sasl/client_exchange.ts";
import type { ExchangeInput, ExchangeOutcome } from "../../src/sasl/mechanism.ts";
import { mechanismNamed } from "../../src/sasl/mechanisms.ts";
import { formatUserName } from "../../src/sasl/user_name.ts";
import type { Asker, Login } from "./contract_lib.ts";
import { ORIGIN } from "./contract_lib.ts";

/** What these tests need of the options. */
export interface ExchangeOptions {
  readonly right: Login;
  readonly foreign: Login | null;
  readonly unknown: UserName;
  readonly account?: string;
}

const MECHANISMS: ReadonlyMap<VerifierScheme, ClientMechanismName> = new Map([
  ["cram-md5", "CRAM-MD5"],
  ["digest-md5", "DIGEST-MD5"],
  ["scram-sha-1", "SCRAM-SHA-1"],
  ["scram-sha-256", "SCRAM-SHA-256"],
]);

/** Registers them. */
export function exchangeTests(
  test: (title: string, run: (asked: Asker) => Promise<void>) => void,
  { right, foreign, unknown, account = formatUserName(right.user) }: ExchangeOptions,
): void {
  test("every mechanism whose verifiers it has logs in with the right password, and with no other", async (asked) => {
    for (const scheme of asked.backend.answers.schemes) {
      const proved = await logIn(asked, right, { scheme });
      ok(proved.kind === "proved", `${scheme}: ${JSON.stringify(proved)}`);
      deepEqual([proved.account.name, proved.account.backend], [account, asked.backend.name]);
      for (const password of [`${right.password}x`, "x", right.password.slice(0, -1)]) {
        const outcome = await logIn(asked, { ...right, password }, { scheme });
        ok(outcome.kind === "failed" && outcome.why === "wrong-secret", `${scheme}: ${JSON.stringify(outcome)}`);
      }
      if (foreign !== null) equal((await logIn(asked, foreign, { scheme })).kind, "proved", `${scheme}, not ASCII`);
    }
  });

  test("verifiers of an unknown name are not made up", async ({ backend, ask }) => {
    for (const scheme of MECHANISMS.keys()) {
      for (const local of [unknown.local, "constructor", "*", `${right.user.local}\0`]) {
        const answer = await ask({ kind: "verifiers", user: { ...unknown, local }, scheme, origin: ORIGIN });
        ok(answer.kind === "rejected", JSON.stringify(answer));
        if (backend.answers.schemes.has(scheme)) equal(answer.why, "unknown-user");
      }
      const known = await ask({ kind: "verifiers", user: right.user, scheme, origin: ORIGIN });
      equal(known.kind, backend.answers.schemes.has(scheme) ? "verifiers" : "rejected");
    }
  });
}

/** One exchange from its beginning to its outcome. */
async function logIn(
  { ask }: Asker,
  { user, password }: Login,
  { scheme }: { readonly scheme: VerifierScheme },
): Promise<ExchangeOutcome> {
  const name = MECHANISMS.get(scheme);
  const mechanism = name === undefined ? null : mechanismNamed(name);
  if (name === undefined || mechanism === null) throw new TypeError(`Cannot test ${scheme}: no mechanism uses it`);
  const nonce = () => crypto.getRandomValues(new Uint8Array(18));
  const host = "mail.example.org";
  const credentials = { authcid: formatUserName(user), authzid: "", password, realm: user.realm, host, nonce: nonce() };
  const client = startClient(name, credentials);
  const origin = { remote: ORIGIN.remote, listener: ORIGIN.listener, tls: ORIGIN.tls };
  let state = mechanism.start({
    ...{ nonce: nonce(), hostname: host, service: "smtp", realms: [], defaultRealm: user.realm },
    ...{ binding: null, plusOffered: false, origin },
  });
  let turn: ClientTurn = client;
  let input: ExchangeInput = { kind: "initial", response: client.initial };
  for (;;) {
    const step = mechanism.step(state, input);
    if (step.kind === "end") return step.outcome;
    state = step.state;
    if (step.kind === "ask") {
      input = { kind: "answer", answer: await ask(step.question) };
      continue;
    }
    const reaction = turn.respond(step.challenge);
    if (reaction.kind === "failed") throw new Error(`the client gave up: ${reaction.why}`);
    turn = reaction.next;
    input = { kind: "response", response: reaction.octets };
  }
}
