/**
 * Values of the configuration as the file has them.
 *
 * @module
 */

import { toSnake } from "../../config/keys.ts";
import type { HostPort } from "../../config/quantities.ts";

/** A table of the file. */
export type Table = Readonly<Record<string, unknown>>;

/** What stands in the place of a secret. */
export const MASK = "***";

const UNITS: readonly (readonly [string, number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
];

/** `90min`: a duration in milliseconds with the largest unit that leaves a whole number. */
export function durationText(ms: number): string {
  const [unit, size] = UNITS.find(([, each]) => ms % each === 0) ?? ["ms", 1];
  return `${ms / size}${unit}`;
}

/** `[::]:587`. */
export function addressText({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A table with the names of the file, and without what is not set. */
export function inFile(table: object): Table {
  return Object.fromEntries(
    Object.entries(table).filter(([, value]) => value !== null && value !== undefined).map(([key, value]) => {
      return [toSnake(key), value];
    }),
  );
}
