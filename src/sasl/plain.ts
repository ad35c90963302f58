/**
 * PLAIN (RFC 4616): one response that holds authzid, authcid and password.
 *
 * @module
 */

import { decodeUtf8 } from "../lib/octets.ts";
import { hasControl } from "../lib/text.ts";
import type { ExchangeInit, ExchangeInput, ExchangeStep, Mechanism } from "./mechanism.ts";
import { type Claim, concludePassword, malformed, unexpected } from "./proof.ts";
import { prepare } from "./saslprep.ts";
import { parseUserName } from "./user_name.ts";

/** The states of a PLAIN exchange. */
export type PlainState =
  | { readonly at: "start" | "challenged"; readonly init: ExchangeInit }
  | { readonly at: "asked"; readonly claim: Claim };

/** The three fields of the response, as the client sent them. */
export interface PlainResponse {
  readonly authzid: string;
  readonly authcid: string;
  readonly password: string;
}

const NAME = "PLAIN";
const EMPTY = new Uint8Array();

/** The PLAIN mechanism. The question holds the password as it was sent: what a backend has stored decides whether to prepare it. */
export const PLAIN: Mechanism<PlainState> = {
  name: NAME,
  cleartext: true,
  needs: { password: true },
  serverFirst: false,
  start: (init) => ({ at: "start", init }),
  step,
};

/**
 * Splits a response (RFC 4616 section 2), or gives `null` when it is none: not UTF-8, not exactly two NULs, an empty authcid or
 * password, a control character, a password that SASLprep refuses.
 */
export function parsePlainResponse(response: Uint8Array): PlainResponse | null {
  const [authzid, authcid, password, ...more] = decodeUtf8(response)?.split("\0") ?? [];
  if (authzid === undefined || authcid === undefined || password === undefined || more.length > 0) return null;
  // An empty password turns an LDAP bind into an anonymous one, which succeeds (RFC 4513 section 5.1.2): `prepare` refuses it.
  if (authcid === "" || hasControl(authzid) || prepare(password) === null) return null;
  return { authzid, authcid, password };
}

function step(state: PlainState, input: ExchangeInput): ExchangeStep<PlainState> {
  switch (state.at) {
    case "start":
      if (input.kind !== "initial") return unexpected(input);
      if (input.response !== null) return ask(state.init, input.response);
      return { kind: "challenge", state: { at: "challenged", init: state.init }, challenge: EMPTY };
    case "challenged":
      return input.kind === "response" ? ask(state.init, input.response) : unexpected(input);
    case "asked":
      return input.kind === "answer"
        ? concludePassword(input.answer, state.claim)
        : unexpected(input, state.claim.authcid);
  }
}

function ask(init: ExchangeInit, octets: Uint8Array): ExchangeStep<PlainState> {
  const response = parsePlainResponse(octets);
  if (response === null) return malformed("not a PLAIN response");
  const { authzid, password } = response;
  const user = parseUserName(response.authcid, init);
  if (user === null) return malformed("not a user name");
  return {
    kind: "ask",
    state: { at: "asked", claim: { authcid: user, authzid } },
    question: { kind: "password", user, password, origin: { ...init.origin, mechanism: NAME } },
  };
}
