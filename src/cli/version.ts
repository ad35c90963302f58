/**
 * `dokodemo version`
 *
 * @module
 */

import { type CliCommand, exits, newCommand } from "./command.ts";
import { EXIT } from "./exit.ts";
import { print } from "./output.ts";
import { versionText } from "./version_text.ts";

/** Prints the version of the program and of Deno. */
export const command: CliCommand = {
  build: () =>
    newCommand("version", "Prints the version of this program and of Deno.").action(exits(() => {
      print(versionText());
      return EXIT.ok;
    })),
};
