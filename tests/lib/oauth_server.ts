/**
 * A token server (RFC 6749) with real checks on loopback: it knows its client, its tokens and their ends, counts what it gives, takes
 * refresh tokens out of use, lets a device log in (RFC 8628) and says of a token whose it is (RFC 7662).
 *
 * @module
 */

import type { Certificate } from "../servers/certificate.ts";

export const CLIENT_ID = "dokodemo-test";
export const CLIENT_SECRET = "client secret: %+&=";
export const MAILBOX = "relay@example.net";

/** How it behaves; each may be changed while it runs. */
export interface OAuthBehaviour {
  /** Of access tokens; `null`: it does not say, and they last an hour. */
  lifeSeconds: number | null;
  /** Each refresh token works once, and the next one comes with the answer. */
  rotates: boolean;
  /** A status with which every request fails. */
  failure: number | null;
  /** The error that every request for a token gets. */
  refuses: string | null;
  /** Of codes for devices. */
  deviceSeconds: number;
  /** Answers wait for this. */
  gate: Promise<void> | null;
}

/** A running token server. */
export interface OAuthServer extends AsyncDisposable {
  readonly origin: string;
  readonly tokenUrl: string;
  readonly deviceUrl: string;
  readonly introspectionUrl: string;
  /** Where a person agrees in a browser: a request without a `deny` parameter is a yes. */
  readonly consentUrl: string;
  readonly behaviour: OAuthBehaviour;
  /** Grants that were given, by `grant_type`. */
  readonly grants: readonly string[];
  /** Requests for tokens, refused ones too: without secrets. */
  readonly requests: readonly string[];
  /** A refresh token that works. */
  issueRefreshToken(): string;
  /** Refresh tokens stop to work. */
  revokeRefreshTokens(): void;
  /** Access tokens stop to work before their time. */
  revokeAccessTokens(): void;
  /** Whether a token opens this mailbox now. */
  opens(user: string, token: string): boolean;
  /** The code that a device has got; waits for one that asks. Each is given out once. */
  userCode(): Promise<string>;
  /** The person agrees, or not, on behalf of the device that has this code. */
  answerDevice(userCode: string, agrees: boolean): void;
}

interface Device {
  readonly userCode: string;
  state: "waiting" | "agreed" | "refused";
}

/** What a code of a browser was given for (RFC 7636). */
interface Consent {
  readonly redirect: string;
  readonly challenge: string;
}

/** Listens on a free port: HTTPS with a certificate, else HTTP. */
export async function startOAuthServer(
  { certificate, ...behaviour }: Partial<OAuthBehaviour> & { readonly certificate?: Certificate } = {},
): Promise<OAuthServer> {
  const refreshTokens = new Set<string>();
  const accessTokens = new Map<string, number>();
  const devices = new Map<string, Device>();
  const codes = new Map<string, Consent>();
  const grants: string[] = [];
  const requests: string[] = [];
  const codesShown: string[] = [];
  let asked = Promise.withResolvers<void>();
  const settings: OAuthBehaviour = {
    lifeSeconds: 3600,
    rotates: false,
    failure: null,
    refuses: null,
    deviceSeconds: 600,
    gate: null,
    ...behaviour,
  };
  const issueRefreshToken = () => {
    const token = `refresh-${crypto.randomUUID()}`;
    refreshTokens.add(token);
    return token;
  };

  function giveToken(grant: string, refreshToken: string | null): Response {
    grants.push(grant);
    // Longer than a command line, as Microsoft's are.
    const token = `access-${crypto.randomUUID()}-${"x".repeat(1500)}`;
    accessTokens.set(token, Date.now() + (settings.lifeSeconds ?? 3600) * 1000);
    return Response.json({
      access_token: token,
      token_type: "Bearer",
      ...settings.lifeSeconds !== null && { expires_in: settings.lifeSeconds },
      ...refreshToken !== null && { refresh_token: refreshToken },
    });
  }

  async function token(form: URLSearchParams): Promise<Response> {
    const grant = form.get("grant_type") ?? "";
    requests.push(grant);
    await settings.gate;
    if (settings.refuses !== null) return refusal(settings.refuses, "As the test wants it");
    switch (grant) {
      case "client_credentials":
        return giveToken(grant, null);
      case "refresh_token": {
        const used = form.get("refresh_token") ?? "";
        if (!refreshTokens.has(used)) return refusal("invalid_grant", "The refresh token is expired or revoked");
        if (settings.rotates) refreshTokens.delete(used);
        return giveToken(grant, settings.rotates ? issueRefreshToken() : null);
      }
      case "urn:ietf:params:oauth:grant-type:device_code": {
        const device = devices.get(form.get("device_code") ?? "");
        if (device === undefined) return refusal("invalid_grant", "There is no such device code");
        if (device.state === "waiting") return refusal("authorization_pending", "Not yet");
        return device.state === "agreed"
          ? giveToken(grant, issueRefreshToken())
          : refusal("access_denied", "The person said no");
      }
      case "authorization_code": {
        const code = form.get("code") ?? "";
        const consent = codes.get(code);
        codes.delete(code);
        const proven = consent?.redirect === form.get("redirect_uri") &&
          consent?.challenge === await challengeOf(form.get("code_verifier") ?? "");
        return proven
          ? giveToken(grant, issueRefreshToken())
          : refusal("invalid_grant", "Not what the code was given for");
      }
      default:
        return refusal("unsupported_grant_type", grant);
    }
  }

  function device(): Response {
    const deviceCode = crypto.randomUUID();
    const userCode = crypto.randomUUID().slice(0, 8).toUpperCase();
    devices.set(deviceCode, { userCode, state: "waiting" });
    codesShown.push(userCode);
    asked.resolve();
    asked = Promise.withResolvers();
    return Response.json({
      device_code: deviceCode,
      user_code: userCode,
      verification_uri: `${origin}/device`,
      expires_in: settings.deviceSeconds,
      interval: 1,
    });
  }

  function consent(query: URLSearchParams): Response {
    const redirect = query.get("redirect_uri") ?? "";
    const back = new URL(redirect);
    back.searchParams.set("state", query.get("state") ?? "");
    if (query.has("deny")) {
      back.searchParams.set("error", "access_denied");
    } else if (query.get("client_id") === CLIENT_ID && query.get("code_challenge_method") === "S256") {
      const code = crypto.randomUUID();
      codes.set(code, { redirect, challenge: query.get("code_challenge") ?? "" });
      back.searchParams.set("code", code);
    }
    return new Response(null, { status: 302, headers: { location: back.href } });
  }

  function opens(user: string, token: string): boolean {
    return user === MAILBOX && (accessTokens.get(token) ?? 0) > Date.now();
  }

  async function answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const body = request.method === "POST" ? await request.text() : "";
    if (settings.failure !== null) return new Response("<h1>Sorry</h1>", { status: settings.failure });
    const form = new URLSearchParams(body);
    if (pathname === "/introspect") {
      const shown = form.get("token") ?? searchParams.get("token") ?? "";
      return Response.json(opens(MAILBOX, shown) ? { active: true, username: MAILBOX } : { active: false });
    }
    if (pathname === "/consent") return consent(searchParams);
    if (request.method !== "POST") return new Response(null, { status: 405 });
    if (!isClient(request, form)) return refusal("invalid_client", "Unknown client or wrong secret", 401);
    return pathname === "/token"
      ? await token(form)
      : pathname === "/device"
      ? device()
      : new Response(null, { status: 404 });
  }

  const listening = {
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
  };
  const server = certificate === undefined ? Deno.serve(listening, answer) : Deno.serve({
    ...listening,
    cert: await Deno.readTextFile(certificate.certificateFile),
    key: await Deno.readTextFile(certificate.keyFile),
  }, answer);
  const scheme = certificate === undefined ? "http" : "https";
  const origin = `${scheme}://${certificate === undefined ? "127.0.0.1" : "localhost"}:${server.addr.port}`;
  return {
    origin,
    tokenUrl: `${origin}/token`,
    deviceUrl: `${origin}/device`,
    introspectionUrl: `${origin}/introspect`,
    consentUrl: `${origin}/consent`,
    behaviour: settings,
    grants,
    requests,
    issueRefreshToken,
    revokeRefreshTokens: () => refreshTokens.clear(),
    revokeAccessTokens: () => accessTokens.clear(),
    opens,
    userCode: async () => {
      for (;;) {
        const code = codesShown.shift();
        if (code !== undefined) return code;
        await asked.promise;
      }
    },
    answerDevice: (userCode, agrees) => {
      for (const each of devices.values()) {
        if (each.userCode === userCode) each.state = agrees ? "agreed" : "refused";
      }
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** By HTTP Basic (RFC 6749 section 2.3.1, with its own encoding below) or in the body. */
function isClient(request: Request, form: URLSearchParams): boolean {
  const basic = /^Basic (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
  if (basic === undefined) return form.get("client_id") === CLIENT_ID && form.get("client_secret") === CLIENT_SECRET;
  const [id = "", secret = ""] = atob(basic).split(":");
  const decode = (text: string) => decodeURIComponent(text.replaceAll("+", " "));
  return decode(id) === CLIENT_ID && decode(secret) === CLIENT_SECRET;
}

function refusal(error: string, description: string, status = 400): Response {
  const headers = status === 401 ? { "www-authenticate": 'Basic realm="tokens"' } : undefined;
  return Response.json({ error, error_description: description }, { status, ...headers !== undefined && { headers } });
}

async function challengeOf(verifier: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  return digest.toBase64({ alphabet: "base64url", omitPadding: true });
}
