/**
 * What every act of administration leaves behind: a line in the audit log, by whom and from where.
 *
 * @module
 */

import type { Actor, Records } from "../../records/records.ts";
import type { SidecarParts } from "../parts.ts";

/** What operations work with. */
export type OperationParts = Pick<SidecarParts, "records" | "current" | "log" | "now">;

/** Writes an act of this actor to the audit log; durable when it returns. `detail` never holds a secret. */
export function auditBy(
  { records, now }: Pick<OperationParts, "now"> & { readonly records: Pick<Records, "audit"> },
  actor: Actor,
): (what: string, target: string, detail?: string) => void {
  return (what, target, detail = "") => records.audit.add({ ...actor, what, target, detail }, now());
}
