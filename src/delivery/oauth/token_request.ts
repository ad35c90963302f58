/**
 * Requests to a token server (RFC 6749). The protocol is oauth4webapi's; here is what its answers mean to us.
 *
 * @module
 */

import * as oauth from "oauth4webapi";
import type { SmarthostOAuth } from "../../config/config.ts";
import { whyUnreadable } from "../../lib/file_error.ts";
import { fail, type Result, succeed } from "../../lib/result.ts";
import { printable } from "../../lib/text.ts";
import { refused, type TokenProblem } from "./problem.ts";

/** What a token server gave. */
export interface TokenGrant {
  readonly accessToken: string;
  /** How long it lasts from when it was asked for; `null`: it does not say. */
  readonly lifeMs: number | null;
  /** In the place of the one that was used. */
  readonly refreshToken: string | null;
}

/** The secrets of a request. */
export interface TokenSecrets {
  readonly clientSecret: string | null;
  /** `null`: the client's own credentials are the grant. */
  readonly refreshToken: string | null;
}

/** What each request goes by: the endpoints, who we are, and how to reach the server. */
export interface RequestParts {
  readonly server: oauth.AuthorizationServer;
  readonly client: oauth.Client;
  readonly authentication: oauth.ClientAuth;
  readonly options: oauth.TokenEndpointRequestOptions;
}

/** A token server that has not answered by then is taken for dead. */
const ANSWER_MS = 30_000;
const ANSWER_LIMIT_OCTETS = 256 * 1024;

/** Asks for an access token. */
export function requestToken(
  config: SmarthostOAuth,
  { clientSecret, refreshToken }: TokenSecrets,
  signal: AbortSignal,
): Promise<Result<TokenGrant, TokenProblem>> {
  return askServer(config, clientSecret, signal, async ({ server, client, authentication, options }) => {
    const scope: Record<string, string> = config.scope === null ? {} : { scope: config.scope };
    const answer = refreshToken === null
      ? await oauth.processClientCredentialsResponse(
        server,
        client,
        await oauth.clientCredentialsGrantRequest(server, client, authentication, scope, options),
      )
      : await oauth.processRefreshTokenResponse(
        server,
        client,
        await oauth.refreshTokenGrantRequest(server, client, authentication, refreshToken, {
          ...options,
          additionalParameters: scope,
        }),
      );
    return tokenGrant(answer);
  });
}

/** What an answer of the token endpoint holds. */
export function tokenGrant(
  { access_token: accessToken, expires_in: seconds, refresh_token: refreshToken }: oauth.TokenEndpointResponse,
): TokenGrant {
  return { accessToken, lifeMs: seconds === undefined ? null : seconds * 1000, refreshToken: refreshToken ?? null };
}

/** Prepares a request, makes it, and puts whatever goes wrong into words. */
export async function askServer<Answer>(
  config: SmarthostOAuth,
  clientSecret: string | null,
  signal: AbortSignal,
  ask: (parts: RequestParts) => Promise<Answer>,
): Promise<Result<Answer, TokenProblem>> {
  const { clientId, tokenUrl, deviceUrl, consentUrl, caFile, provider } = config;
  let authority: string | null = null;
  try {
    if (caFile !== null) authority = await Deno.readTextFile(caFile);
  } catch (error) {
    return fail({ kind: "no-grant", text: `Cannot read ${caFile}: ${whyUnreadable(error)}` });
  }
  using http = Deno.createHttpClient(authority === null ? {} : { caCerts: [authority] });
  const server: oauth.AuthorizationServer = {
    // What Google says of itself where it sends a browser back (RFC 9207); no other answer that is used here has it.
    issuer: new URL(consentUrl ?? tokenUrl).origin,
    "token_endpoint": tokenUrl,
    ...deviceUrl !== null && { device_authorization_endpoint: deviceUrl },
    ...consentUrl !== null && { authorization_endpoint: consentUrl },
  };
  const authentication = clientSecret === null ? oauth.None() : provider === "custom"
    // RFC 6749 section 2.3.1: what every server has to understand; the two big ones document the other form.
    ? oauth.ClientSecretBasic(clientSecret)
    : oauth.ClientSecretPost(clientSecret);
  const options: oauth.TokenEndpointRequestOptions = {
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    // The configuration takes http for this machine alone.
    [oauth.allowInsecureRequests]: true,
    [oauth.customFetch]: async (url, { body, ...init }) =>
      bounded(await fetch(url, { ...init, body: body ?? null, client: http })),
  };
  try {
    return succeed(await ask({ server, client: { client_id: clientId }, authentication, options }));
  } catch (error) {
    return fail(problemOf(error, config, signal));
  }
}

/** The answer as a whole, so that no more than so much is ever held. */
async function bounded(response: Response): Promise<Response> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let octets = 0;
  for await (const chunk of response.body ?? []) {
    octets += chunk.length;
    if (octets > ANSWER_LIMIT_OCTETS) throw new RangeError("the answer is too long");
    chunks.push(chunk);
  }
  const { status, headers } = response;
  return new Response(chunks.length === 0 ? null : new Blob(chunks), { status, headers });
}

function problemOf(error: unknown, config: SmarthostOAuth, signal: AbortSignal): TokenProblem {
  if (signal.aborted) return { kind: "aborted" };
  if (error instanceof oauth.ResponseBodyError) {
    const { status, error: word, error_description: description = null } = error;
    const later = status >= 500 || status === 429 || ["temporarily_unavailable", "server_error"].includes(word);
    return later ? unreachable(config, `HTTP ${status}, ${printable(word)}`) : refused(config, word, description);
  }
  // A browser came back with a no (RFC 6749 section 4.1.2.1).
  if (error instanceof oauth.AuthorizationResponseError) {
    return refused(config, error.error, error.error_description ?? null);
  }
  // RFC 6749 section 5.2: 401 with a challenge is for a client that is not known or has a wrong secret.
  if (error instanceof oauth.WWWAuthenticateChallengeError) {
    return refused(config, "invalid_client", error.cause[0]?.parameters.error_description ?? null);
  }
  if (error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError) {
    const status = error.cause instanceof Response ? `HTTP ${error.cause.status}: ` : "";
    // The library's words hold no value of the answer.
    return unreachable(config, status + printable(error.message));
  }
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return unreachable(config, `no answer within ${ANSWER_MS / 1000} s`);
  }
  return unreachable(config, error instanceof Error ? printable(error.message) : "unknown reason");
}

function unreachable({ tokenUrl, user }: SmarthostOAuth, why: string): TokenProblem {
  return { kind: "unreachable", text: `${new URL(tokenUrl).host} gives no access token for ${user} now (${why})` };
}
