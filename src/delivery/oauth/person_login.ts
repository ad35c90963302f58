/**
 * How a person gives us a refresh token: with a code on another device (RFC 8628), or in a browser whose last address is copied here
 * (RFC 6749 section 4.1 with RFC 7636, for programs without a web site: RFC 8252).
 *
 * @module
 */

import * as oauth from "oauth4webapi";
import type { SmarthostOAuth } from "../../config/config.ts";
import { fail, type Result, succeed } from "../../lib/result.ts";
import { refused, type TokenProblem } from "./problem.ts";
import { askServer, type TokenGrant, tokenGrant } from "./token_request.ts";

/** What the person is told. */
export interface DeviceCode {
  readonly url: string;
  readonly code: string;
  readonly lifeMs: number;
}

/** What a login needs besides the configuration. */
export interface PersonLogin {
  readonly clientSecret: string | null;
  readonly signal: AbortSignal;
}

/** RFC 8628 section 3.2, and what is added at `slow_down` (section 3.5). */
const INTERVAL_SECONDS = 5;
/** What the browser is sent to at the end: nobody has to listen there, its address is all that is wanted. */
const REDIRECT_URL = "http://localhost:8400";

/** Gets a code, shows it, and asks until the person has decided or the code has ended. */
export async function loginByDevice(
  config: SmarthostOAuth,
  { clientSecret, signal, show }: PersonLogin & { readonly show: (code: DeviceCode) => void },
): Promise<Result<TokenGrant, TokenProblem>> {
  const started = await askServer(config, clientSecret, signal, async ({ server, client, authentication, options }) => {
    const request = await oauth.deviceAuthorizationRequest(server, client, authentication, scopeOf(config), options);
    return await oauth.processDeviceAuthorizationResponse(server, client, request);
  });
  if (!started.ok) return started;
  const { device_code: deviceCode, user_code: code, verification_uri: url, expires_in: seconds } = started.value;
  const end = Date.now() + seconds * 1000;
  show({ url, code, lifeMs: seconds * 1000 });
  let interval = started.value.interval ?? INTERVAL_SECONDS;
  while (Date.now() < end) {
    if (!await pause(interval * 1000, signal)) return fail({ kind: "aborted" });
    const answer = await askServer(config, clientSecret, signal, async (parts) => {
      const { server, client, authentication, options } = parts;
      const request = await oauth.deviceCodeGrantRequest(server, client, authentication, deviceCode, options);
      return tokenGrant(await oauth.processDeviceCodeResponse(server, client, request));
    });
    if (answer.ok) return answer;
    const { problem } = answer;
    const pending = problem.kind === "refused" && ["authorization_pending", "slow_down"].includes(problem.error);
    if (!pending && problem.kind !== "unreachable") return answer;
    // RFC 8628 section 3.5: a server that does not answer is asked less often too.
    if (problem.kind === "unreachable" || problem.error === "slow_down") interval += INTERVAL_SECONDS;
  }
  return fail(refused(config, "expired_token", "nobody has entered the code in time"));
}

/** Shows an address; `readAddress` gives the one at which the browser has ended. */
export async function loginByBrowser(
  config: SmarthostOAuth,
  { clientSecret, signal, readAddress }: PersonLogin & {
    readonly readAddress: (url: string) => Promise<string> | string;
  },
): Promise<Result<TokenGrant, TokenProblem>> {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(config.consentUrl ?? config.tokenUrl);
  const parameters = {
    "response_type": "code",
    "client_id": config.clientId,
    "redirect_uri": REDIRECT_URL,
    state,
    "code_challenge": await oauth.calculatePKCECodeChallenge(verifier),
    "code_challenge_method": "S256",
    ...scopeOf(config),
    // Google gives a refresh token at the first consent only, and only to those who ask.
    ...config.provider === "google" && { "access_type": "offline", prompt: "consent" },
    "login_hint": config.user,
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  const address = URL.parse((await readAddress(url.href)).trim());
  if (address === null) return fail({ kind: "no-grant", text: "That is no address: copy all of it, from http:// on" });
  return await askServer(config, clientSecret, signal, async ({ server, client, authentication, options }) => {
    const answer = oauth.validateAuthResponse(server, client, address, state);
    const request = await oauth.authorizationCodeGrantRequest(
      ...[server, client, authentication, answer, REDIRECT_URL, verifier, options] as const,
    );
    return tokenGrant(await oauth.processAuthorizationCodeResponse(server, client, request));
  });
}

/** The refresh token of a grant, if there is one. */
export function refreshTokenOf({ refreshToken }: TokenGrant, { user }: SmarthostOAuth): Result<string, TokenProblem> {
  if (refreshToken !== null) return succeed(refreshToken);
  const text = `The provider gave no refresh token for ${user}: does scope ask for one (such as offline_access)?`;
  return fail({ kind: "no-grant", text });
}

function scopeOf({ loginScope }: SmarthostOAuth): Record<string, string> {
  return loginScope === null ? {} : { scope: loginScope };
}

/** Waits; `false`: it is wanted no more. */
function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(true), ms);
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    resolve(false);
  }, { once: true });
  return promise;
}
