/**
 * `dokodemo oauth`: the login of a person at the provider of a smarthost, whose refresh token the server then uses.
 *
 * @module
 */

import type { Command } from "commander";
import type { Config, SmarthostOAuth } from "../config/config.ts";
import { readSecretLine } from "../config/private_file.ts";
import { loginByBrowser, loginByDevice, refreshTokenOf } from "../delivery/oauth/person_login.ts";
import type { TokenProblem } from "../delivery/oauth/problem.ts";
import { tryFolderOf, writeRefreshToken } from "../delivery/oauth/refresh_token_file.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { printable } from "../lib/text.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { readConfigAsOwner } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";

interface LoginOptions extends ConfigOption {
  readonly browser?: boolean;
}

/** Exit codes: 0; 1 when the provider says no; 64 for a user that no smarthost has; 69 when it does not answer; 73 when the file cannot be written. */
export const command: CliCommand = { build };

function build(): Command {
  const oauth = newCommand("oauth", "Logs in at the provider of a smarthost.");
  takesConfig(oauth.command("login [USER]"))
    .description(
      "log in as the user of a smarthost's oauth and write its refresh_token_file; the running server takes it at its next attempt",
    )
    .option("--browser", "with an address that is opened and one that is copied back, instead of a code")
    .action(exits(login));
  return oauth;
}

async function login(user: string | undefined, options: LoginOptions): Promise<number> {
  const config = await readConfigAsOwner(options);
  if (!config.ok) return config.problem;
  const chosen = chooseLogin(config.value, user);
  if (!chosen.ok) return complained(chosen.problem, EXIT.usage);
  const { oauth, file } = chosen.value;
  try {
    await tryFolderOf(file);
  } catch (error) {
    return complained(`Cannot write ${file}: ${words(error)}; data_dir is a good place`, EXIT.cannotCreate);
  }
  const clientSecret = oauth.clientSecretFile === null ? succeed(null) : await readSecretLine(oauth.clientSecretFile);
  if (!clientSecret.ok) return complained(clientSecret.problem, EXIT.config);
  const token = await askPerson(oauth, clientSecret.value, options);
  if (!token.ok) return describe(token.problem);
  try {
    await writeRefreshToken(file, token.value);
  } catch (error) {
    return complained(`Cannot write ${file}: ${words(error)}`, EXIT.cannotCreate);
  }
  print(`${oauth.user} is logged in: the refresh token is in ${file}`);
  print("Mail that waits is tried again at its time, or now with: dokodemo queue retry");
  return EXIT.ok;
}

/** The login that is meant: by its user, or the only one. */
function chooseLogin(
  { delivery, routes }: Config,
  user: string | undefined,
): Result<{ readonly oauth: SmarthostOAuth; readonly file: string }, string> {
  const smarthosts = [delivery.smarthost, ...routes.map(({ to }) => to.kind === "smarthost" ? to.smarthost : null)];
  const all = smarthosts.flatMap((smarthost) => smarthost?.oauth ?? []);
  if (all.length === 0) return fail("No smarthost of the configuration has oauth");
  // Several routes may share a login.
  const files = new Map(
    all.flatMap((oauth) => oauth.refreshTokenFile === null ? [] : [[oauth.refreshTokenFile, oauth] as const]),
  );
  const fitting = [...files].filter(([, oauth]) => user === undefined || oauth.user === user);
  const [first, second] = fitting;
  const users = [...new Set([...files.values()].map((oauth) => oauth.user))].join(", ");
  if (files.size === 0) {
    return fail("No oauth has a refresh_token_file: with a client secret alone nobody has to log in");
  }
  if (first === undefined) return fail(`No oauth is for ${printable(user ?? "")}, expected one of: ${users}`);
  if (second !== undefined) return fail(`Which one? There are refresh tokens of: ${users}`);
  return succeed({ file: first[0], oauth: first[1] });
}

async function askPerson(
  oauth: SmarthostOAuth,
  clientSecret: string | null,
  { browser = false }: LoginOptions,
): Promise<Result<string, TokenProblem>> {
  const common = { clientSecret, signal: new AbortController().signal };
  const byBrowser = browser || oauth.deviceUrl === null;
  if (byBrowser && oauth.consentUrl === null) {
    return fail({ kind: "no-grant", text: "oauth has no device_url: set it, or write refresh_token_file yourself" });
  }
  const grant = byBrowser
    ? await loginByBrowser(oauth, { ...common, readAddress: (url) => readAddress(oauth.user, url) })
    : await loginByDevice(oauth, {
      ...common,
      show: ({ url, code, lifeMs }) => {
        print(`Open ${printable(url, 500)}`);
        print(`and enter the code ${printable(code)} within ${Math.ceil(lifeMs / 60_000)} minutes, as ${oauth.user}`);
      },
    });
  return grant.ok ? refreshTokenOf(grant.value, oauth) : grant;
}

async function readAddress(user: string, url: string): Promise<string> {
  print(`Open this in a browser, as ${user}:\n\n${url}\n`);
  print("At the end the browser shows that it cannot reach localhost. Copy the whole address of that page here:");
  const reader = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
  }
  await reader.cancel();
  return text.split("\n")[0] ?? "";
}

function describe(problem: TokenProblem): number {
  switch (problem.kind) {
    case "refused":
      return complained(problem.text, EXIT.no);
    case "no-grant":
      return complained(problem.text, EXIT.config);
    case "unreachable":
      return complained(problem.text, EXIT.unavailable);
    case "aborted":
      return EXIT.interrupted;
  }
}

function complained(text: string, exit: number): number {
  complain(text);
  return exit;
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : "unknown reason";
}
