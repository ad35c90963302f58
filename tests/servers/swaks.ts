/**
 * swaks, the SMTP client of people who test mail servers, as a client of the server under test.
 *
 * @module
 */

import { type Finished, run } from "./lib.ts";

/** The programs that this module runs: for `requirePrograms`. */
export const SWAKS_PROGRAMS: readonly string[] = ["swaks"];

/** What swaks is told. */
export interface SwaksOptions {
  readonly port: number;
  readonly tls: "none" | "starttls" | "implicit";
  /** Logs in with this mechanism; swaks has PLAIN, LOGIN, CRAM-MD5, DIGEST-MD5 and NTLM. */
  readonly auth?: { readonly mechanism: string; readonly user: string; readonly password: string };
  readonly from: string;
  readonly to: string;
  /** A whole message; swaks makes one by default. */
  readonly message?: string;
  /** More arguments, such as `--quit-after`. */
  readonly args?: readonly string[];
}

/**
 * Runs swaks against 127.0.0.1. Exit code 0 means that all went well, 28 that authentication failed, 24 that the recipient was
 * refused; the output is the whole dialogue. The certificate is not looked at.
 */
export async function swaks(options: SwaksOptions): Promise<Finished> {
  const { auth, message } = options;
  return await run("swaks", {
    args: [
      ...["--server", "127.0.0.1", "--port", `${options.port}`, "--helo", "client.example.org"],
      ...["--from", options.from, "--to", options.to],
      ...(options.tls === "starttls" ? ["--tls"] : options.tls === "implicit" ? ["--tls-on-connect"] : []),
      ...(auth === undefined
        ? []
        : ["--auth", auth.mechanism, "--auth-user", auth.user, "--auth-password", auth.password]),
      ...(message === undefined ? [] : ["--data", "-"]),
      ...(options.args ?? []),
    ],
    ...(message === undefined ? {} : { input: message }),
  });
}
