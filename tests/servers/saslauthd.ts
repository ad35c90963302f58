/**
 * A real saslauthd that sees an /etc of its own: its accounts are in no file of this machine. Needs root.
 *
 * @module
 */

import { Daemon } from "./daemon.ts";
import { runOrThrow } from "./lib.ts";

/** The programs that this module runs: for `requirePrograms`. */
export const SASLAUTHD_PROGRAMS: readonly string[] = ["saslauthd", "saslpasswd2", "unshare", "mount", "openssl"];

/** Someone in all of its places: its sasldb, its passwd and its shadow. */
export interface SaslauthdAccount {
  readonly name: string;
  readonly realm: string;
  readonly password: string;
  /** The eighth field of its line in shadow: the day since 1970 on which the account ends. */
  readonly expires?: number;
}

/** How it checks. */
export type SaslauthdMechanism = "sasldb" | "shadow" | "pam";

/** Starts one; `args` are more arguments, such as -r. Its socket is `run/mux` in its folder. */
export async function startSaslauthd(
  mechanism: SaslauthdMechanism,
  accounts: readonly SaslauthdAccount[],
  options: { readonly args?: readonly string[] } = {},
): Promise<Daemon> {
  return await Daemon.start(async (folder) => {
    await Deno.mkdir(`${folder}/run`);
    await writeEtc(`${folder}/etc`, accounts);
    const mounted = 'mount --bind "$1" /etc && shift && exec saslauthd "$@"';
    const more = options.args ?? [];
    return {
      program: "unshare",
      args: [
        ...["--mount", "sh", "-c", mounted, "sh", `${folder}/etc`],
        ...["-d", "-a", mechanism, "-m", `${folder}/run`, "-n", "5", ...more],
      ],
      ready: (line) => line.includes("listening on socket"),
      // Its handler of SIGTERM logs, and waits for ever where the signal has interrupted the same.
      ending: "SIGKILL",
    };
  });
}

async function writeEtc(etc: string, accounts: readonly SaslauthdAccount[]): Promise<void> {
  await Deno.mkdir(`${etc}/pam.d`, { recursive: true });
  await Deno.copyFile("/etc/ld.so.cache", `${etc}/ld.so.cache`);
  const passwd = accounts.map(({ name }, at) => `${name}:x:${2000 + at}:65534::/nonexistent:/bin/sh`);
  const shadow: string[] = [];
  for (const { name, realm, password, expires } of accounts) {
    const hash = await runOrThrow("openssl", { args: ["passwd", "-6", "-stdin"], input: `${password}\n` });
    shadow.push(`${name}:${hash.trim()}:19000:0:99999:7::${expires ?? ""}:`);
    await runOrThrow("saslpasswd2", { args: ["-p", "-c", "-f", `${etc}/sasldb2`, "-u", realm, name], input: password });
  }
  await write(`${etc}/passwd`, ["root:x:0:0::/root:/bin/sh", ...passwd]);
  await write(`${etc}/shadow`, ["root:*:19000::::::", ...shadow]);
  await write(`${etc}/group`, ["root:x:0:", "nogroup:x:65534:"]);
  await write(`${etc}/nsswitch.conf`, ["passwd: files", "shadow: files", "group: files"]);
  for (const service of ["smtp", "other"]) {
    // Without nodelay a wrong password takes 2 seconds.
    await write(`${etc}/pam.d/${service}`, ["auth required pam_unix.so nodelay", "account required pam_unix.so"]);
  }
}

async function write(file: string, lines: readonly string[]): Promise<void> {
  await Deno.writeTextFile(file, lines.map((line) => `${line}\n`).join(""));
}
