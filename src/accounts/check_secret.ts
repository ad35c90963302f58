/**
 * Which credential of an account a password opens.
 *
 * @module
 */

import type { StoredCredential } from "./account_queries.ts";
import type { VerifyForeign } from "./account_store.ts";
import { isAppHash } from "./app_password.ts";
import { fitsImported } from "./imported_passwords.ts";
import { DUMMY_HASH, isForeign, matchPassword, verifyPassword } from "./password_hash.ts";

/** What it is checked against. */
export interface SecretCheck {
  /** As it was typed. */
  readonly password: string;
  /** `null`: SASLprep refuses it. */
  readonly prepared: string | null;
  readonly credentials: readonly StoredCredential[];
  /** Hashes of the main passwords before. */
  readonly previous: readonly string[];
  readonly verify: VerifyForeign | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The credential, `previous` for a main password that was replaced, or `null`; each in the same time, also without any credential. */
export async function checkSecret(check: SecretCheck): Promise<StoredCredential | "previous" | null> {
  const { password, prepared, previous, verify, signal } = check;
  const all = prepared === null ? [] : check.credentials;
  // A wrong app password costs what a wrong password does: the time must not tell who has some.
  const credentials = all.filter(({ hash }) => !isAppHash(hash));
  for (const credential of credentials) {
    const { hash, kind } = credential;
    const match = isForeign(hash)
      ? (await fitsImported(password, hash, { verify, signal }) ? 0 : -1)
      : await matchPassword(prepared ?? "", kind === "password" ? [hash, ...previous] : [hash], signal);
    if (match > 0) return "previous";
    if (match === 0) return credential;
  }
  if (credentials.length === 0) await verifyPassword(prepared ?? "", DUMMY_HASH, signal);
  return null;
}
