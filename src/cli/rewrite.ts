/**
 * `dokodemo rewrite test`: what becomes of an address in header section and envelope, and by what.
 *
 * @module
 */

import type { Command } from "commander";
import { parseAddressList } from "../message/addresses.ts";
import type { AddressKind, Rewritten } from "../policy/masquerade.ts";
import { explainRewriting } from "../policy/rewriting.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { readConfig } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";
import { formatTable } from "./table.ts";

interface TestOptions extends ConfigOption {
  readonly json?: boolean;
}

/** What becomes of the address at one place. */
interface PlaceReport extends Rewritten {
  readonly place: AddressKind;
}

const PLACES = [
  ["header-sender", "From and its like"],
  ["header-recipient", "To and its like"],
  ["reverse-path", "reverse-path"],
  ["forward-path", "forward-path"],
] as const;
const WORDS: ReadonlyMap<AddressKind, string> = new Map(PLACES);

/** Questions about rewriting. */
export const command: CliCommand = { build };

function build(): Command {
  const rewrite = newCommand("rewrite", "Asks the rules of [masquerade] about addresses.");
  takesConfig(rewrite.command("test <ADDRESS>"))
    .description(
      "say what becomes of an address as a sender and as a recipient, in the header section and in the envelope, and which keys " +
        "and lines make it so; the files are read as they are now",
    )
    .option("--json", "print JSON")
    .action(exits(test));
  return rewrite;
}

async function test(address: string, options: TestOptions): Promise<number> {
  const list = parseAddressList(address);
  if (!list.ok || list.value.length !== 1 || list.value[0]?.address !== address) {
    complain(`${address} is no mail address`);
    return EXIT.usage;
  }
  const config = await readConfig(options);
  if (!config.ok) return config.problem;
  const places = PLACES.map(([place]) => ({ place, ...explainRewriting(config.value.masquerade, address, place) }));
  if (options.json === true) print(JSON.stringify(places, null, 2));
  else report(places);
  return EXIT.ok;
}

function report(places: readonly PlaceReport[]): void {
  print(formatTable(places, [
    { head: "PLACE", cell: ({ place }) => WORDS.get(place) ?? place },
    { head: "BECOMES", cell: ({ address }) => address },
    { head: "BY", cell: ({ by }) => by.length === 0 ? "no rule" : by.join("; ") },
  ]));
}
