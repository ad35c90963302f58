/**
 * Tokens of the API, with the audit log.
 *
 * @module
 */

import type { Actor, Scope, Token } from "../../records/records.ts";
import { auditBy, type OperationParts } from "./act.ts";

/** The acts. */
export interface TokenOperations {
  /** The newest first. */
  list(): readonly Token[];
  /** The secret is in the result and nowhere else. */
  add(token: { readonly label: string; readonly scopes: readonly Scope[]; readonly expires: number | null }): {
    readonly token: Token;
    readonly secret: string;
  };
  /** False: there is none with this id. */
  revoke(id: string): boolean;
}

/** The acts of one actor. */
export function tokenOperations(parts: Pick<OperationParts, "records" | "now">, actor: Actor): TokenOperations {
  const { records: { tokens }, now } = parts;
  const audit = auditBy(parts, actor);
  return {
    list: () => tokens.list(),
    add: (wanted) => {
      const made = tokens.add(wanted, now());
      const { id, label, scopes } = made.token;
      audit("token.new", id, `${label}: ${scopes.join(" ")}`);
      return made;
    },
    revoke: (id) => {
      const label = tokens.list().find((token) => token.id === id)?.label ?? "";
      const revoked = tokens.revoke(id);
      if (revoked) audit("token.revoke", id, label);
      return revoked;
    },
  };
}
