/**
 * The accounts and domains that transcripts and wire tests know.
 *
 * @module
 */

import { pbkdf2Sync } from "node:crypto";
import type { Account, Answer, Question, Verifier, VerifierScheme } from "../../src/backend.ts";
import { decodeBase64, encodeBase64, utf8 } from "../../src/lib/octets.ts";
import { cramMd5Contexts, digestMd5Ha1s, scramKeys } from "../../src/sasl/derive.ts";
import { CLIENT_MECHANISMS, type ClientMechanismName, startClient } from "../../src/sasl/client.ts";

/** Someone with an account. */
export interface Person {
  readonly local: string;
  readonly realm: string;
  readonly password: string;
  readonly disabled: boolean;
}

export const PEOPLE: readonly Person[] = [
  { local: "shin", realm: "baz.co.jp", password: "correct-horse", disabled: false },
  { local: "yuki", realm: "baz.co.jp", password: 'パスワード 1,2="x"\\y', disabled: false },
  { local: "locked", realm: "baz.co.jp", password: "correct-horse", disabled: true },
];

/** Host, domains and realm of the how-to. */
export const SITE = {
  hostname: "mail.foobar.co.jp",
  defaultRealm: "baz.co.jp",
  localDomains: ["foobar.co.jp", "baz.co.jp"],
  postmaster: "shin@baz.co.jp",
} as const;

/** Answers from `PEOPLE`, as a store of theirs would. */
export function answerFromPeople(question: Question): Answer {
  if (question.kind === "token") return { kind: "rejected", why: "not-allowed" };
  const person = PEOPLE.find(({ local, realm }) => local === question.user.local && realm === question.user.realm);
  if (person === undefined) return { kind: "rejected", why: "unknown-user" };
  const account = accountOf(person);
  switch (question.kind) {
    case "lookup":
      return { kind: "known", account };
    case "password":
      return question.password === person.password
        ? { kind: "accepted", account, credential: "main", version: "1" }
        : { kind: "rejected", why: "wrong-secret" };
    case "verifiers":
      return { kind: "verifiers", account, verifiers: [verifierOf(person, question.scheme)], decoy: false };
  }
}

/** The account of a person. */
export function accountOf({ local, realm }: Person): Account {
  return { name: `${local}@${realm}`, backend: "people", addresses: [], groups: [], attributes: {} };
}

/** Plays the client's part of an exchange by hand: `send` sends a line and gives the reply line to it. */
export async function authenticate(
  mechanism: ClientMechanismName,
  person: {
    readonly authcid: string;
    readonly password: string;
    readonly host: string;
    /** For the -PLUS forms. */
    readonly binding?: Uint8Array;
  },
  send: (line: string) => Promise<string>,
): Promise<string> {
  const exchange = startClient(mechanism, {
    ...person,
    authzid: "",
    realm: "",
    nonce: crypto.getRandomValues(new Uint8Array(18)),
  });
  const initial = exchange.initial === null ? "" : ` ${encodeBase64(exchange.initial) || "="}`;
  let reply = await send(`AUTH ${mechanism}${initial}`);
  for (let turn: { respond: typeof exchange.respond; complete: boolean } = exchange; reply.startsWith("334 ");) {
    const challenge = decodeBase64(reply.slice(4));
    if (challenge === null) throw new SyntaxError(`Cannot decode challenge ${reply}`);
    const step = turn.respond(challenge);
    if (step.kind === "failed") return await send("*");
    turn = step.next;
    reply = await send(encodeBase64(step.octets));
    if (reply.startsWith("235") && !turn.complete) throw new Error(`${mechanism}: 235 without a proof of the server`);
  }
  return reply;
}

/** Whether our client can use this mechanism without a channel binding. */
export function isClientMechanism(name: string): name is ClientMechanismName {
  return CLIENT_MECHANISMS.some((one) => one === name);
}

function verifierOf(person: Person, scheme: VerifierScheme): Verifier {
  const credential = "main";
  switch (scheme) {
    case "cram-md5":
      return { scheme, credential, ...cramMd5Contexts(person.password) };
    case "digest-md5":
      return { scheme, credential, ...digestMd5Ha1s(person, person.password, { ...SITE, realms: [] }) };
    default: {
      const hash = scheme === "scram-sha-1" ? "sha-1" : "sha-256";
      const salt = utf8(`salt of ${person.local}`);
      const salted = pbkdf2Sync(utf8(person.password), salt, 4096, hash === "sha-1" ? 20 : 32, hash.replace("-", ""));
      return { scheme, credential, salt, iterations: 4096, ...scramKeys(hash, salted) };
    }
  }
}
