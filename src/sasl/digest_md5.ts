/**
 * DIGEST-MD5 (RFC 2831), authentication only: no security layer, no subsequent authentication.
 *
 * @module
 */

import type { Answer, UserName } from "../backend.ts";
import { equalConstantTime } from "../lib/constant_time.ts";
import { decodeUtf8, encodeBase64, encodeLatin1, latin1, utf8 } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { hasControl } from "../lib/text.ts";
import { digestOf, type DigestTerms, NONCE_COUNT } from "./digest.ts";
import { directivesByName, parseDirectives, quote } from "./digest_directives.ts";
import type { ExchangeInit, ExchangeInput, ExchangeStep, Mechanism } from "./mechanism.ts";
import { type Claim, concludeProof, findFitting, malformed, refused, unexpected } from "./proof.ts";
import { parseUserName } from "./user_name.ts";

/** The states of a DIGEST-MD5 exchange. */
export type DigestMd5State =
  | { readonly at: "start" | "challenged"; readonly init: ExchangeInit }
  | { readonly at: "asked"; readonly claim: Claim; readonly response: DigestResponse };

/** A response of the right form. */
export interface DigestResponse extends DigestTerms {
  readonly username: string;
  /** Empty where the client named none. */
  readonly realm: string;
  /** 32 lower-case hexadecimal digits. */
  readonly response: string;
}

/** What a response has to be a response to. */
export interface DigestExpectation {
  readonly nonce: string;
  readonly service: string;
}

const NAME = "DIGEST-MD5";
const SCHEME = "digest-md5";
/** RFC 2831 section 2.1.1: a challenge has less than 2048 octets. */
const CHALLENGE_LIMIT_OCTETS = 2048;

/** The DIGEST-MD5 mechanism. */
export const DIGEST_MD5: Mechanism<DigestMd5State> = {
  name: NAME,
  cleartext: false,
  needs: { scheme: SCHEME },
  serverFirst: true,
  start: (init) => ({ at: "start", init }),
  step,
};

/** Reads a response (RFC 2831 section 2.1.2); the problem is a few words for the log and holds nothing that was sent. */
export function parseDigestResponse(
  octets: Uint8Array,
  { nonce, service }: DigestExpectation,
): Result<DigestResponse, string> {
  const directives = parseDirectives(latin1(octets));
  if (directives === null) return fail("not a list of directives");
  const values = directivesByName(directives);
  if (values === null) return fail("a directive comes twice");
  const charset = values.get("charset");
  if (charset !== undefined && charset.toLowerCase() !== "utf-8") return fail("unknown charset");
  const text = charset === undefined ? (value: string) => value : fromUtf8;

  const username = text(values.get("username") ?? "");
  const realm = text(values.get("realm") ?? "");
  if (username === null || realm === null) return fail("not UTF-8");
  if (username === "") return fail("no username");
  if (values.get("nonce") !== nonce) return fail("wrong nonce");
  if (values.get("nc") !== NONCE_COUNT) return fail("wrong nc");
  if ((values.get("qop") ?? "auth") !== "auth") return fail("wrong qop");
  const cnonce = values.get("cnonce") ?? "";
  if (cnonce === "") return fail("no cnonce");
  const digestUri = values.get("digest-uri") ?? "";
  // The host is what the client calls us, seldom what we call ourselves: it is hashed, but not compared.
  if (!digestUri.toLowerCase().startsWith(`${service}/`)) return fail("wrong digest-uri");
  const response = values.get("response") ?? "";
  if (!/^[0-9a-f]{32}$/.test(response)) return fail("wrong response");
  return succeed({ username, realm, nonce, cnonce, digestUri, response, authzid: values.get("authzid") ?? null });
}

function step(state: DigestMd5State, input: ExchangeInput): ExchangeStep<DigestMd5State> {
  switch (state.at) {
    case "start":
      if (input.kind !== "initial" || input.response !== null) return unexpected(input);
      return {
        kind: "challenge",
        state: { at: "challenged", init: state.init },
        challenge: utf8(challenge(state.init)),
      };
    case "challenged":
      return input.kind === "response" ? ask(state.init, input.response) : unexpected(input);
    case "asked":
      return input.kind === "answer" ? conclude(state, input.answer) : unexpected(input, state.claim.authcid);
  }
}

/** The default realm comes first: a client that does not ask its user takes it. Realms that do not fit are left out, but served. */
function challenge(init: ExchangeInit): string {
  const rest = `nonce=${quote(encodeBase64(init.nonce))},qop="auth",algorithm=md5-sess,charset=utf-8`;
  let challenge = "";
  let octets = rest.length;
  for (const realm of new Set([init.defaultRealm, ...init.realms])) {
    const directive = `realm=${quote(realm)},`;
    octets += utf8(directive).length;
    if (octets >= CHALLENGE_LIMIT_OCTETS) break;
    challenge += directive;
  }
  return challenge + rest;
}

function ask(init: ExchangeInit, octets: Uint8Array): ExchangeStep<DigestMd5State> {
  const parsed = parseDigestResponse(octets, { nonce: encodeBase64(init.nonce), service: init.service });
  if (!parsed.ok) return malformed(parsed.problem);
  const response = parsed.value;
  const user = accountOf(response, init);
  if (user === null) return malformed("not a user name");
  // RFC 2831 section 2.1.2: the authorization identity is in UTF-8, whatever the charset.
  const authzid = fromUtf8(response.authzid ?? "");
  if (authzid === null || hasControl(authzid)) return malformed("not an authorization identity", user);
  return {
    kind: "ask",
    state: { at: "asked", claim: { authcid: user, authzid }, response },
    question: { kind: "verifiers", user, scheme: SCHEME, origin: { ...init.origin, mechanism: NAME } },
  };
}

/** A name with a realm of its own is that account, whichever realm was chosen beside it; else the chosen realm completes it. */
function accountOf({ username, realm }: DigestResponse, { defaultRealm }: ExchangeInit): UserName | null {
  return parseUserName(username, { defaultRealm: realm === "" ? defaultRealm : realm });
}

function conclude(
  { claim, response }: Extract<DigestMd5State, { readonly at: "asked" }>,
  answer: Answer,
): ExchangeStep<DigestMd5State> {
  if (answer.kind !== "verifiers") return refused(answer, claim.authcid);
  const candidates = answer.verifiers.flatMap((verifier) =>
    verifier.scheme === SCHEME ? verifier.ha1s.map((ha1) => ({ verifier, ha1 })) : []
  );
  const digest = digestOf(response, "AUTHENTICATE");
  const expected = utf8(response.response);
  const fitting = findFitting(candidates, ({ ha1 }) => equalConstantTime(utf8(digest(ha1)), expected));
  if (fitting === null) return concludeProof(answer, { ...claim, verifier: null, final: null });
  const final = utf8(`rspauth=${digestOf(response, "")(fitting.ha1)}`);
  return concludeProof(answer, { ...claim, verifier: fitting.verifier, final });
}

function fromUtf8(value: string): string | null {
  return decodeUtf8(encodeLatin1(value) ?? new Uint8Array());
}
