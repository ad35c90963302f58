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
import type { Actor, Records } from "../records/records.ts";
import { EXIT_OF_DATABASE, type StoreProblem } from "./accounts.ts";
import type { ConfigOption } from "./command.ts";
import { readConfigAsOwner } from "./configuration.ts";
import { complain } from "./output.ts";

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

/** A time for tables: UTC, to the second. */
export function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** A time for JSON. */
export function timeJson(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
