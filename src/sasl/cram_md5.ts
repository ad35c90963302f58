/**
 * CRAM-MD5 (RFC 2195): HMAC-MD5 of a challenge that is never used twice.
 *
 * @module
 */

import type { Answer, UserName } from "../backend.ts";
import { equalConstantTime } from "../lib/constant_time.ts";
import { decodeUtf8, hex, utf8 } from "../lib/octets.ts";
import { hmacMd5FromContexts } from "./md5.ts";
import type { ExchangeInit, ExchangeInput, ExchangeStep, Mechanism } from "./mechanism.ts";
import { concludeProof, findFitting, malformed, refused, unexpected } from "./proof.ts";
import { parseUserName } from "./user_name.ts";

/** The states of a CRAM-MD5 exchange. */
export type CramMd5State =
  | { readonly at: "start"; readonly init: ExchangeInit }
  | { readonly at: "challenged"; readonly init: ExchangeInit; readonly challenge: Uint8Array }
  | {
    readonly at: "asked";
    readonly challenge: Uint8Array;
    readonly user: UserName;
    readonly digest: Uint8Array;
  };

/** The two fields of the response. */
export interface CramMd5Response {
  readonly authcid: string;
  /** 16 octets. */
  readonly digest: Uint8Array;
}

const NAME = "CRAM-MD5";
const SCHEME = "cram-md5";
/** A user name may hold spaces, a digest cannot: the last one parts them. */
const RESPONSE_REGEXP = /^(.+) ([0-9A-Fa-f]{32})$/;

/** The CRAM-MD5 mechanism. It knows no authorization identity. */
export const CRAM_MD5: Mechanism<CramMd5State> = {
  name: NAME,
  cleartext: false,
  needs: { scheme: SCHEME },
  serverFirst: true,
  start: (init) => ({ at: "start", init }),
  step,
};

/** Splits a response at its last space, or gives `null` when it is none. */
export function parseCramMd5Response(response: Uint8Array): CramMd5Response | null {
  const [, authcid, digest] = RESPONSE_REGEXP.exec(decodeUtf8(response) ?? "") ?? [];
  return authcid === undefined || digest === undefined ? null : { authcid, digest: Uint8Array.fromHex(digest) };
}

function step(state: CramMd5State, input: ExchangeInput): ExchangeStep<CramMd5State> {
  switch (state.at) {
    case "start":
      return input.kind === "initial" && input.response === null ? challenge(state.init) : unexpected(input);
    case "challenged":
      return input.kind === "response" ? ask(state, input.response) : unexpected(input);
    case "asked":
      if (input.kind !== "answer") return unexpected(input, state.user);
      return conclude(state, input.answer);
  }
}

/** The form of a message identifier; the nonce, and not a clock, makes it fresh and impossible to foresee. */
function challenge(init: ExchangeInit): ExchangeStep<CramMd5State> {
  const half = init.nonce.length >> 1;
  const unique = `${hex(init.nonce.subarray(0, half))}.${hex(init.nonce.subarray(half))}`;
  const challenge = utf8(`<${unique}@${init.hostname}>`);
  return { kind: "challenge", state: { at: "challenged", init, challenge }, challenge };
}

function ask(
  { init, challenge }: Extract<CramMd5State, { readonly at: "challenged" }>,
  octets: Uint8Array,
): ExchangeStep<CramMd5State> {
  const response = parseCramMd5Response(octets);
  if (response === null) return malformed("not a CRAM-MD5 response");
  const user = parseUserName(response.authcid, init);
  if (user === null) return malformed("not a user name");
  return {
    kind: "ask",
    state: { at: "asked", challenge, user, digest: response.digest },
    question: { kind: "verifiers", user, scheme: SCHEME, origin: { ...init.origin, mechanism: NAME } },
  };
}

function conclude(
  { challenge, user, digest }: Extract<CramMd5State, { readonly at: "asked" }>,
  answer: Answer,
): ExchangeStep<CramMd5State> {
  if (answer.kind !== "verifiers") return refused(answer, user);
  const verifier = findFitting(answer.verifiers, (each) =>
    // A context of a wrong length is a backend's fault, and nothing can be resumed from it.
    each.scheme === SCHEME && each.inner.length === 16 && each.outer.length === 16 &&
    equalConstantTime(hmacMd5FromContexts(each, challenge), digest));
  return concludeProof(answer, { authcid: user, authzid: "", verifier, final: null });
}
