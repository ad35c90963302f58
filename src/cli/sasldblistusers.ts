/**
 * `dokodemo sasldblistusers`: the listing of the how-to.
 *
 * @module
 */

import type { AccountRecord } from "../accounts/account_store.ts";
import { printable } from "../lib/text.ts";
import { withAccounts } from "./accounts.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { EXIT } from "./exit.ts";
import { print } from "./output.ts";

/** Lists each mechanism of each account that may log in. */
export const command: CliCommand = {
  build: () =>
    takesConfig(newCommand("sasldblistusers", "Lists accounts with their realms, one line a mechanism."))
      .action(exits((options: ConfigOption) =>
        withAccounts(options, async ({ store }) => {
          const lines = (await store.list({})).filter(({ disabled }) => !disabled).flatMap(linesOf);
          if (lines.length > 0) print(lines.join("\n"));
          return EXIT.ok;
        })
      )),
};

function linesOf({ name, schemes }: AccountRecord): readonly string[] {
  const at = name.lastIndexOf("@");
  // PLAIN stands for the password itself, which LOGIN uses too, as Cyrus SASL has it.
  const mechanisms = ["PLAIN", ...schemes.map((scheme) => scheme.toUpperCase())];
  return mechanisms.map((mechanism) =>
    printable(`user: ${name.slice(0, at)} realm: ${name.slice(at + 1)} mech: ${mechanism}`, 500)
  );
}
