/**
 * Medians, ratios and tables.
 *
 * @module
 */

import type { Certificate } from "../tests/servers/certificate.ts";

/** One line of a table, and of the JSON beside it. Numbers are medians. */
export interface Row {
  readonly what: string;
  /** By the subject's name, or by what is compared. */
  readonly values: Readonly<Record<string, number>>;
  /** What to look at as a ratio: the first over the second. */
  readonly ratio?: readonly [string, string];
  /** Failures and other things to know before the numbers are believed. */
  readonly notes: readonly string[];
}

/** The result of one part of the bench. */
export interface Report {
  readonly part: string;
  readonly unit: string;
  readonly rows: readonly Row[];
}

/** One part. */
export type Part = (certificate: Certificate) => Promise<readonly Report[]>;

/** The middle one; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const at = (index: number) => sorted[index] ?? NaN;
  return Number.isInteger(half) ? (at(half - 1) + at(half)) / 2 : at(Math.floor(half));
}

/** A table for people. */
export function formatReport({ part, unit, rows }: Report): string {
  const names = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
  const head = [`${part} (${unit})`, ...names, "ratio", ""];
  const body = rows.map((row) => [
    row.what,
    ...names.map((name) => formatNumber(row.values[name])),
    formatNumber(ratioOf(row)),
    row.notes.join("; "),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((line) => (line[column] ?? "").length)));
  const format = (line: readonly string[]) =>
    line.map((cell, column) =>
      column === 0 || column === head.length - 1 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
    ).join("  ").trimEnd();
  return [head, ...body].map(format).join("\n");
}

/** The ratio of a row, where it has one. */
export function ratioOf({ values, ratio }: Row): number | undefined {
  const [above = NaN, below = NaN] = (ratio ?? []).map((name) => values[name] ?? NaN);
  return ratio === undefined ? undefined : above / below;
}

function formatNumber(value: number | undefined): string {
  if (value === undefined) return "";
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
