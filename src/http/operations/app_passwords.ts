/**
 * App passwords as people and administrators manage them, for accounts of whichever backend. Each change is in the audit log and in the log.
 *
 * @module
 */

import { canonicalName } from "../../accounts/account_name.ts";
import type { AppPasswordRequest, Credential } from "../../accounts/account_store.ts";
import type { AppPasswordRefusal, MadeAppPassword } from "../../auth/app_password_admin.ts";
import type { UserName } from "../../backend.ts";
import type { Result } from "../../lib/result.ts";
import type { Actor } from "../../records/records.ts";
import { auditBy, type OperationParts } from "./act.ts";

/** The acts. Names are complete (`parseUserName`). */
export interface AppPasswordOperations {
  /** The oldest first. */
  list(user: UserName): Promise<Result<readonly Credential[], AppPasswordRefusal>>;
  /** The password is in the result and nowhere else. */
  add(user: UserName, request: AppPasswordRequest): Promise<Result<MadeAppPassword, AppPasswordRefusal>>;
  /** No login by it is accepted from now on. */
  revoke(user: UserName, credential: string): Promise<Result<void, "unknown-credential" | "unavailable">>;
}

/** The acts of one actor. */
export function appPasswordOperations(parts: OperationParts, actor: Actor): AppPasswordOperations {
  const { log, current } = parts;
  const audit = auditBy(parts, actor);
  const changed = (account: string, { what, detail }: { readonly what: string; readonly detail: string }) => {
    log({ kind: "account-changed", account, what, by: actor.who });
    audit(what, account, detail);
  };
  return {
    list: (user) => current().appPasswords.list(user),
    add: async (user, request) => {
      const made = await current().appPasswords.add(user, request);
      if (made.ok) {
        const { account, credential: { id, label } } = made.value;
        changed(account.name, { what: "app-password.add", detail: `${label} (${id})` });
      }
      return made;
    },
    revoke: async (user, credential) => {
      const { appPasswords } = current();
      // For the label: afterwards nobody knows it any more.
      const listed = await appPasswords.list(user);
      const label = listed.ok ? listed.value.find(({ id }) => id === credential)?.label : undefined;
      const revoked = await appPasswords.revoke(user, credential);
      if (revoked.ok) {
        const detail = label === undefined ? credential : `${label} (${credential})`;
        changed(canonicalName(user).name, { what: "app-password.revoke", detail });
      }
      return revoked;
    },
  };
}
