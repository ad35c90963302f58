/**
 * What the tests of access tokens share.
 *
 * @module
 */

import type { SmarthostOAuth } from "../../../src/config/config.ts";
import { CLIENT_ID, CLIENT_SECRET, MAILBOX, type OAuthServer } from "../../lib/oauth_server.ts";
import { type MailService, type PeerConversation, serveMail } from "../../lib/scripted_peer.ts";

/** A login at a token server, with its files in a folder. */
export async function loginAt(
  server: Pick<OAuthServer, "tokenUrl" | "issueRefreshToken">,
  { folder, grant = "refresh_token", ...changes }: Partial<SmarthostOAuth> & {
    readonly folder: string;
    readonly grant?: "refresh_token" | "client_credentials";
  },
): Promise<SmarthostOAuth> {
  const clientSecretFile = `${folder}/client_secret`;
  const refreshTokenFile = `${folder}/refresh_token`;
  await Deno.writeTextFile(clientSecretFile, `${CLIENT_SECRET}\n`, { mode: 0o600 });
  if (grant === "refresh_token") {
    await Deno.writeTextFile(refreshTokenFile, `${server.issueRefreshToken()}\n`, { mode: 0o600 });
  }
  return {
    provider: "custom",
    user: MAILBOX,
    tenant: null,
    clientId: CLIENT_ID,
    clientSecretFile,
    refreshTokenFile: grant === "refresh_token" ? refreshTokenFile : null,
    tokenUrl: server.tokenUrl,
    deviceUrl: null,
    consentUrl: null,
    scope: null,
    loginScope: null,
    caFile: null,
    ...changes,
  };
}

/** A folder that goes away. */
export async function makeFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Serves mail to whoever shows a token that opens the mailbox: the token server is asked each time. */
export function serveWithTokens(
  peer: PeerConversation,
  opens: (user: string, token: string) => boolean,
  { mechanism, ...service }: MailService & { readonly mechanism: "XOAUTH2" | "OAUTHBEARER" },
): Promise<void> {
  let awaited: "token" | "acknowledgement" | null = null;
  let known = false;
  const judge = (encoded: string): string => {
    const { user, token } = readMessage(encoded);
    known = opens(user, token);
    awaited = known ? null : "acknowledgement";
    if (known) return "235 2.7.0 Welcome\r\n";
    const error = mechanism === "XOAUTH2" ? { status: "400", schemes: "Bearer" } : { status: "invalid_token" };
    return `334 ${btoa(JSON.stringify(error))}\r\n`;
  };
  return serveMail(peer, {
    offers: [`AUTH PLAIN ${mechanism}`],
    ...service,
    reply: (line) => {
      const special = service.reply?.(line) ?? null;
      if (special !== null) return special;
      if (awaited === "token") return judge(line);
      if (awaited === "acknowledgement") {
        awaited = null;
        const right = line === (mechanism === "XOAUTH2" ? "" : "AQ==");
        return right ? "535 5.7.8 Not accepted\r\n" : "501 5.5.2 What was that?\r\n";
      }
      const [, initial] = new RegExp(`^AUTH ${mechanism}(?: (.+))?$`).exec(line) ?? [];
      if (initial !== undefined) return judge(initial);
      if (line === `AUTH ${mechanism}`) {
        awaited = "token";
        return "334 \r\n";
      }
      return !known && /^(?:AUTH|MAIL)/.test(line) ? "530 5.7.0 Authentication required\r\n" : null;
    },
  });
}

function readMessage(encoded: string): { readonly user: string; readonly token: string } {
  const [first = "", ...parts] = atob(encoded).split("\u0001");
  const user = /^(?:user=|n,a=)([^,]*)/.exec(first)?.[1] ?? "";
  const token = parts.find((part) => part.startsWith("auth=Bearer "))?.slice("auth=Bearer ".length) ?? "";
  return { user, token };
}
