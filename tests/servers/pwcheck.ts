/**
 * The pwcheck daemon of the tests: Perl, after the source of Cyrus SASL's (see `pwcheck_daemon.pl`).
 *
 * @module
 */

import { Daemon } from "./daemon.ts";
import { runOrThrow } from "./lib.ts";

/** The programs that this module runs: for `requirePrograms`. */
export const PWCHECK_PROGRAMS: readonly string[] = ["perl", "openssl"];

/** Starts one with these accounts; one whose password is `null` is disabled. Its socket is `pwcheck` in its folder. */
export async function startPwcheck(
  accounts: Readonly<Record<string, string | null>>,
  options: { readonly seconds?: number } = {},
): Promise<Daemon> {
  const script = new URL("pwcheck_daemon.pl", import.meta.url).pathname;
  return await Daemon.start(async (folder) => {
    const lines: string[] = [];
    for (const [name, password] of Object.entries(accounts)) {
      lines.push(`${name}:${password === null ? "*" : await hash(password)}:::::::\n`);
    }
    await Deno.writeTextFile(`${folder}/shadow`, lines.join(""));
    const delay = options.seconds === undefined ? [] : [String(options.seconds)];
    return {
      program: "perl",
      args: [script, `${folder}/pwcheck`, `${folder}/shadow`, ...delay],
      ready: (line) => line === "listening",
    };
  });
}

async function hash(password: string): Promise<string> {
  return (await runOrThrow("openssl", { args: ["passwd", "-5", "-stdin"], input: `${password}\n` })).trim();
}
