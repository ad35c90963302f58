/**
 * Debian's sendmail as a server on 127.0.0.1, with an access map: for comparing what it lets in. Nothing that it takes is delivered.
 *
 * @module
 */

import { freePort, makeFolder, runOrThrow, ServerProcess } from "./lib.ts";
import { SENDMAIL_HOME } from "./sendmail.ts";

/** What its mc file says beside what is always there. */
export interface SendmailServerOptions {
  /** The text that makemap reads. */
  readonly access: string;
  /** More lines of m4, such as FEATUREs. */
  readonly macros?: readonly string[];
  /** Lines of its hosts file: names of clients. */
  readonly hosts?: readonly string[];
}

/** A server that answers. */
export interface SendmailServer extends AsyncDisposable {
  readonly port: number;
  /** The folder with access.db in it. */
  readonly folder: string;
}

/** Starts one for mail.foobar.co.jp with the local domain foobar.co.jp. Needs root. */
export async function startSendmailServer(options: SendmailServerOptions): Promise<SendmailServer> {
  const folder = await makeFolder();
  const { path } = folder;
  const port = freePort();
  await Deno.mkdir(`${path}/queue`, { mode: 0o700 });
  await Deno.writeTextFile(
    `${path}/hosts`,
    ["127.0.0.1 mail.foobar.co.jp localhost", ...options.hosts ?? [], ""].join("\n"),
  );
  await Deno.writeTextFile(`${path}/switch`, "hosts files\n");
  await runOrThrow(`${SENDMAIL_HOME}/usr/libexec/sendmail/makemap`, {
    args: ["-C", "/dev/null", "hash", `${path}/access`],
    input: options.access,
  });
  await Deno.writeTextFile(`${path}/sendmail.mc`, macros(path, port, options.macros ?? []));
  const cf = `${SENDMAIL_HOME}/usr/share/sendmail/cf`;
  const configuration = await runOrThrow("sh", {
    args: ["-c", `exec m4 "-D_CF_DIR_=$1/" "$1/m4/cf.m4" "$2" 2>/dev/null`, "sh", cf, `${path}/sendmail.mc`],
  });
  await Deno.writeTextFile(`${path}/sendmail.cf`, configuration);
  const sendmail = `${SENDMAIL_HOME}/usr/libexec/sendmail/sendmail`;
  // The names of clients come from the system's hosts file, whatever its own is called.
  const script = 'hosts=$1; shift; mount --bind "$hosts" /etc/hosts && hostname mail.foobar.co.jp && exec "$@"';
  const process = new ServerProcess("unshare", {
    args: ["--uts", "--mount", "sh", "-c", script, "sh", `${path}/hosts`, sendmail, "-C", `${path}/sendmail.cf`, "-bD"],
  });
  let ended = false;
  process.ended.then(() => ended = true);
  while (!await answers(port)) {
    if (ended) throw new Error(`Cannot start sendmail: ${process.output}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    port,
    folder: path,
    async [Symbol.asyncDispose]() {
      await process[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function answers(port: number): Promise<boolean> {
  try {
    using _conn = await Deno.connect({ hostname: "127.0.0.1", port });
    return true;
  } catch {
    return false;
  }
}

function macros(folder: string, port: number, more: readonly string[]): string {
  const define = (name: string, value: string) => `define(\`${name}', \`${value}')dnl`;
  return [
    "OSTYPE(`linux')dnl",
    define("confDOMAIN_NAME", "mail.foobar.co.jp"),
    define("QUEUE_DIR", `${folder}/queue`),
    define("STATUS_FILE", `${folder}/statistics`),
    define("ALIAS_FILE", ""),
    define("confPID_FILE", `${folder}/pid`),
    define("confDONT_BLAME_SENDMAIL", "TrustStickyBit"),
    // No name server is asked, and clients have the names of this hosts file.
    define("confSERVICE_SWITCH_FILE", `${folder}/switch`),
    define("confHOSTS_FILE", `${folder}/hosts`),
    define("confDELIVERY_MODE", "queueonly"),
    define("confTO_IDENT", "0"),
    ...["QUEUE", "REFUSE", "DELAY"].map((what) => define(`conf${what}_LA`, "500")),
    define("confPRIVACY_FLAGS", "goaway"),
    "FEATURE(`no_default_msa')dnl",
    `DAEMON_OPTIONS(\`Port=${port},Addr=127.0.0.1,Name=MTA')dnl`,
    `FEATURE(\`access_db', \`hash -T<TMPF> -o ${folder}/access', \`skip')dnl`,
    "FEATURE(`blacklist_recipients')dnl",
    "FEATURE(`nouucp', `reject')dnl",
    "undefine(`UUCP_RELAY')dnl",
    "undefine(`BITNET_RELAY')dnl",
    "FEATURE(`nocanonify')dnl",
    "FEATURE(`accept_unresolvable_domains')dnl",
    "LOCAL_DOMAIN(`foobar.co.jp')dnl",
    "RELAY_DOMAIN(`partner.example')dnl",
    ...more,
    "MAILER(`local')dnl",
    "MAILER(`smtp')dnl",
    "",
  ].join("\n");
}
