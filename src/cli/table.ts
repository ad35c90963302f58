/**
 * Tables for people.
 *
 * @module
 */

import { printable } from "../lib/text.ts";

/** A column: its heading, and what of a row stands in it. */
export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => string;
}

/** Lines with a heading and columns two spaces apart. Control characters are shown as `?`. */
export function formatTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const lines = [
    columns.map(({ head }) => head),
    ...rows.map((row) => columns.map(({ cell }) => printable(cell(row), 1000))),
  ];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => width(line[at] ?? ""))));
  return lines.map((line) =>
    line.map((cell, at) => `${cell}${" ".repeat((widths[at] ?? 0) - width(cell))}`).join("  ").trimEnd()
  ).join("\n");
}

/** Columns of a terminal: CJK and full-width characters take two, marks none (the main ranges of UAX 11). */
function width(text: string): number {
  let columns = 0;
  for (const character of text) {
    if (/\p{M}/u.test(character)) continue;
    columns +=
      /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
          .test(character)
        ? 2
        : 1;
  }
  return columns;
}
