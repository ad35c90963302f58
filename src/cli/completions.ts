/**
 * `dokodemo completions`: what a shell offers at the Tab key, made from the commands' own trees.
 *
 * @module
 */

import { Argument, type Command } from "commander";
import { type CliCommand, exits, newCommand } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { type CompletionWord, formatCompletions, type Shell } from "./completion_scripts.ts";
import { EXIT } from "./exit.ts";
import { print } from "./output.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** Prints a completion script. */
export const command: CliCommand = {
  build: () =>
    newCommand("completions", 'Prints a completion script, for eval "$(dokodemo completions bash)" and the like.')
      .addArgument(new Argument("<SHELL>", "for which shell").choices(SHELLS))
      .action(exits(async (shell: Shell) => {
        print(formatCompletions(shell, await collectWords()));
        return EXIT.ok;
      })),
};

/** Every word that can follow each command: its subcommands, options, and words of fixed arguments. */
async function collectWords(): Promise<ReadonlyMap<string, readonly CompletionWord[]>> {
  const words = new Map<string, readonly CompletionWord[]>();
  words.set("", [
    ...Array.from(COMMANDS, ([word, { summary }]) => ({ word, summary })),
    { word: "help", summary: "show help" },
  ]);
  for (const [name, entry] of COMMANDS) collect(name, (await entry.load()).command.build(), words);
  return words;
}

function collect(path: string, tree: Command, words: Map<string, readonly CompletionWord[]>): void {
  const help = { word: "--help", summary: "show help" };
  const options = tree.options.map(({ long, short, description }) => ({
    word: long ?? short ?? "",
    summary: description,
  }));
  const fixed = tree.registeredArguments.flatMap(({ argChoices, description }) =>
    (argChoices ?? []).map((word) => ({ word, summary: description }))
  );
  const subcommands = tree.commands.map((sub) => ({ word: sub.name(), summary: sub.description() }));
  words.set(path, [...subcommands, ...fixed, ...options, help]);
  for (const sub of tree.commands) collect(`${path} ${sub.name()}`, sub, words);
}
