/**
 * The client side of PLAIN, LOGIN and CRAM-MD5.
 *
 * @module
 */

import { hex, utf8 } from "../lib/octets.ts";
import { type ClientCredentials, type ClientExchange, FINISHED, giveUp, lastResponse } from "./client_exchange.ts";
import { hmacMd5Contexts, hmacMd5FromContexts } from "./md5.ts";

/** RFC 4616. Everything is sent as it is. */
export function startPlain({ authzid, authcid, password }: ClientCredentials): ClientExchange {
  return { ...FINISHED, initial: utf8(`${authzid}\0${authcid}\0${password}`) };
}

/** Sends the user name to the first challenge and the password to the second, whatever they say: the prompts differ. */
export function startLogin({ authcid, password }: ClientCredentials): ClientExchange {
  return {
    initial: null,
    complete: false,
    respond: () => ({ kind: "response", octets: utf8(authcid), next: lastResponse(utf8(password)) }),
  };
}

/** RFC 2195. It has no way to send an authorization identity. */
export function startCramMd5({ authcid, password }: ClientCredentials): ClientExchange {
  return {
    initial: null,
    complete: false,
    respond: (challenge) => {
      if (challenge.length === 0) return giveUp("empty challenge");
      const digest = hmacMd5FromContexts(hmacMd5Contexts(utf8(password)), challenge);
      return { kind: "response", octets: utf8(`${authcid} ${hex(digest)}`), next: FINISHED };
    },
  };
}
