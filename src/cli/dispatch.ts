/**
 * From the command line to a command and its exit code.
 *
 * @module
 */

import { nearest } from "../lib/suggest.ts";
import { printable } from "../lib/text.ts";
import { type CommandEntry, COMMANDS } from "./commands.ts";
import { EXIT } from "./exit.ts";
import { complain, print, writeErr } from "./output.ts";
import { versionText } from "./version_text.ts";

const GROUPS: readonly CommandEntry["group"][] = ["Server", "Accounts", "Queue", "Administration", "This program"];

/** Runs the command that the arguments name and gives its exit code. A bug becomes one line and 70; its stack needs DOKODEMO_DEBUG=1. */
export async function dispatch(args: readonly string[]): Promise<number> {
  try {
    return await runCommand(args);
  } catch (error) {
    complain(`This is a bug: ${error instanceof Error ? printable(error.message, 500) : "no error"}`);
    if (Deno.env.get("DOKODEMO_DEBUG") === "1" && error instanceof Error) writeErr(`${error.stack ?? ""}\n`);
    return EXIT.software;
  }
}

/** The text of `dokodemo --help`. */
export function overview(): string {
  const width = Math.max(...Array.from(COMMANDS.keys(), (name) => name.length));
  const groups = GROUPS.flatMap((group) => {
    const lines = [...COMMANDS].filter(([, entry]) => entry.group === group)
      .map(([name, entry]) => `  ${name.padEnd(width)}  ${entry.summary}`);
    return lines.length === 0 ? [] : ["", `${group}:`, ...lines];
  });
  return ["Usage: dokodemo COMMAND [ARGUMENTS]", ...groups, "", "dokodemo COMMAND --help tells more about each."].join(
    "\n",
  );
}

async function runCommand([name, ...rest]: readonly string[]): Promise<number> {
  if (name === undefined) {
    writeErr(`${overview()}\n`);
    return EXIT.usage;
  }
  if ((name === "version" && rest.length === 0) || name === "--version" || name === "-V") {
    print(versionText());
    return EXIT.ok;
  }
  if (name === "help" && rest.length > 0) return await runCommand([...rest, "--help"]);
  if (name === "help" || name === "--help" || name === "-h") {
    print(overview());
    return EXIT.ok;
  }
  // Not in the table: no help shows it, and a plugin starts sooner without the command-line library.
  if (name === "plugin-host") return await (await import("./plugin_host.ts")).hostPlugin(rest);
  const entry = COMMANDS.get(name);
  if (entry === undefined) {
    const near = nearest(name, COMMANDS.keys());
    const hint = near === null ? "dokodemo --help lists them" : `did you mean ${near}?`;
    complain(`There is no command "${printable(name, 40)}": ${hint}`);
    return EXIT.usage;
  }
  if (entry.raw !== undefined && rest[0] !== "--help") return await (await entry.raw())(rest, runCommand);
  return await parseAndRun(entry, rest);
}

async function parseAndRun(entry: CommandEntry, args: readonly string[]): Promise<number> {
  const [{ command }, { CommanderError }] = await Promise.all([entry.load(), import("commander")]);
  Deno.exitCode = EXIT.ok;
  try {
    await command.build().parseAsync(args, { from: "user" });
    return Deno.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // commander has shown its help or the mistake already; a command without its subcommand ends in `commander.help`.
    return error.code === "commander.helpDisplayed" || error.code === "commander.version" ? EXIT.ok : EXIT.usage;
  }
}
