/**
 * The client side of SCRAM (RFC 5802, RFC 7677, RFC 5929).
 *
 * @module
 */

import { pbkdf2Sync } from "node:crypto";
import { equalConstantTime } from "../lib/constant_time.ts";
import { concat, decodeBase64, decodeUtf8, encodeBase64, utf8 } from "../lib/octets.ts";
import { printable } from "../lib/text.ts";
import {
  type ClientCredentials,
  type ClientExchange,
  type ClientStep,
  type ClientTurn,
  FINISHED,
  giveUp,
} from "./client_exchange.ts";
import { prepare } from "./saslprep.ts";
import { DIGEST_NAMES, SCRAM_OCTETS, type ScramHash, scramProof } from "./scram_keys.ts";
import { escapeName } from "./scram_messages.ts";

interface Opening {
  readonly hash: ScramHash;
  readonly password: string;
  readonly gs2Header: string;
  /** What follows the header in `c=`; empty without channel binding. */
  readonly binding: Uint8Array;
  readonly nonce: string;
  readonly bare: string;
}

/** RFC 5802 section 5.1: fewer make a stolen exchange cheap to guess at. More than a million only hold the client up. */
const LEAST_ITERATIONS = 4096;
const MOST_ITERATIONS = 1_000_000;
/** An `m=` is no extension: nobody can understand it yet, so it fails (RFC 5802 section 5.1). */
const SERVER_FIRST_REGEXP =
  /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9][0-9]{0,9})(?:,(?!m=)[A-Za-z]=[^,]+)*$/;
const SERVER_FINAL_REGEXP = /^(?:v=([A-Za-z0-9+/]+={0,2})|e=([^,]+))(?:,(?!m=)[A-Za-z]=[^,]+)*$/;

/** Begins an exchange, with channel binding where `plus` says so. Name and password are prepared (SASLprep) where that is possible, and sent as they are where it is not. */
export function startScram(
  hash: ScramHash,
  credentials: ClientCredentials,
  { plus }: { readonly plus: boolean },
): ClientExchange {
  const { authcid, authzid, password, nonce: octets } = credentials;
  const binding = plus ? credentials.binding ?? new Uint8Array() : new Uint8Array();
  const flag = plus ? "p=tls-server-end-point" : "n";
  const nonce = encodeBase64(octets);
  const gs2Header = `${flag},${authzid === "" ? "" : `a=${escapeName(authzid)}`},`;
  const bare = `n=${escapeName(prepare(authcid) ?? authcid)},r=${nonce}`;
  const opening = { hash, password: prepare(password) ?? password, gs2Header, binding, nonce, bare };
  return {
    initial: utf8(gs2Header + bare),
    complete: false,
    respond: (challenge) => prove(opening, challenge),
  };
}

function prove(opening: Opening, challenge: Uint8Array): ClientStep {
  const serverFirst = decodeUtf8(challenge) ?? "";
  const [, nonce, salt, count] = SERVER_FIRST_REGEXP.exec(serverFirst) ?? [];
  if (nonce === undefined || salt === undefined || count === undefined) return giveUp("not a server-first-message");
  const saltOctets = decodeBase64(salt);
  if (saltOctets === null) return giveUp("salt not in base64");
  // A nonce that is only ours could be that of an exchange which somebody has recorded.
  if (!nonce.startsWith(opening.nonce) || nonce === opening.nonce) return giveUp("wrong nonce");
  const iterations = Number(count);
  if (iterations < LEAST_ITERATIONS || iterations > MOST_ITERATIONS) return giveUp(`${iterations} iterations`);

  const { hash, password, gs2Header, binding, bare } = opening;
  const salted = pbkdf2Sync(utf8(password), saltOctets, iterations, SCRAM_OCTETS[hash], DIGEST_NAMES[hash]);
  const withoutProof = `c=${encodeBase64(concat(utf8(gs2Header), binding))},r=${nonce}`;
  const { proof, serverSignature } = scramProof(hash, salted, utf8(`${bare},${serverFirst},${withoutProof}`));
  return {
    kind: "response",
    octets: utf8(`${withoutProof},p=${encodeBase64(proof)}`),
    next: awaitSignature(serverSignature),
  };
}

function awaitSignature(expected: Uint8Array): ClientTurn {
  return {
    complete: false,
    respond: (challenge) => {
      const [, signature, error] = SERVER_FINAL_REGEXP.exec(decodeUtf8(challenge) ?? "") ?? [];
      if (error !== undefined) return giveUp(`the server says ${printable(error)}`);
      const octets = decodeBase64(signature ?? "");
      if (octets === null || !equalConstantTime(octets, expected)) {
        return giveUp("the server does not know the password");
      }
      return { kind: "response", octets: new Uint8Array(), next: FINISHED };
    },
  };
}
