/**
 * Values of a SQLite row, each with its type checked: the tables are STRICT, so a wrong one is a bug.
 *
 * @module
 */

/** A row as node:sqlite gives it. */
export type Row = Readonly<Record<string, unknown>>;

/** A TEXT column that is never NULL. */
export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw new TypeError(`Cannot read column "${column}": it is no text`);
  return value;
}

/** A TEXT column that may be NULL. */
export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

/** An INTEGER column that is never NULL. */
export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number") throw new TypeError(`Cannot read column "${column}": it is no number`);
  return value;
}

/** A BLOB column that is never NULL. */
export function octets(row: Row, column: string): Uint8Array<ArrayBuffer> {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw new TypeError(`Cannot read column "${column}": it holds no octets`);
  return new Uint8Array(value);
}
