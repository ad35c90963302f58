/**
 * The records file, for commands. A running server may have it open too.
 *
 * @module
 */

import { join } from "node:path";
import { InvalidArgumentError } from "commander";
import type { Config } from "../config/config.ts";
import { fail, type Result } from "../lib/result.ts";
import { printable } from "../lib/text.ts";
import { openRecords } from "../records/open_records.ts";
import type { Actor, Records, StaleClient } from "../records/records.ts";
import { EXIT_OF_DATABASE, type StoreProblem } from "./accounts.ts";
import type { ConfigOption } from "./command.ts";
import { readConfigAsOwner } from "./configuration.ts";
import { complain, print, writeOut } from "./output.ts";

/** What a command on records works with. */
export interface OpenRecords {
  readonly config: Config;
  readonly records: Records;
}

/** Opens the records for the time of `work`, whose result is the exit code. A problem is told. */
export async function withRecords(
  options: ConfigOption,
  work: (open: OpenRecords) => number | Promise<number>,
): Promise<number> {
  const config = await readConfigAsOwner(options);
  if (!config.ok) return config.problem;
  const opened = openRecordsOf(config.value);
  if (!opened.ok) {
    complain(opened.problem.message);
    return opened.problem.exit;
  }
  await using records = opened.value;
  return await work({ config: config.value, records });
}

/** Opens the records, or makes an empty file where there is none. */
export function openRecordsOf({ dataDir }: Pick<Config, "dataDir">): Result<Records, StoreProblem> {
  const opened = openRecords(join(dataDir, "records"), { now: Date.now });
  if (opened.ok) return opened;
  const { kind, message } = opened.problem;
  return fail({ message, exit: EXIT_OF_DATABASE[kind] });
}

/** Who acts by a command. The name is what the environment tells, and for people: whoever may write the file may write any name. */
export function commandActor(): Actor {
  const user = Deno.env.get("USER") ?? "";
  return { who: user === "" ? "command" : `command (${printable(user, 64)})`, from: "local" };
}

/** Reads the value of `--count`. */
export function parseCount(text: string): number {
  const count = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (count === 0) throw new InvalidArgumentError("expected a number from 1 to 9999999");
  return count;
}

const PAGE_ROWS = 1000;
const AGO_REGEXP = /^(\d{1,6})(min|h|d)$/;
const AGO_MS: ReadonlyMap<string, number> = new Map([["min", 60_000], ["h", 3_600_000], ["d", 86_400_000]]);
const TIME_REGEXP = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

/** Reads the value of `--since`: how long ago, or a time. */
export function parseSince(text: string): number {
  const [, count, unit = ""] = AGO_REGEXP.exec(text) ?? [];
  if (count !== undefined) return Date.now() - Number(count) * (AGO_MS.get(unit) ?? 0);
  // A day alone begins at midnight, UTC.
  const at = TIME_REGEXP.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(at)) return at;
  throw new InvalidArgumentError(
    'expected how long ago, such as "12h" or "7d", or a time such as 2027-01-31T09:00:00Z',
  );
}

/** Records that come in pages, the newest first: `count` of them, or all. */
export function* pagesOf<Row extends { readonly seq: number }>(
  read: (page: { readonly before: number | null; readonly count: number }) => readonly Row[],
  count: number | undefined,
): Generator<Row> {
  let before: number | null = null;
  for (let left = count ?? Infinity; left > 0;) {
    const page: readonly Row[] = read({ before, count: Math.min(left, PAGE_ROWS) });
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    before = last.seq;
    left -= page.length;
  }
}

/** Prints a JSON array, item by item: a log of a million lines need not be in memory. */
export function printJsonItems(items: Iterable<unknown>): void {
  let begun = false;
  for (const item of items) {
    writeOut(`${begun ? ",\n" : "[\n"}${JSON.stringify(item, null, 2).replaceAll(/^/gm, "  ")}`);
    begun = true;
  }
  print(begun ? "\n]" : "[]");
}

/** A time for tables: UTC, to the second. */
export function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** A time for JSON. */
export function timeJson(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

/** A client with a password of before, for JSON. */
export function staleClientJson(client: StaleClient): Readonly<Record<string, string | number | null>> {
  return { ...client, first: timeJson(client.first), last: timeJson(client.last) };
}
