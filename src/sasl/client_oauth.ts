/**
 * The client side of OAUTHBEARER (RFC 7628) and XOAUTH2, its older form at Google and Microsoft: an access token instead of a password.
 *
 * @module
 */

import { decodeUtf8, utf8 } from "../lib/octets.ts";
import { printable } from "../lib/text.ts";
import { type ClientExchange, type ClientTurn, giveUp } from "./client_exchange.ts";
import { escapeName } from "./scram_messages.ts";

/** The mechanisms for a token, the standard one first. Each shows the token itself to the server. */
export const BEARER_MECHANISMS = ["OAUTHBEARER", "XOAUTH2"] as const;

/** The name of a mechanism for a token. */
export type BearerMechanismName = typeof BEARER_MECHANISMS[number];

/** What a client shows. No part holds a control character. */
export interface BearerCredentials {
  /** Whose mailbox it is. */
  readonly user: string;
  readonly token: string;
  /** The server, as the client was told to call it. */
  readonly host: string;
  readonly port: number;
}

const NOTE_LIMIT = 100;

/** Begins an exchange. A challenge of the server is its refusal, which has to be answered before the reply that ends the exchange. */
export function startBearer(
  name: BearerMechanismName,
  { user, token, host, port }: BearerCredentials,
): ClientExchange {
  switch (name) {
    case "OAUTHBEARER":
      return showToken(
        `n,a=${escapeName(user)},\x01host=${host}\x01port=${port}\x01auth=Bearer ${token}\x01\x01`,
        // RFC 7628 section 3.2.3: the dummy response to the error.
        "\x01",
      );
    case "XOAUTH2":
      return showToken(`user=${user}\x01auth=Bearer ${token}\x01\x01`, "");
  }
}

function showToken(message: string, acknowledgement: string): ClientExchange {
  return {
    initial: utf8(message),
    complete: true,
    respond: (challenge) => ({
      kind: "response",
      octets: utf8(acknowledgement),
      next: refusedTurn(errorStatus(challenge)),
    }),
  };
}

/** After its refusal a server has nothing more to ask, and a success would be a lie. */
function refusedTurn(status: string | null): ClientTurn {
  const refusal = status === null ? "no status" : `status ${status}`;
  return { complete: false, refusal, respond: () => giveUp("a second challenge after its refusal") };
}

/** The `status` of an error (RFC 7628 section 3.2.2): `invalid_token`, or at Google and Microsoft an HTTP code such as `400`. */
function errorStatus(challenge: Uint8Array): string | null {
  try {
    const error: unknown = JSON.parse(decodeUtf8(challenge) ?? "");
    const status = typeof error === "object" && error !== null && "status" in error ? error.status : null;
    return typeof status === "string" || typeof status === "number" ? printable(String(status), NOTE_LIMIT) : null;
  } catch {
    return null;
  }
}
