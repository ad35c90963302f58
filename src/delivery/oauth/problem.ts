/**
 * Why there is no access token.
 *
 * @module
 */

import type { SmarthostOAuth } from "../../config/config.ts";
import { printable } from "../../lib/text.ts";

/** Why not. `text` is for the administrator, says what to do, and holds no secret. */
export type TokenProblem =
  /** The token server said no; `error` is its word (RFC 6749 section 5.2). */
  | { readonly kind: "refused"; readonly error: string; readonly text: string }
  /** There is nothing to ask with: a file is missing or cannot be used. */
  | { readonly kind: "no-grant"; readonly text: string }
  /** No answer, or none that can be understood: it may be there later. */
  | { readonly kind: "unreachable"; readonly text: string }
  /** The caller wants it no more. */
  | { readonly kind: "aborted" };

/** A no of the token server, with what to do about it. */
export function refused(config: SmarthostOAuth, error: string, description: string | null): TokenProblem {
  const host = new URL(config.tokenUrl).host;
  const said = description === null ? printable(error) : `${printable(error)}: ${printable(description, 300)}`;
  return {
    kind: "refused",
    error,
    text: `${host} gives no access token for ${config.user} (${said}): ${advice(config, error)}`,
  };
}

/** How a person gets a new refresh token. */
export function loginAdvice({ user }: SmarthostOAuth): string {
  return `run "dokodemo oauth login ${user}"`;
}

function advice(config: SmarthostOAuth, error: string): string {
  switch (error) {
    case "invalid_grant":
      return config.refreshTokenFile === null
        ? "see what the provider has against the application"
        : `the refresh token is expired or revoked, ${loginAdvice(config)}`;
    case "invalid_client":
      return config.clientSecretFile === null
        ? "check client_id (does the application need a secret?)"
        : `check client_id, and whether the secret in ${config.clientSecretFile} is expired`;
    case "unauthorized_client":
    case "invalid_scope":
    case "access_denied":
      return "check what the application is permitted to do, and scope";
    default:
      return "check oauth in the configuration";
  }
}
