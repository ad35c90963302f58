/**
 * `dokodemo backend new`: the beginning of a backend of one's own.
 *
 * @module
 */

import { resolve } from "node:path";
import { Argument, type Command } from "commander";
import { EXAMPLE_PLUGIN } from "./backend_example.ts";
import { type CliCommand, exits, newCommand } from "./command.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";

/** Writes plugins to begin with. */
export const command: CliCommand = { build };

function build(): Command {
  const backend = newCommand("backend", "Begins a password backend of your own.");
  backend.command("new").description("write a commented example that works and knows nobody")
    .addArgument(new Argument("<TYPE>", "a plugin in JavaScript or TypeScript").choices(["custom"]))
    .argument("<FILE>", "where to write it; a name in .js or .ts")
    .action(exits((_type: string, file: string) => writeExample(file)));
  return backend;
}

async function writeExample(name: string): Promise<number> {
  if (!/\.m?[jt]s$/.test(name)) {
    complain(`Cannot write ${name}: expected a name that ends in .js or .ts`);
    return EXIT.usage;
  }
  const file = resolve(name);
  try {
    await Deno.writeTextFile(file, EXAMPLE_PLUGIN.replace('"FILE"', () => JSON.stringify(file)), { createNew: true });
  } catch (error) {
    const there = error instanceof Deno.errors.AlreadyExists;
    complain(
      `Cannot write ${file}: ${
        there ? "it is there already" : error instanceof Error ? error.message : "unknown reason"
      }`,
    );
    return EXIT.cannotCreate;
  }
  print(`${file} is written; its first lines say what to put into the configuration`);
  return EXIT.ok;
}
