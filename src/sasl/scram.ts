/**
 * SCRAM-SHA-1 and SCRAM-SHA-256 (RFC 5802, RFC 7677) and their -PLUS forms, bound to the server's certificate (RFC 5929 section 4).
 *
 * @module
 */

import type { Answer, Verifier } from "../backend.ts";
import { concat, encodeBase64, utf8 } from "../lib/octets.ts";
import { hasControl } from "../lib/text.ts";
import type { ExchangeInit, ExchangeInput, ExchangeStep, Mechanism } from "./mechanism.ts";
import {
  type Claim,
  concludeProof,
  failed,
  findFitting,
  malformed,
  refused,
  unexpected,
  type VerifiersAnswer,
} from "./proof.ts";
import { SCRAM_OCTETS, type ScramHash, scramProofFits, scramServerSignature } from "./scram_keys.ts";
import { type ClientFirst, parseClientFinal, parseClientFirst } from "./scram_messages.ts";
import { parseUserName } from "./user_name.ts";

/** The states of a SCRAM exchange. */
export type ScramState =
  | { readonly at: "start" | "challenged"; readonly init: ExchangeInit }
  | { readonly at: "asked"; readonly init: ExchangeInit; readonly first: ClientFirst; readonly claim: Claim }
  | {
    readonly at: "proof";
    readonly first: ClientFirst;
    readonly claim: Claim;
    readonly answer: VerifiersAnswer;
    readonly verifiers: readonly ScramVerifier[];
    readonly nonce: string;
    readonly serverFirst: string;
    /** What `c=` has to be. */
    readonly binding: string;
  };

type ScramVerifier = Extract<Verifier, { readonly storedKey: Uint8Array }>;
type At<Name extends ScramState["at"]> = Extract<ScramState, { readonly at: Name }>;

interface Variant {
  readonly name: string;
  readonly hash: ScramHash;
  readonly scheme: `scram-${ScramHash}`;
  /** Whether the exchange is bound to the TLS channel. */
  readonly plus: boolean;
}

const BINDING_TYPE = "tls-server-end-point";
const EMPTY = new Uint8Array();

/** SCRAM-SHA-1 (RFC 5802). */
export const SCRAM_SHA_1: Mechanism<ScramState> = scram({
  name: "SCRAM-SHA-1",
  hash: "sha-1",
  scheme: "scram-sha-1",
  plus: false,
});

/** SCRAM-SHA-1-PLUS (RFC 5802): fails where `init.binding` is null. */
export const SCRAM_SHA_1_PLUS: Mechanism<ScramState> = scram({
  name: "SCRAM-SHA-1-PLUS",
  hash: "sha-1",
  scheme: "scram-sha-1",
  plus: true,
});

/** SCRAM-SHA-256 (RFC 7677). */
export const SCRAM_SHA_256: Mechanism<ScramState> = scram({
  name: "SCRAM-SHA-256",
  hash: "sha-256",
  scheme: "scram-sha-256",
  plus: false,
});

/** SCRAM-SHA-256-PLUS (RFC 7677): fails where `init.binding` is null. */
export const SCRAM_SHA_256_PLUS: Mechanism<ScramState> = scram({
  name: "SCRAM-SHA-256-PLUS",
  hash: "sha-256",
  scheme: "scram-sha-256",
  plus: true,
});

function scram(variant: Variant): Mechanism<ScramState> {
  return {
    name: variant.name,
    cleartext: false,
    needs: { scheme: variant.scheme },
    serverFirst: false,
    start: (init) => ({ at: "start", init }),
    step: (state, input) => step(variant, state, input),
  };
}

function step(variant: Variant, state: ScramState, input: ExchangeInput): ExchangeStep<ScramState> {
  switch (state.at) {
    case "start":
      if (input.kind !== "initial") return unexpected(input);
      if (input.response !== null) return ask(variant, state.init, input.response);
      return { kind: "challenge", state: { at: "challenged", init: state.init }, challenge: EMPTY };
    case "challenged":
      return input.kind === "response" ? ask(variant, state.init, input.response) : unexpected(input);
    case "asked":
      if (input.kind !== "answer") return unexpected(input, state.claim.authcid);
      return challenge(variant, state, input.answer);
    case "proof":
      if (input.kind !== "response") return unexpected(input, state.claim.authcid);
      return conclude(variant, state, input.response);
  }
}

function ask(variant: Variant, init: ExchangeInit, octets: Uint8Array): ExchangeStep<ScramState> {
  const parsed = parseClientFirst(octets);
  if (!parsed.ok) return malformed(parsed.problem);
  const first = parsed.value;
  const authcid = parseUserName(first.username, init);
  if (authcid === null || hasControl(first.authzid)) return malformed("not a user name", authcid);
  const { binding } = first;
  if (binding.kind === "not-offered" && init.plusOffered) {
    // Somebody took the -PLUS forms out of our list on its way (RFC 5802 section 6).
    return failed("downgrade", { detail: "the client saw no -PLUS mechanism, but it was offered", authcid });
  }
  if (variant.plus !== (binding.kind === "used")) {
    return malformed("channel binding does not go with mechanism", authcid);
  }
  if (binding.kind === "used" && binding.type !== BINDING_TYPE) return malformed("unknown channel binding", authcid);
  if (variant.plus && init.binding === null) return malformed("no channel to bind to", authcid);
  return {
    kind: "ask",
    state: { at: "asked", init, first, claim: { authcid, authzid: first.authzid } },
    question: {
      kind: "verifiers",
      user: authcid,
      scheme: variant.scheme,
      origin: { ...init.origin, mechanism: variant.name },
    },
  };
}

function challenge(variant: Variant, state: At<"asked">, answer: Answer): ExchangeStep<ScramState> {
  const { init, first, claim } = state;
  if (answer.kind !== "verifiers") return refused(answer, claim.authcid);
  const verifiers = answer.verifiers.filter(isScram).filter(({ scheme }) => scheme === variant.scheme);
  // All verifiers of an account share salt and iterations, decoys too.
  const [verifier] = verifiers;
  if (verifier === undefined) return concludeProof(answer, { ...claim, verifier: null, final: null });
  const nonce = first.nonce + encodeBase64(init.nonce);
  const serverFirst = `r=${nonce},s=${encodeBase64(verifier.salt)},i=${verifier.iterations}`;
  const channel = variant.plus && init.binding !== null ? init.binding : EMPTY;
  const binding = encodeBase64(concat(utf8(first.gs2Header), channel));
  return {
    kind: "challenge",
    state: { at: "proof", first, claim, answer, verifiers, nonce, serverFirst, binding },
    challenge: utf8(serverFirst),
  };
}

function conclude(variant: Variant, state: At<"proof">, octets: Uint8Array): ExchangeStep<ScramState> {
  const { first, claim, answer, verifiers, nonce, serverFirst, binding } = state;
  const { hash } = variant;
  const parsed = parseClientFinal(octets);
  if (!parsed.ok) return malformed(parsed.problem, claim.authcid);
  const { proof, withoutProof, ...final } = parsed.value;
  if (final.nonce !== nonce) return malformed("wrong nonce", claim.authcid);
  if (final.binding !== binding) {
    return failed("downgrade", { detail: "the client is bound to another channel", authcid: claim.authcid });
  }
  if (proof.length !== SCRAM_OCTETS[hash]) return malformed("a proof of a wrong length", claim.authcid);
  const authMessage = utf8(`${first.bare},${serverFirst},${withoutProof}`);
  const verifier = findFitting(
    verifiers,
    ({ storedKey }) => scramProofFits(hash, { storedKey, authMessage, proof }),
  );
  if (verifier === null) return concludeProof(answer, { ...claim, verifier, final: null });
  const signature = scramServerSignature(hash, verifier.serverKey, authMessage);
  return concludeProof(answer, { ...claim, verifier, final: utf8(`v=${encodeBase64(signature)}`) });
}

function isScram(verifier: Verifier): verifier is ScramVerifier {
  return verifier.scheme === "scram-sha-1" || verifier.scheme === "scram-sha-256";
}
