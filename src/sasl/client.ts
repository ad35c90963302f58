/**
 * The client side of SASL, for the smarthost.
 *
 * @module
 */

import { startDigestMd5 } from "./client_digest_md5.ts";
import type { ClientCredentials, ClientExchange } from "./client_exchange.ts";
import { startScram } from "./client_scram.ts";
import { startCramMd5, startLogin, startPlain } from "./client_simple.ts";

/** The mechanisms that the smarthost client tries, the strongest first; the -PLUS forms want a channel binding that it does not have. */
export const CLIENT_MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-1", "DIGEST-MD5", "CRAM-MD5", "PLAIN", "LOGIN"] as const;

/** The name of a mechanism that a client can use. */
export type ClientMechanismName = typeof CLIENT_MECHANISMS[number] | "SCRAM-SHA-256-PLUS" | "SCRAM-SHA-1-PLUS";

/** Begins an exchange. The caller must not take a success for one before `complete`. */
export function startClient(name: ClientMechanismName, credentials: ClientCredentials): ClientExchange {
  switch (name) {
    case "SCRAM-SHA-256-PLUS":
      return startScram("sha-256", credentials, { plus: true });
    case "SCRAM-SHA-256":
      return startScram("sha-256", credentials, { plus: false });
    case "SCRAM-SHA-1-PLUS":
      return startScram("sha-1", credentials, { plus: true });
    case "SCRAM-SHA-1":
      return startScram("sha-1", credentials, { plus: false });
    case "DIGEST-MD5":
      return startDigestMd5(credentials);
    case "CRAM-MD5":
      return startCramMd5(credentials);
    case "PLAIN":
      return startPlain(credentials);
    case "LOGIN":
      return startLogin(credentials);
  }
}
