/**
 * The contract of the client side of an exchange: values that are never changed; each step gives the next one.
 *
 * @module
 */

/** What a client authenticates with. Whoever reads it from a file makes sure that it holds no control characters. */
export interface ClientCredentials {
  readonly authcid: string;
  /** Empty: act as `authcid`. */
  readonly authzid: string;
  readonly password: string;
  /** For DIGEST-MD5 alone; empty: the first one that the server offers. */
  readonly realm: string;
  /** The server's host name, for DIGEST-MD5's `digest-uri`. */
  readonly host: string;
  /** Unpredictable octets, fresh for each exchange; at least 16. */
  readonly nonce: Uint8Array;
  /** For the -PLUS forms: `tls-server-end-point` (RFC 5929) of the server's certificate. */
  readonly binding?: Uint8Array | null;
}

/** An exchange after any step. */
export interface ClientTurn {
  /**
   * Whether a success that the server reports now may be believed: everything was sent, and with SCRAM and DIGEST-MD5 the server
   * has proved that it knows the password.
   */
  readonly complete: boolean;
  /** What the server has said of its refusal inside of the exchange; printable, and no secret. */
  readonly refusal?: string;
  /** Answers a challenge. Never throws. */
  respond(challenge: Uint8Array): ClientStep;
}

/** An exchange at its beginning. */
export interface ClientExchange extends ClientTurn {
  /**
   * Goes with the AUTH command; `null`: the server speaks first. Where it is too long for the command line it is the response
   * to an empty challenge instead (RFC 4954 section 4).
   */
  readonly initial: Uint8Array | null;
}

/** What a client does with a challenge. */
export type ClientStep =
  | { readonly kind: "response"; readonly octets: Uint8Array; readonly next: ClientTurn }
  /** Cancel with "*"; `why` is for the log and holds no secret. */
  | ClientFailure;

/** The end of an exchange by the client. */
export interface ClientFailure {
  readonly kind: "failed";
  readonly why: string;
}

/** The end of an exchange by the client. */
export function giveUp(why: string): ClientFailure {
  return { kind: "failed", why };
}

/** The turn in which all is said. */
export const FINISHED: ClientTurn = { complete: true, respond: () => giveUp("unexpected challenge") };

/** The turn in which the only thing to say to a challenge of any kind is this. */
export function lastResponse(octets: Uint8Array): ClientTurn {
  return { complete: false, respond: () => ({ kind: "response", octets, next: FINISHED }) };
}
