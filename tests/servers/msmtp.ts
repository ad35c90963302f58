/**
 * msmtp, a sendmail stand-in that uses GNU SASL: the client with SCRAM and channel binding.
 *
 * @module
 */

import { type Finished, makeFolder, run } from "./lib.ts";

/** The programs that this module runs: for `requirePrograms`. */
export const MSMTP_PROGRAMS: readonly string[] = ["msmtp"];

/** What msmtp is told. */
export interface MsmtpOptions {
  readonly port: number;
  readonly tls: "none" | "starttls" | "implicit";
  /** The authority to trust; the certificate has to be for localhost. */
  readonly caFile?: string;
  /** A mechanism as msmtp names it: plain, login, cram-md5, digest-md5, scram-sha-1, scram-sha-256, scram-sha-256-plus. */
  readonly auth?: { readonly mechanism: string; readonly user: string; readonly password: string };
  readonly from: string;
  readonly to: string;
  readonly message: string;
}

/** Sends one mail to localhost. Exit code 0 means sent, 77 that the login failed; the output is the dialogue without secrets. */
export async function msmtp(options: MsmtpOptions): Promise<Finished> {
  await using folder = await makeFolder();
  const { auth } = options;
  const file = `${folder.path}/msmtprc`;
  const settings = [
    "account default",
    "host localhost",
    `port ${options.port}`,
    `tls ${options.tls === "none" ? "off" : "on"}`,
    `tls_starttls ${options.tls === "starttls" ? "on" : "off"}`,
    ...(options.caFile === undefined ? [] : [`tls_trust_file ${options.caFile}`]),
    ...(auth === undefined
      ? ["auth off"]
      : [`auth ${auth.mechanism.toLowerCase()}`, `user "${auth.user}"`, `password "${auth.password}"`]),
  ];
  await Deno.writeTextFile(file, `${settings.join("\n")}\n`, { mode: 0o600 });
  return await run("msmtp", {
    args: ["--debug", `--file=${file}`, `--from=${options.from}`, "--", options.to],
    input: options.message,
  });
}
