/**
 * Debian's sendmail as a client: it hands one mail to a smarthost, with the login in an authinfo map (the how-to's
 * default-auth-info file is the older form of it: Debian's 8.17 does not read that any more). `.ci/install` unpacks it beside the system, since its package and Postfix's exclude each other.
 *
 * @module
 */

import type { Certificate } from "./certificate.ts";
import { type Finished, makeFolder, run, runOrThrow } from "./lib.ts";

/** Where sendmail's files are: `$DOKODEMO_SENDMAIL`, or where `.ci/install` puts them. */
export const SENDMAIL_HOME: string = Deno.env.get("DOKODEMO_SENDMAIL") ??
  `${Deno.env.get("HOME") ?? ""}/.cache/dokodemo/sendmail`;

const SENDMAIL = `${SENDMAIL_HOME}/usr/libexec/sendmail/sendmail`;

/** The programs that this module runs: for `requirePrograms`. */
export const SENDMAIL_PROGRAMS: readonly string[] = [SENDMAIL, "m4", "unshare"];

/** What sendmail is to do. */
export interface SendmailOptions {
  /** The smarthost's port on 127.0.0.1. STARTTLS is used where it is offered. */
  readonly port: number;
  readonly from: string;
  readonly to: string;
  /** Fields, an empty line, text. */
  readonly message: string;
  /** How it logs in; without, it does not. */
  readonly auth?: {
    readonly mechanism: string;
    readonly authzid?: string;
    readonly authcid: string;
    readonly password: string;
    readonly realm: string;
  };
  /** More lines of m4, such as FEATUREs; `FOLDER` in them is the folder of `maps`. */
  readonly macros?: readonly string[];
  /** Maps by name, as the text that makemap reads. */
  readonly maps?: Readonly<Record<string, string>>;
  /** Whose certificate it trusts. It goes on with an unknown one, and says so in Received alone. */
  readonly certificate?: Certificate;
}

/** How a run of sendmail ended. */
export interface SendmailResult extends Finished {
  /** Whether the smarthost took the mail; else it stayed in sendmail's queue or was returned. */
  readonly sent: boolean;
}

/** Sends one mail and waits for the end of the attempt; the output is sendmail's view of the dialogue. Needs root. */
export async function sendmail(options: SendmailOptions): Promise<SendmailResult> {
  await using folder = await makeFolder();
  await Deno.mkdir(`${folder.path}/queue`, { mode: 0o700 });
  const { auth } = options;
  if (auth !== undefined) {
    await runOrThrow(`${SENDMAIL_HOME}/usr/libexec/sendmail/makemap`, {
      args: ["-C", "/dev/null", "hash", `${folder.path}/authinfo`],
      input: authInfo(auth),
    });
  }
  for (const [name, input] of Object.entries(options.maps ?? {})) {
    await runOrThrow(`${SENDMAIL_HOME}/usr/libexec/sendmail/makemap`, {
      args: ["-C", "/dev/null", "hash", `${folder.path}/${name}`],
      input,
    });
  }
  await Deno.writeTextFile(`${folder.path}/sendmail.mc`, macros(folder.path, options));
  const cf = `${SENDMAIL_HOME}/usr/share/sendmail/cf`;
  const configuration = await runOrThrow("m4", {
    args: [`-D_CF_DIR_=${cf}/`, `${cf}/m4/cf.m4`, `${folder.path}/sendmail.mc`],
  });
  await Deno.writeTextFile(`${folder.path}/sendmail.cf`, configuration);
  const sendmailArgs = ["-C", `${folder.path}/sendmail.cf`, "-odi", "-oi", "-v", "-f", options.from, options.to];
  // A host name without a dot makes sendmail sleep for a minute before it reads its configuration.
  const finished = await run("unshare", {
    args: ["--uts", "sh", "-c", 'hostname sender.example.org && exec "$@"', "sh", SENDMAIL, ...sendmailArgs],
    input: options.message,
  });
  return { ...finished, sent: finished.output.includes("... Sent (") };
}

function authInfo({ mechanism, authzid, authcid, password, realm }: NonNullable<SendmailOptions["auth"]>): string {
  // "P=" means base64, so that a password may hold quotes and spaces.
  const secret = new TextEncoder().encode(password).toBase64();
  const fields = [`U:${authzid ?? authcid}`, `I:${authcid}`, `P=${secret}`, `R:${realm}`, `M:${mechanism}`];
  return `AuthInfo:\t${fields.map((field) => `"${field}"`).join(" ")}\n`;
}

function macros(folder: string, { port, auth, certificate, macros: more = [] }: SendmailOptions): string {
  const define = (name: string, value: string) => `define(\`${name}', \`${value}')dnl`;
  return [
    "OSTYPE(`linux')dnl",
    define("confDOMAIN_NAME", "sender.example.org"),
    define("SMART_HOST", "relay:[127.0.0.1]"),
    define("RELAY_MAILER_ARGS", `TCP $h ${port}`),
    define("QUEUE_DIR", `${folder}/queue`),
    define("STATUS_FILE", `${folder}/statistics`),
    define("ALIAS_FILE", ""),
    // The folder is under /tmp, which everyone may write to: without this the password's file is ignored as unsafe.
    define("confDONT_BLAME_SENDMAIL", "TrustStickyBit"),
    ...(auth === undefined ? [] : [
      define("confAUTH_MECHANISMS", auth.mechanism),
      `FEATURE(\`authinfo', \`hash ${folder}/authinfo')dnl`,
    ]),
    ...(certificate === undefined ? [] : [define("confCACERT", certificate.caFile)]),
    ...more.map((line) => line.replaceAll("FOLDER", folder)),
    "FEATURE(`nocanonify')dnl",
    "FEATURE(`accept_unresolvable_domains')dnl",
    "MAILER(`smtp')dnl",
    "",
  ].join("\n");
}
