/**
 * Account stores in temporary folders.
 *
 * @module
 */

import { ok } from "node:assert/strict";
import type { UserName } from "../../src/backend.ts";
import { openAccountStore, type SqliteAccountStore } from "../../src/accounts/sqlite_account_store.ts";
import type { AccountStoreOptions } from "../../src/accounts/account_settings.ts";

export const OPTIONS: AccountStoreOptions = {
  defaultRealm: "baz.co.jp",
  realms: [],
  legacyVerifiers: true,
  userCaseSensitive: true,
  now: () => Date.UTC(2026, 10, 24, 3, 4, 5),
};

/** The name of the how-to. */
export const SHIN: UserName = { local: "shin", realm: "baz.co.jp" };

/** A folder that goes with its scope. */
export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "dokodemo-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

export function openStore(file: string, options: Partial<AccountStoreOptions> = {}): SqliteAccountStore {
  const opened = openAccountStore(file, { ...OPTIONS, ...options });
  ok(opened.ok, opened.ok ? "" : opened.problem.message);
  return opened.value;
}
