/**
 * What the start of a spool has found, as lines of the log.
 *
 * @module
 */

import type { Log } from "../log/event.ts";
import type { Findings } from "./protocol.ts";

/** Logs what an administrator should know of it; nothing where all is well. */
export function logFindings(log: Log, { interrupted, missing, orphans }: Findings): void {
  const warn = (text: string) => log({ kind: "warning", about: "spool", text });
  if (interrupted.length > 0) {
    warn(
      `These mails were being delivered when the last process ended, and may arrive twice: ${interrupted.join(", ")}`,
    );
  }
  if (orphans > 0) warn(`Removed ${orphans} content files of mails that were never accepted or have been delivered`);
  if (missing.length > 0) {
    const text = `The content of these mails is missing or cut off, look at "dokodemo queue verify": ${
      missing.join(", ")
    }`;
    log({ kind: "alarm", about: "spool", text });
  }
}
