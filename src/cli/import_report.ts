/**
 * What an import says of its work.
 *
 * @module
 */

import { printable } from "../lib/text.ts";
import { formatUserName } from "../sasl/user_name.ts";
import { EXIT } from "./exit.ts";
import type { ImportOutcome } from "./import_accounts.ts";
import type { LeftOut } from "./import_sources.ts";
import { complain, print } from "./output.ts";

/** What became of a file. */
export interface ImportResult {
  readonly outcomes: readonly ImportOutcome[];
  /** What never came so far. */
  readonly leftOut: readonly LeftOut[];
}

/** How it is shown. */
export interface ReportOptions {
  readonly json: boolean;
  readonly dryRun: boolean;
  /** Whether logins make the missing verifiers. */
  readonly upgrades: boolean;
}

/** Shows it: a line for each account that is not simply imported, and a summary; or one JSON array of all. */
export function showImport(result: ImportResult, { json, dryRun, upgrades }: ReportOptions): void {
  if (json) return print(JSON.stringify(rows(result), null, 2));
  for (const { account, result: became, why } of rows(result)) {
    if (became === "imported" && why === null) continue;
    const text = `${account === null ? "" : `${printable(account, 300)}: `}${SAID[became]}`;
    const line = why === null ? text : `${text}${text === "" ? "" : ": "}${printable(why, 400)}`;
    if (became === "refused") complain(line);
    else print(line);
  }
  print(summary(result, dryRun));
  const waiting = result.outcomes.filter((each) => "verifiers" in each && !each.verifiers).length;
  if (waiting > 0 && !dryRun) print(waits(waiting, upgrades));
}

/** 0, or 65 where the password of somebody who could log in before was not taken. */
export function exitOf({ outcomes, leftOut }: ImportResult): number {
  const missed = outcomes.some(({ kind }) => kind === "refused") || leftOut.some((each) => each.missed);
  return missed ? EXIT.data : EXIT.ok;
}

/** What became of one, with names that scripts can rely on. */
interface Row {
  readonly account: string | null;
  readonly result: "imported" | "replaced" | "exists" | "left-out" | "refused";
  /** Whether every mechanism works at once. */
  readonly verifiers: boolean;
  readonly why: string | null;
}

const SAID: Readonly<Record<Row["result"], string>> = {
  imported: "imported",
  replaced: "replaced",
  exists: "exists, left as it is (--overwrite gives it the password of the file)",
  "left-out": "left out",
  refused: "Cannot import it",
};

function rows({ outcomes, leftOut }: ImportResult): readonly Row[] {
  return [
    ...outcomes.map((outcome): Row => {
      if (outcome.kind === "refused") {
        return { account: outcome.name, result: "refused", verifiers: false, why: outcome.why };
      }
      const account = formatUserName(outcome.user);
      if (outcome.kind === "exists") return { account, result: "exists", verifiers: false, why: null };
      return { account, result: outcome.kind, verifiers: outcome.verifiers, why: outcome.note };
    }),
    ...leftOut.map(({ name, why, missed }): Row => {
      return { account: name, result: missed ? "refused" : "left-out", verifiers: false, why };
    }),
  ];
}

function summary(result: ImportResult, dryRun: boolean): string {
  const all = rows(result);
  const count = (wanted: Row["result"]) => all.filter((row) => row.result === wanted).length;
  const parts = [
    `${count("imported")} imported`,
    `${count("replaced")} replaced`,
    `${count("exists")} there already`,
    `${count("left-out")} without a password`,
    `${count("refused")} not possible`,
  ].filter((part, at) => at === 0 || !part.startsWith("0 "));
  return `${dryRun ? "Nothing was changed. It would be: " : ""}${parts.join(", ")}`;
}

function waits(count: number, upgrades: boolean): string {
  const maker = upgrades
    ? "which the first login by PLAIN or LOGIN makes"
    : "which a new password makes (sasl.upgrade_imported is false)";
  return `${
    people(count)
  } without all verifiers, ${maker}. Until then mechanisms that these accounts cannot use are offered to nobody, ` +
    "unless a listener's mech_list names them: programs take the strongest one, and would fail";
}

function people(count: number): string {
  return count === 1 ? "1 account" : `${count} accounts`;
}
