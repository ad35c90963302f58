/**
 * `dokodemo token`: bearer tokens of the API.
 *
 * @module
 */

import { type Command, InvalidArgumentError, Option } from "commander";
import { hasControl, printable } from "../lib/text.ts";
import { type Scope, SCOPES, type Token } from "../records/records.ts";
import { type CliCommand, type ConfigOption, exits, newCommand, takesConfig } from "./command.ts";
import { EXIT } from "./exit.ts";
import { complain, print } from "./output.ts";
import { commandActor, timeJson, timeText, withRecords } from "./records.ts";
import { formatTable } from "./table.ts";

interface NewOptions extends ConfigOption {
  readonly label: string;
  readonly scope: readonly Scope[];
  /** Milliseconds; Infinity: never. */
  readonly expires: number;
}

const LABEL_LENGTH = 60;
const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ["s", 1000],
  ["min", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);
const DEFAULT_MS = 365 * 86_400_000;
const LONGEST_MS = 36_500 * 86_400_000;

/** Makes, lists and revokes tokens. Exit codes: 0; 64 for wrong arguments; 65 for an ID that no token has. */
export const command: CliCommand = { build };

function build(): Command {
  const token = newCommand("token", "Makes, lists and revokes the tokens with which programs use the API.");
  takesConfig(token.command("new").description("make a token and print its secret, which is shown this once"))
    .requiredOption("--label <TEXT>", "what it is for", parseLabel)
    .addOption(
      new Option("--scope <SCOPE...>", "what it may do; may be given several times").choices(SCOPES)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option("--expires <TIME>", 'when it ends, such as "90d" or "12h", or "never"').argParser(parseExpires)
        .default(DEFAULT_MS, "365d"),
    )
    .action(exits(make));
  takesConfig(token.command("list").description("list the tokens, without their secrets"))
    .option("--json", "print JSON").action(exits(list));
  takesConfig(token.command("revoke <ID>").description("revoke a token; it is refused at once")).action(exits(revoke));
  return token;
}

function parseLabel(text: string): string {
  if (text.trim() !== "" && text.length <= LABEL_LENGTH && !hasControl(text)) return text.trim();
  throw new InvalidArgumentError(`expected 1 to ${LABEL_LENGTH} characters`);
}

function parseExpires(text: string): number {
  // Not `null`, which commander takes for an option without a value.
  if (text === "never") return Infinity;
  const [, count = "", unit = ""] = /^(\d{1,9}) ?([a-z]+)$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS_MS.get(unit) ?? 0);
  if (ms > 0 && ms <= LONGEST_MS) return ms;
  throw new InvalidArgumentError('expected a duration such as "12h", "90d" or "365d", or "never"');
}

function make({ label, scope, expires, ...options }: NewOptions): Promise<number> {
  return withRecords(options, ({ records }) => {
    const now = Date.now();
    const made = records.tokens.add(
      { label, scopes: scope, expires: expires === Infinity ? null : now + expires },
      now,
    );
    const { id, scopes, expires: end } = made.token;
    const detail = `${label}: ${scopes.join(" ")}, ${end === null ? "never expires" : `expires ${timeText(end)}`}`;
    records.audit.add({ ...commandActor(), what: "token.new", target: id, detail }, now);
    print(made.secret);
    complain(`This is the secret of token ${id}; it is shown this once`);
    return EXIT.ok;
  });
}

function list(options: ConfigOption & { readonly json?: boolean }): Promise<number> {
  return withRecords(options, ({ records }) => {
    const tokens = records.tokens.list();
    print(options.json === true ? JSON.stringify(tokens.map(asJson), null, 2) : describe(tokens, Date.now()));
    return EXIT.ok;
  });
}

function revoke(id: string, options: ConfigOption): Promise<number> {
  return withRecords(options, ({ records }) => {
    const label = records.tokens.list().find((token) => token.id === id)?.label ?? "";
    if (!records.tokens.revoke(id)) {
      complain(`There is no token ${printable(id, 40)} (token list shows them)`);
      return EXIT.data;
    }
    records.audit.add({ ...commandActor(), what: "token.revoke", target: id, detail: label }, Date.now());
    print(`${id} is revoked`);
    return EXIT.ok;
  });
}

function describe(tokens: readonly Token[], now: number): string {
  return formatTable(tokens, [
    { head: "ID", cell: ({ id }) => id },
    { head: "LABEL", cell: ({ label }) => label },
    { head: "CREATED", cell: ({ created }) => timeText(created).slice(0, 10) },
    { head: "EXPIRES", cell: ({ expires }) => expiryText(expires, now) },
    { head: "LAST USED", cell: ({ lastUsed }) => lastUsed === null ? "never" : timeText(lastUsed) },
    { head: "SCOPES", cell: ({ scopes }) => scopes.join(" ") },
  ]);
}

function expiryText(expires: number | null, now: number): string {
  if (expires === null) return "never";
  return expires <= now ? "expired" : timeText(expires).slice(0, 10);
}

/** Names fixed here, so that scripts can rely on them. */
function asJson({ id, label, scopes, created, expires, lastUsed }: Token): Readonly<Record<string, unknown>> {
  const times = { created: timeJson(created), expires: timeJson(expires), lastUsed: timeJson(lastUsed) };
  return { id, label, scopes, ...times };
}
