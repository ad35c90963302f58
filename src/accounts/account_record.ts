/**
 * An account as an administrator sees it.
 *
 * @module
 */

import type { AccountQueries, StoredAccount, StoredCredential } from "./account_queries.ts";
import type { AccountRecord, Credential } from "./account_store.ts";
import { isForeign } from "./password_hash.ts";

/** What of the settings decides which forms a password should have. */
export interface RecordSettings {
  readonly defaultRealm: string;
  readonly realms: readonly string[];
  readonly legacyVerifiers: boolean;
}

/** Reads what hangs on an account. */
export function readRecord(
  { id, account, disabled, created, changed }: StoredAccount,
  { queries, settings }: { readonly queries: AccountQueries; readonly settings: RecordSettings },
): AccountRecord {
  const credentials = queries.credentials(account.name);
  const { main, all } = queries.schemes(id);
  return {
    ...account,
    disabled,
    created,
    changed,
    credentials: credentials.map(withoutHash),
    schemes: main,
    legacyVerifiers: all.includes("cram-md5") || all.includes("digest-md5"),
    imported: credentials.some(({ hash }) => isForeign(hash)),
    missingRealms: missingRealms(credentials, settings),
  };
}

/** A credential as it may be shown. */
export function withoutHash({ hash: _hash, digestRealms: _digestRealms, ...credential }: StoredCredential): Credential {
  return credential;
}

/** None where a password set anew would get no DIGEST-MD5 forms either, or where the next login makes them. */
function missingRealms(
  credentials: readonly StoredCredential[],
  { defaultRealm, realms, legacyVerifiers }: RecordSettings,
): readonly string[] {
  const main = credentials.find(({ kind }) => kind === "password");
  if (!legacyVerifiers || main === undefined || isForeign(main.hash)) return [];
  return [...new Set([defaultRealm, ...realms])].filter((realm) => !main.digestRealms.includes(realm));
}
