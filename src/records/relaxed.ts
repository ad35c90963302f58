/**
 * Writes whose loss in a power cut costs nothing.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { transaction } from "../accounts/database.ts";

/** Does the work in one transaction that does not wait for the disk; the next durable one takes it along. */
export function relaxedTransaction(database: DatabaseSync, work: () => void): void {
  database.exec("PRAGMA synchronous=NORMAL");
  try {
    transaction(database, work);
  } finally {
    database.exec("PRAGMA synchronous=FULL");
  }
}

/** Remembers that something was used, as far as the file can be written now: who uses it must not fail by that. */
export function remember(database: DatabaseSync, work: () => void): void {
  try {
    relaxedTransaction(database, work);
  } catch {
    // A full disk or a busy file; the next use tries again.
  }
}
