/**
 * A real saslauthd that asks a directory: the peer of the bench.
 *
 * @module
 */

import { Daemon } from "./daemon.ts";

/** How it is set up. */
export interface LdapSaslauthdOptions {
  /** Lines of saslauthd.conf(5), such as `ldap_servers: ldap://127.0.0.1/`. */
  readonly settings: readonly string[];
  /** How many processes answer. */
  readonly processes: number;
}

/** Starts one; any user may connect to its socket, `run/mux` in its folder. */
export async function startLdapSaslauthd({ settings, processes }: LdapSaslauthdOptions): Promise<Daemon> {
  return await Daemon.start(async (folder) => {
    await Deno.mkdir(`${folder}/run`);
    await Deno.chmod(`${folder}/run`, 0o755);
    await Deno.writeTextFile(`${folder}/saslauthd.conf`, settings.map((line) => `${line}\n`).join(""));
    return {
      program: "saslauthd",
      args: ["-d", "-a", "ldap", "-O", `${folder}/saslauthd.conf`, "-m", `${folder}/run`, "-n", `${processes}`],
      ready: (line) => line.includes("listening on socket"),
      // Its handler of SIGTERM logs, and waits for ever where the signal has interrupted the same.
      ending: "SIGKILL",
    };
  });
}
