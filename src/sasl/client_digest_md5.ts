/**
 * The client side of DIGEST-MD5 (RFC 2831), authentication only.
 *
 * @module
 */

import { equalConstantTime } from "../lib/constant_time.ts";
import { decodeUtf8, encodeBase64, encodeLatin1, latin1, utf8 } from "../lib/octets.ts";
import {
  type ClientCredentials,
  type ClientExchange,
  type ClientStep,
  type ClientTurn,
  FINISHED,
  giveUp,
} from "./client_exchange.ts";
import { digestHa1, digestOf, latin1IfItFits, NONCE_COUNT } from "./digest.ts";
import { directivesByName, parseDirectives, quote } from "./digest_directives.ts";

interface DigestChallenge {
  /** One character for each octet. */
  readonly nonce: string;
  readonly realms: readonly string[];
  readonly utf8: boolean;
}

/** Begins an exchange; the server speaks first. */
export function startDigestMd5(credentials: ClientCredentials): ClientExchange {
  return { initial: null, complete: false, respond: (challenge) => prove(credentials, challenge) };
}

function prove(credentials: ClientCredentials, octets: Uint8Array): ClientStep {
  const challenge = parseChallenge(octets);
  if (typeof challenge === "string") return giveUp(challenge);
  const { authcid: username, authzid, password, host, nonce: clientNonce } = credentials;
  const realm = credentials.realm || challenge.realms[0] || "";
  const encode = challenge.utf8 ? utf8 : encodeLatin1;
  const sentName = encode(username);
  const sentRealm = encode(realm);
  if (sentName === null || sentRealm === null) return giveUp("the server cannot read this name: it offers no UTF-8");

  const terms = {
    nonce: challenge.nonce,
    cnonce: encodeBase64(clientNonce),
    digestUri: `smtp/${latin1(utf8(host))}`,
    authzid: authzid === "" ? null : latin1(utf8(authzid)),
  };
  const ha1 = digestHa1({
    username: latin1IfItFits(username),
    realm: latin1IfItFits(realm),
    password: latin1IfItFits(password),
  });
  const response = [
    ...(challenge.utf8 ? ["charset=utf-8"] : []),
    `username=${quote(latin1(sentName))}`,
    ...(realm === "" ? [] : [`realm=${quote(latin1(sentRealm))}`]),
    `nonce=${quote(terms.nonce)}`,
    `nc=${NONCE_COUNT}`,
    `cnonce=${quote(terms.cnonce)}`,
    `digest-uri=${quote(terms.digestUri)}`,
    `response=${digestOf(terms, "AUTHENTICATE")(ha1)}`,
    "qop=auth",
    ...(terms.authzid === null ? [] : [`authzid=${quote(terms.authzid)}`]),
  ].join(",");
  const next = awaitProof(utf8(digestOf(terms, "")(ha1)));
  return { kind: "response", octets: encodeLatin1(response) ?? new Uint8Array(), next };
}

/** Reads a challenge (RFC 2831 section 2.1.1), or says what is wrong with it. Only `realm` may come more than once. */
function parseChallenge(octets: Uint8Array): DigestChallenge | string {
  const directives = parseDirectives(latin1(octets));
  const values = directivesByName(directives?.filter(({ name }) => name !== "realm") ?? []);
  if (directives === null || values === null) return "not a DIGEST-MD5 challenge";
  const nonce = values.get("nonce") ?? "";
  if (nonce === "") return "no nonce";
  if (values.get("algorithm")?.toLowerCase() !== "md5-sess") return "unknown algorithm";
  const qops = (values.get("qop") ?? "auth").split(/[\t ,]+/);
  if (!qops.includes("auth")) return "no qop without a security layer";
  const inUtf8 = values.get("charset")?.toLowerCase() === "utf-8";
  const realms: string[] = [];
  for (const { name, value } of directives) {
    if (name !== "realm") continue;
    const realm = inUtf8 ? decodeUtf8(encodeLatin1(value) ?? new Uint8Array()) : value;
    if (realm === null) return "a realm that is not UTF-8";
    realms.push(realm);
  }
  return { nonce, realms, utf8: inUtf8 };
}

function awaitProof(expected: Uint8Array): ClientTurn {
  return {
    complete: false,
    respond: (challenge) => {
      const directives = parseDirectives(latin1(challenge));
      const rspauth = directives?.find(({ name }) => name === "rspauth")?.value ?? "";
      if (!equalConstantTime(utf8(rspauth), expected)) return giveUp("the server does not know the password");
      return { kind: "response", octets: new Uint8Array(), next: FINISHED };
    },
  };
}
