/**
 * One more kind of value of a SQLite row, beside those of the account store.
 *
 * @module
 */

import { integer, type Row } from "../accounts/columns.ts";

/** An INTEGER column that may be NULL. */
export function integerOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : integer(row, column);
}
