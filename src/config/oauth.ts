/**
 * `oauth` of a smarthost: its keys, and what becomes of them.
 *
 * @module
 */

import { resolve } from "node:path";
import { z } from "zod";
import { isLoopback } from "../lib/network.ts";
import { hasControl } from "../lib/text.ts";
import type { SmarthostOAuth } from "./config.ts";
import { oneOf, path, table } from "./quantities.ts";

const URL_WORDS = 'expected a URL such as "https://login.example.net/token" (http only on this machine)';
const TENANT_WORDS = 'expected a tenant such as "foobar.onmicrosoft.com", or its ID';

const text = z.string({ error: "expected a text" }).refine((value) => value !== "" && !hasControl(value), {
  error: "expected a text without control characters",
});

const endpoint = z.string({ error: URL_WORDS }).refine((value) => {
  const url = URL.parse(value);
  if (url === null || url.username !== "" || url.password !== "" || url.hash !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isThisMachine(url.hostname));
}, { error: URL_WORDS });

/** The keys of `oauth`. */
export const oauthSchema = table({
  provider: oneOf(["microsoft", "google", "custom"]),
  user: text.meta({ description: "the mailbox that the mail is sent from" }),
  tenant: z.string({ error: TENANT_WORDS }).regex(/^[A-Za-z0-9][A-Za-z0-9.-]*$/, { error: TENANT_WORDS }).optional()
    .meta({ description: "of microsoft; default, with a refresh token: common" }),
  clientId: text,
  clientSecretFile: path.optional().meta({ description: "one line; mode 0600" }),
  refreshTokenFile: path.optional().meta({
    description: "written by `dokodemo oauth login`; without it the client secret alone has to do",
  }),
  tokenUrl: endpoint.optional().meta({ description: "of custom" }),
  deviceUrl: endpoint.optional().meta({ description: "of custom, for `dokodemo oauth login`" }),
  scope: text.optional().meta({ description: "default: that of the provider for SMTP" }),
  caFile: path.optional().meta({ description: "PEM: an authority to trust for token_url beside the system's" }),
}).superRefine((section, context) => {
  const mistake = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
  const { provider, tenant, clientSecretFile, refreshTokenFile, tokenUrl } = section;
  if (provider === "custom" && tokenUrl === undefined) mistake("tokenUrl", "custom needs the URL that gives tokens");
  if (tenant !== undefined && provider !== "microsoft") mistake("tenant", "only microsoft has tenants");
  if (refreshTokenFile !== undefined) return;
  if (provider === "google") {
    mistake("refreshTokenFile", "google needs a file for the refresh token, which `dokodemo oauth login` writes");
  } else if (clientSecretFile === undefined) {
    mistake("refreshTokenFile", "expected refresh_token_file, or client_secret_file alone");
  } else if (provider === "microsoft" && tenant === undefined && tokenUrl === undefined) {
    mistake("tenant", "without refresh_token_file microsoft needs the tenant");
  }
});

type OAuthSection = z.output<typeof oauthSchema>;

/** Completes `oauth`. */
export function completeOAuth(section: OAuthSection, folder: string): SmarthostOAuth {
  const { provider, user, clientId, clientSecretFile, refreshTokenFile, caFile } = section;
  const absolute = (file: string | undefined) => file === undefined ? null : resolve(folder, file);
  return {
    ...{ provider, user, clientId, ...endpointsOf(section) },
    clientSecretFile: absolute(clientSecretFile),
    refreshTokenFile: absolute(refreshTokenFile),
    caFile: absolute(caFile),
  };
}

/** Whether a host is this machine by its name or address alone; URLs have IPv6 in brackets. */
export function isThisMachine(host: string): boolean {
  return host === "localhost" || isLoopback(host.replace(/^\[(.*)\]$/, "$1"));
}

type Endpoints = Pick<SmarthostOAuth, "tenant" | "tokenUrl" | "deviceUrl" | "consentUrl" | "scope" | "loginScope">;

function endpointsOf(section: OAuthSection): Endpoints {
  const { provider, tenant = "common", refreshTokenFile, tokenUrl, deviceUrl, scope } = section;
  switch (provider) {
    case "microsoft": {
      const base = `https://login.microsoftonline.com/${tenant}/oauth2/v2.0`;
      // The application alone asks for all that it was given; a person's consent names what it is for.
      const usual = refreshTokenFile === undefined
        ? "https://outlook.office365.com/.default"
        : "https://outlook.office.com/SMTP.Send offline_access";
      return {
        tenant,
        tokenUrl: tokenUrl ?? `${base}/token`,
        deviceUrl: deviceUrl ?? `${base}/devicecode`,
        consentUrl: `${base}/authorize`,
        scope: scope ?? usual,
        loginScope: scope ?? usual,
      };
    }
    case "google":
      return {
        tenant: null,
        tokenUrl: tokenUrl ?? "https://oauth2.googleapis.com/token",
        // Google's device flow gives no access to mail.
        deviceUrl: deviceUrl ?? null,
        consentUrl: "https://accounts.google.com/o/oauth2/v2/auth",
        scope: scope ?? null,
        loginScope: scope ?? "https://mail.google.com/",
      };
    case "custom":
      return {
        tenant: null,
        tokenUrl: tokenUrl ?? "",
        deviceUrl: deviceUrl ?? null,
        consentUrl: null,
        scope: scope ?? null,
        loginScope: scope ?? null,
      };
  }
}
