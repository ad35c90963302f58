/**
 * What an account store goes by.
 *
 * @module
 */

import type { VerifyForeign } from "./account_store.ts";

/** What of the configuration concerns accounts; a reload may change it. */
export interface AccountSettings {
  readonly defaultRealm: string;
  readonly realms: readonly string[];
  /** Whether a password that is set gets CRAM-MD5 and DIGEST-MD5 verifiers. */
  readonly legacyVerifiers: boolean;
  /** Whether the user part of a name is looked up with case. */
  readonly userCaseSensitive: boolean;
  /** Whether an imported hash becomes one of ours, with all verifiers, at the login that proves it. Default true. */
  readonly upgradeImported?: boolean;
  /** For how many days a password is recognised that was replaced. Default 0: not at all. */
  readonly rememberPreviousDays?: number;
}

/** Settings, and the clock: milliseconds since the epoch. */
export interface AccountStoreOptions extends AccountSettings {
  readonly now: () => number;
  /** Absent: a login with an imported hash is an outage. */
  readonly verifyForeign?: VerifyForeign | undefined;
}
