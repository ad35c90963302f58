/**
 * How mail clients call the settings of a server.
 *
 * @module
 */

import type { MailServer } from "../../config/config.ts";
import type { SubmissionServer } from "../profiles/settings.ts";
import type { Translate } from "./language.ts";

/** How the connection is made safe: the words are the same in every language. */
export function securityText(tls: MailServer["tls"]): string {
  return tls === "implicit" ? "SSL/TLS" : "STARTTLS";
}

/** How the password is sent. */
export function authenticationText(authentication: SubmissionServer["authentication"], t: Translate): string {
  return authentication === "password-cleartext"
    ? t("normal password", "通常のパスワード認証")
    : t("encrypted password (CRAM-MD5)", "暗号化されたパスワード認証(CRAM-MD5)");
}
