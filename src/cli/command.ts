/**
 * What a command is to the rest of the program: a line of the table in `commands.ts`, and a module that builds its commander tree.
 *
 * @module
 */

import { Command } from "commander";
import { writeErr, writeOut } from "./output.ts";

/** A module under `src/cli/` exports one as `command`. */
export interface CliCommand {
  /** Builds the tree of options and subcommands. It does nothing else: `--help` and `completions` walk it too. */
  build(): Command;
}

/** Begins the tree of a command, with its help and its mistakes in the program's form. */
export function newCommand(name: string, summary: string): Command {
  return new Command(`dokodemo ${name}`)
    .description(summary)
    .exitOverride()
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    // Without these two commander asks the environment for colours, which the compiled program may not read.
    .configureOutput({
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      writeOut,
      writeErr,
      outputError: (text, writeText) => writeText(text.replace(/^error: /, "dokodemo: ")),
    });
}

/** Adds `--config FILE`. */
export function takesConfig(command: Command): Command {
  return command.option(
    "--config <FILE>",
    "the configuration (default: $DOKODEMO_CONFIG, else /etc/dokodemo/dokodemo.toml)",
  );
}

/** Options of each command that reads the configuration. */
export interface ConfigOption {
  readonly config?: string;
}

/** Makes an action of a function whose result is the exit code (`exit.ts`). */
export function exits<Arguments extends readonly unknown[]>(
  run: (...args: Arguments) => number | Promise<number>,
): (...args: Arguments) => Promise<void> {
  return async (...args) => {
    Deno.exitCode = await run(...args);
  };
}
