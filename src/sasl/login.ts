/**
 * LOGIN, which no RFC defines: user name and password, each asked for. Outlook and many devices know nothing else.
 *
 * @module
 */

import type { UserName } from "../backend.ts";
import { decodeUtf8, utf8 } from "../lib/octets.ts";
import type { ExchangeInit, ExchangeInput, ExchangeStep, Mechanism } from "./mechanism.ts";
import { type Claim, concludePassword, malformed, unexpected } from "./proof.ts";
import { prepare } from "./saslprep.ts";
import { parseUserName } from "./user_name.ts";

/** The states of a LOGIN exchange. */
export type LoginState =
  | { readonly at: "start" | "user-name"; readonly init: ExchangeInit }
  | { readonly at: "password"; readonly init: ExchangeInit; readonly user: UserName }
  | { readonly at: "asked"; readonly claim: Claim };

const NAME = "LOGIN";
// Exactly these: there are clients that compare the prompts.
const USER_NAME_PROMPT = utf8("Username:");
const PASSWORD_PROMPT = utf8("Password:");

/** The LOGIN mechanism. It accepts the user name as an initial response, which some clients send. */
export const LOGIN: Mechanism<LoginState> = {
  name: NAME,
  cleartext: true,
  needs: { password: true },
  serverFirst: false,
  start: (init) => ({ at: "start", init }),
  step,
};

function step(state: LoginState, input: ExchangeInput): ExchangeStep<LoginState> {
  switch (state.at) {
    case "start":
      if (input.kind !== "initial") return unexpected(input);
      if (input.response !== null) return takeUserName(state.init, input.response);
      return { kind: "challenge", state: { at: "user-name", init: state.init }, challenge: USER_NAME_PROMPT };
    case "user-name":
      return input.kind === "response" ? takeUserName(state.init, input.response) : unexpected(input);
    case "password":
      return input.kind === "response" ? ask(state, input.response) : unexpected(input, state.user);
    case "asked":
      return input.kind === "answer"
        ? concludePassword(input.answer, state.claim)
        : unexpected(input, state.claim.authcid);
  }
}

function takeUserName(init: ExchangeInit, octets: Uint8Array): ExchangeStep<LoginState> {
  const text = decodeUtf8(octets);
  const user = text === null ? null : parseUserName(text, init);
  if (user === null) return malformed("not a user name");
  return { kind: "challenge", state: { at: "password", init, user }, challenge: PASSWORD_PROMPT };
}

function ask(
  { init, user }: Extract<LoginState, { readonly at: "password" }>,
  octets: Uint8Array,
): ExchangeStep<LoginState> {
  const password = decodeUtf8(octets);
  if (password === null || prepare(password) === null) return malformed("not a password", user);
  return {
    kind: "ask",
    state: { at: "asked", claim: { authcid: user, authzid: "" } },
    question: { kind: "password", user, password, origin: { ...init.origin, mechanism: NAME } },
  };
}
