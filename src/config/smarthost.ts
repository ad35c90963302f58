/**
 * A smarthost, in [delivery.smarthost] and in a [[route]]: its keys, and what becomes of them.
 *
 * @module
 */

import { resolve } from "node:path";
import { z } from "zod";
import { isLoopback } from "../lib/network.ts";
import type { SmarthostAuth, SmarthostConfig } from "./config.ts";
import { type KeyPath, showPath } from "./keys.ts";
import { completeOAuth, isThisMachine, oauthSchema } from "./oauth.ts";
import { connectAddress, count, flag, oneOf, path, table } from "./quantities.ts";

const IMPLICIT_TLS_PORT = 465;

/** The keys of a smarthost. */
export const smarthostSchema = table({
  address: connectAddress,
  tls: oneOf(["required", "implicit", "opportunistic", "never"]).optional().meta({
    description: "default required, for port 465 implicit",
  }),
  caFile: path.optional().meta({ description: "PEM: authorities to trust instead of the system's" }),
  authInfoFile: path.optional().meta({
    description: "four lines: authorization identity, authentication identity, password, realm",
  }),
  oauth: oauthSchema.optional().meta({ description: "log in with access tokens instead of a password" }),
  allowCleartextPassword: flag.default(false).meta({ description: "PLAIN and LOGIN also without checked TLS" }),
  concurrency: count(1, 100).default(5).meta({ description: "connections at once" }),
}).superRefine(({ address, tls, authInfoFile, oauth }, context) => {
  if (oauth === undefined) return;
  if (authInfoFile !== undefined) {
    context.addIssue({ code: "custom", path: ["oauth"], message: "expected oauth or auth_info_file, found both" });
  }
  if ((tls === "never" || tls === "opportunistic") && !isThisMachine(address.host)) {
    context.addIssue({ code: "custom", path: ["tls"], message: 'oauth needs "required" or "implicit"' });
  }
});

/** Completes a smarthost; `auth`: what its file holds. */
export function completeSmarthost(
  section: z.output<typeof smarthostSchema>,
  { auth, folder }: { readonly auth: SmarthostAuth | null; readonly folder: string },
): SmarthostConfig {
  return {
    ...section.address,
    tls: section.tls ?? (section.address.port === IMPLICIT_TLS_PORT ? "implicit" : "required"),
    caFile: section.caFile === undefined ? null : resolve(folder, section.caFile),
    auth,
    oauth: section.oauth === undefined ? null : completeOAuth(section.oauth, folder),
    allowClearTextPassword: section.allowCleartextPassword,
    concurrency: section.concurrency,
  };
}

/** What is worth knowing of a smarthost that stands at `path`. */
export function smarthostWarnings(
  { host, port, tls, auth, allowClearTextPassword }: SmarthostConfig,
  path: KeyPath,
): readonly string[] {
  const warnings: string[] = [];
  const at = showPath(path);
  if (port === IMPLICIT_TLS_PORT && tls !== "implicit") {
    warnings.push(`${at}.tls: port ${IMPLICIT_TLS_PORT} usually needs "implicit"`);
  }
  const exposed = (tls === "never" && !isLoopback(host) && host !== "localhost") || tls === "opportunistic";
  if (auth !== null && exposed) {
    warnings.push(
      allowClearTextPassword
        ? `${at}.allow_cleartext_password: the password may be sent where others can read it`
        : `${at}.tls: with "${tls}" the password is sent only by mechanisms that hide it`,
    );
  }
  return warnings;
}
