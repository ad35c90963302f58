/**
 * curl as a mail client: its SASL code is its own, and it has SMTP over implicit TLS.
 *
 * @module
 */

import { type Finished, run } from "./lib.ts";

/** The programs that this module runs: for `requirePrograms`. */
export const CURL_PROGRAMS: readonly string[] = ["curl"];

/** What curl is told. */
export interface CurlOptions {
  readonly port: number;
  readonly tls: "none" | "starttls" | "implicit";
  /** The authority to trust; the certificate has to be for localhost. */
  readonly caFile?: string;
  /** Logs in with this mechanism; Debian's curl has PLAIN, LOGIN, CRAM-MD5, DIGEST-MD5 and SCRAM by libgsasl where built so. */
  readonly auth?: { readonly mechanism: string; readonly user: string; readonly password: string };
  readonly from: string;
  readonly to: string;
  readonly message: string;
}

/** Sends one mail to localhost. Exit code 0 means sent, 67 that the login failed, 55 or 56 that something was refused; the output is the dialogue. */
export async function curl(options: CurlOptions): Promise<Finished> {
  const { auth } = options;
  return await run("curl", {
    args: [
      ...["--verbose", "--silent", "--show-error", "--ipv4", "--crlf"],
      `${options.tls === "implicit" ? "smtps" : "smtp"}://localhost:${options.port}/client.example.org`,
      ...(options.tls === "starttls" ? ["--ssl-reqd"] : []),
      ...(options.caFile === undefined ? [] : ["--cacert", options.caFile]),
      ...(auth === undefined
        ? []
        : ["--login-options", `AUTH=${auth.mechanism}`, "--user", `${auth.user}:${auth.password}`]),
      ...["--mail-from", options.from, "--mail-rcpt", options.to, "--upload-file", "-"],
    ],
    input: options.message,
  });
}
