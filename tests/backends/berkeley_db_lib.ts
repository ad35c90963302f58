/**
 * Berkeley DB files made by the real tools.
 *
 * @module
 */

import { deepEqual } from "node:assert/strict";
import { hex } from "../../src/lib/octets.ts";
import { type Pair, readBerkeleyDb } from "../../src/lib/berkeley_db.ts";
import { runOrThrow } from "../servers/lib.ts";

/** How a file is made. */
export interface DatabaseForm {
  readonly type: "hash" | "btree";
  /** Default 4096. */
  readonly pageSize?: number;
  readonly bigEndian?: boolean;
  readonly checksum?: boolean;
  /** More lines of db_load's header. */
  readonly header?: readonly string[];
}

/** Makes a file of these pairs with db5.3_load. */
export async function loadDatabase(file: string, pairs: readonly Pair[], form: DatabaseForm): Promise<void> {
  const { type, pageSize = 4096, bigEndian = false, checksum = false, header = [] } = form;
  const lines = [
    ...["VERSION=3", "format=bytevalue", ...header, `type=${type}`, `db_pagesize=${pageSize}`, "HEADER=END"],
    ...pairs.flatMap(([key, value]) => [` ${hex(key)}`, ` ${hex(value)}`]),
    ...["DATA=END", ""],
  ];
  const options = ["-c", `db_lorder=${bigEndian ? 4321 : 1234}`, ...checksum ? ["-c", "chksum=1"] : []];
  await runOrThrow("db5.3_load", { args: [...options, file], input: lines.join("\n") });
}

/** The pairs of a file as db5.3_dump sees them, in hexadecimal, sorted. */
export async function dumpDatabase(file: string): Promise<readonly string[]> {
  const output = await runOrThrow("db5.3_dump", { args: [file] });
  const lines = output.slice(output.indexOf("HEADER=END")).split("\n").filter((line) => line.startsWith(" "));
  return lines.flatMap((line, at) => at % 2 === 0 ? [`${line.trim()} ${(lines[at + 1] ?? "").trim()}`] : []).sort();
}

/** The pairs that we see, in the same form; throws where there is a problem. */
export function readDatabase(octets: Uint8Array<ArrayBuffer>): readonly string[] {
  const read = readBerkeleyDb(octets);
  if (!read.ok) throw new Error(read.problem);
  return [...read.value].map(([key, value]) => `${hex(key)} ${hex(value)}`).sort();
}

/** Both see the same. */
export async function seeTheSame(file: string): Promise<readonly string[]> {
  const pairs = readDatabase(await Deno.readFile(file));
  deepEqual(pairs, await dumpDatabase(file));
  return pairs;
}
