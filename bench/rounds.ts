/**
 * Measuring in rounds: each subject once in a round, so that what the machine does meanwhile hits all of them alike.
 *
 * @module
 */

import { load, type LoadOptions, type LoadResult } from "./tools.ts";
import { median, type Row } from "./report.ts";
import type { Subject } from "./servers.ts";
import { ROUNDS, SECONDS } from "./settings.ts";

/** What is measured of one subject in one round. */
export interface Measured {
  readonly value: number;
  readonly notes: readonly string[];
}

/** Something measured of several subjects, by name. */
export type Candidates = Readonly<Record<string, () => Promise<Measured>>>;

/** Measures each candidate once a round and gives the medians. */
export async function measure(what: string, candidates: Candidates): Promise<Omit<Row, "ratio">> {
  const measured = new Map<string, number[]>();
  const notes = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(candidates)) {
      const { value, notes: told } = await run();
      measured.set(name, [...measured.get(name) ?? [], value]);
      for (const note of told) notes.add(`${name}: ${note}`);
    }
  }
  const values = Object.fromEntries([...measured].map(([name, all]) => [name, median(all)]));
  return { what, values, notes: [...notes] };
}

/** Compares subjects, the first with the second. */
export async function compare(
  what: string,
  subjects: readonly Subject[],
  run: (subject: Subject) => Promise<Measured>,
): Promise<Row> {
  const candidates = Object.fromEntries(subjects.map((subject) => [subject.name, () => run(subject)]));
  const row = await measure(what, candidates);
  const [first, second] = subjects.map(({ name }) => name);
  return first === undefined || second === undefined ? row : { ...row, ratio: [first, second] };
}

/** Logins or mails a second. A short run before says how many fill `SECONDS`. */
export async function rate(options: Omit<LoadOptions, "total">): Promise<Measured> {
  const few = Math.max(10, options.sessions * (options.mailsPerSession ?? 1));
  const trial = await load({ ...options, total: few });
  const total = Math.min(50_000, Math.max(few, Math.round(trial.rate * SECONDS)));
  const result = await load({ ...options, total });
  return { value: result.rate, notes: faults(result) };
}

/** What went wrong in a run. */
export function faults({ ok, lost, firstUnexpected }: LoadResult): readonly string[] {
  if (lost === 0 && firstUnexpected === null) return [];
  return [`${lost} of ${ok + lost} failed (${firstUnexpected ?? "not over in time"})`];
}
