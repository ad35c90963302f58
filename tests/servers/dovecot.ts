/**
 * A real Dovecot in a folder of its own: the server of LMTP that keeps the mailboxes, and the reader of Maildir folders. The machine's
 * own one is neither read nor changed.
 *
 * @module
 */

import { type Folder, freePort, makeFolder, run, runOrThrow, ServerProcess } from "./lib.ts";

/** The programs that this module runs: for `requirePrograms`. */
export const DOVECOT_LMTP_PROGRAMS: readonly string[] = ["dovecot", "doveadm", "/usr/lib/dovecot/lmtp"];

/** Dovecot never reads mail as root, so the mailboxes are nobody's. */
const USER_ID = 65534;

/** A running Dovecot. Disposing stops it and removes its folder. */
export class Dovecot implements AsyncDisposable {
  /** The port of LMTP on 127.0.0.1, and its socket. */
  readonly port: number;
  readonly socket: string;
  readonly #folder: Folder;
  readonly #process: ServerProcess;

  constructor(folder: Folder, { port, socket, process }: {
    readonly port: number;
    readonly socket: string;
    readonly process: ServerProcess;
  }) {
    this.port = port;
    this.socket = socket;
    this.#folder = folder;
    this.#process = process;
  }

  /** Its log so far. */
  get log(): readonly string[] {
    return this.#process.lines;
  }

  /** Where a user's Maildir is. */
  maildir(user: string): string {
    return `${this.#folder.path}/mail/${user}/Maildir`;
  }

  /** The path of all Maildirs, as our configuration has it. */
  get template(): string {
    return this.maildir("{user}");
  }

  /** Gives what the test wrote into a Maildir to the user that Dovecot reads it as: a server would run as that user. */
  async handOver(user: string): Promise<void> {
    await runOrThrow("chown", { args: ["-R", `${USER_ID}:${USER_ID}`, this.maildir(user)] });
  }

  /** A field of every mail in a user's INBOX, as `doveadm fetch` gives it: `hdr.subject`, `flags`, `body`, `size.physical`. */
  async fetch(user: string, field: string): Promise<readonly string[]> {
    const args = ["-c", this.#config, "-f", "json", "fetch", "-u", user, field, "mailbox", "INBOX"];
    const { code, output } = await run("doveadm", { args });
    if (code !== 0) throw new Error(`Cannot fetch mail of ${user}: ${output}`);
    const mails: unknown = output.trim() === "" ? [] : JSON.parse(output);
    if (!Array.isArray(mails)) throw new TypeError(`Cannot read mail of ${user}: ${output}`);
    return mails.map((mail: Readonly<Record<string, unknown>>) => String(mail[field]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
    await this.#folder[Symbol.asyncDispose]();
  }

  get #config(): string {
    return `${this.#folder.path}/dovecot.conf`;
  }
}

/** Starts it, with these users (names without a realm); `full`: those of them whose quota is used up. Needs root, as Dovecot does. */
export async function startDovecot(
  { users, full = [] }: { readonly users: readonly string[]; readonly full?: readonly string[] },
): Promise<Dovecot> {
  const folder = await makeFolder({ open: true });
  const socket = `${folder.path}/lmtp`;
  const port = freePort();
  const lines = users.map((user) => {
    const quota = full.includes(user) ? " userdb_quota_rule=*:bytes=1" : "";
    return `${user}:{PLAIN}x:${USER_ID}:${USER_ID}::${folder.path}/mail/${user}::${quota}\n`;
  });
  for (const path of [`${folder.path}/mail`, ...users.map((user) => `${folder.path}/mail/${user}`)]) {
    await Deno.mkdir(path);
    await Deno.chown(path, USER_ID, USER_ID);
  }
  await Deno.writeTextFile(`${folder.path}/users`, lines.join(""));
  await Deno.writeTextFile(`${folder.path}/dovecot.conf`, configuration(folder.path, { socket, port }));
  const process = new ServerProcess("dovecot", { args: ["-F", "-c", `${folder.path}/dovecot.conf`] });
  await process.line((line) => line.includes("starting up"));
  return new Dovecot(folder, { port, socket, process });
}

function configuration(folder: string, { socket, port }: { readonly socket: string; readonly port: number }): string {
  return `base_dir = ${folder}/run
state_dir = ${folder}/state
instance_name = ${folder.split("/").at(-1)}
log_path = /dev/stderr
protocols = lmtp
listen = 127.0.0.1
ssl = no
default_internal_user = dovecot
default_login_user = dovenull
auth_username_format = %Ln
mail_location = maildir:~/Maildir
mail_plugins = quota
postmaster_address = postmaster@baz.co.jp
lmtp_save_to_detail_mailbox = no
plugin {
  quota = maildir:User quota
}
passdb {
  driver = passwd-file
  args = username_format=%Ln ${folder}/users
}
userdb {
  driver = passwd-file
  args = username_format=%Ln ${folder}/users
}
service lmtp {
  unix_listener ${socket} {
    mode = 0666
  }
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${port}
  }
}
service stats {
  inet_listener http {
    port = ${freePort()}
    address = 127.0.0.1
  }
}
`;
}
