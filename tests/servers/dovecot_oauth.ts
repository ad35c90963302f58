/**
 * Dovecot's authentication service in a folder of its own, for a Postfix whose clients log in by OAuth: each token is shown to a token
 * server (RFC 7662).
 *
 * @module
 */

import { type Folder, freePort, makeFolder, ServerProcess } from "./lib.ts";

/** The programs that this module runs: for `requirePrograms`. */
export const DOVECOT_PROGRAMS: readonly string[] = ["dovecot"];

/** A running service. Disposing stops it and removes its folder. */
export class DovecotAuth implements AsyncDisposable {
  /** The socket for Postfix. */
  readonly socket: string;
  readonly #folder: Folder;
  readonly #process: ServerProcess;

  constructor(folder: Folder, socket: string, process: ServerProcess) {
    this.socket = socket;
    this.#folder = folder;
    this.#process = process;
  }

  /** Its log so far. */
  get log(): readonly string[] {
    return this.#process.lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Starts it. Needs root, as Dovecot does. */
export async function startDovecotAuth(
  { mechanism, introspectionUrl }: {
    readonly mechanism: "XOAUTH2" | "OAUTHBEARER";
    /** It asks here with `?token=`, and takes a token whose answer says `active`. */
    readonly introspectionUrl: string;
  },
): Promise<DovecotAuth> {
  const folder = await makeFolder({ open: true });
  const socket = `${folder.path}/auth-postfix`;
  await Deno.writeTextFile(
    `${folder.path}/oauth2.conf`,
    [
      `introspection_url = ${introspectionUrl}?token=`,
      "introspection_mode = get",
      "active_attribute = active",
      "active_value = true",
      "username_attribute = username",
      "debug = yes",
      "",
    ].join("\n"),
  );
  await Deno.writeTextFile(`${folder.path}/dovecot.conf`, configuration(folder.path, { socket, mechanism }));
  const process = new ServerProcess("dovecot", { args: ["-F", "-c", `${folder.path}/dovecot.conf`] });
  await process.line((line) => line.includes("starting up"));
  return new DovecotAuth(folder, socket, process);
}

function configuration(
  folder: string,
  { socket, mechanism }: { readonly socket: string; readonly mechanism: string },
): string {
  return `base_dir = ${folder}/run
state_dir = ${folder}/state
instance_name = ${folder.split("/").at(-1)}
log_path = /dev/stderr
protocols =
listen = 127.0.0.1
ssl = no
auth_mechanisms = ${mechanism.toLowerCase()}
auth_verbose = yes
auth_failure_delay = 0
disable_plaintext_auth = no
default_internal_user = dovecot
default_login_user = dovenull
passdb {
  driver = oauth2
  mechanisms = ${mechanism.toLowerCase()}
  args = ${folder}/oauth2.conf
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}
service auth {
  unix_listener ${socket} {
    mode = 0666
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
