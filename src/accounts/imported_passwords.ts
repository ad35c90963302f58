/**
 * Passwords that were imported as hashes of other systems: checking them, and making them our own at the login that proves them.
 *
 * @module
 */

import type { UserName, Verifier, VerifierScheme } from "../backend.ts";
import { concat } from "../lib/octets.ts";
import type { AccountChanges } from "./account_changes.ts";
import type { StoredAccount } from "./account_queries.ts";
import { ForeignHashProblem, type ImportedSecret, type VerifyForeign } from "./account_store.ts";
import { DUMMY_HASH, verifyPassword } from "./password_hash.ts";
import { deriveMaterial, type MaterialOptions, type PasswordMaterial } from "./password_material.ts";

/** How verifiers are made of a password that is proved. */
export type UpgradeSettings = Omit<MaterialOptions, "salts">;

/** A password that was right, and what it opened. */
export interface ProvedPassword {
  readonly stored: StoredAccount;
  readonly credential: string;
  /** The imported hash. */
  readonly hash: string;
  readonly password: string;
}

/**
 * Whether a password has an imported hash. It takes the time of one of ours, so that nobody learns by it whose password is not
 * proved yet. Rejects with `ForeignHashProblem` where it cannot be told.
 */
export async function fitsImported(
  password: string,
  hash: string,
  { verify, signal }: { readonly verify: VerifyForeign | undefined; readonly signal?: AbortSignal | undefined },
): Promise<boolean> {
  if (verify === undefined) throw new ForeignHashProblem("no imported hash can be checked here");
  const [verdict] = await Promise.all([verify(password, hash, signal), verifyPassword(password, DUMMY_HASH, signal)]);
  if (verdict === "unavailable") {
    throw new ForeignHashProblem("nothing here can check the imported hash of this account");
  }
  return verdict === "right";
}

/** What is stored of an imported secret. */
export function importedMaterial(
  { hash, verifiers }: ImportedSecret,
  { legacyVerifiers }: Pick<MaterialOptions, "legacyVerifiers">,
): PasswordMaterial {
  const values = new Map<VerifierScheme, Uint8Array<ArrayBuffer>>();
  for (const verifier of legacyVerifiers ? verifiers : []) {
    const value = valueOf(verifier);
    if (value !== null) values.set(verifier.scheme, value);
  }
  return { hash, verifiers: values, digestRealms: [] };
}

/** Upgrades under way. */
export class Upgrades {
  readonly #changes: AccountChanges;
  readonly #under = new Map<string, Promise<void>>();

  constructor(changes: AccountChanges) {
    this.#changes = changes;
  }

  /** Begins one and returns at once. One that fails is made at the next login. */
  begin(proved: ProvedPassword, settings: UpgradeSettings): void {
    const { credential } = proved;
    if (this.#under.has(credential)) return;
    const done = this.#upgrade(proved, settings).catch(() => {
      // A full disk or a busy file: the imported hash still counts.
    }).finally(() => this.#under.delete(credential));
    this.#under.set(credential, done);
  }

  /** Waits for those under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#under.values());
  }

  async #upgrade({ stored, credential, hash, password }: ProvedPassword, settings: UpgradeSettings): Promise<void> {
    const { local, realm, salts } = stored;
    const user: UserName = { local, realm };
    const material = await deriveMaterial(user, password, { salts, ...settings });
    if (material !== null) this.#changes.upgrade({ credential, hash, material });
  }
}

/** The column `value` of what can be imported: salts of SCRAM would have to be those of the account. */
function valueOf(verifier: Verifier): Uint8Array<ArrayBuffer> | null {
  switch (verifier.scheme) {
    case "cram-md5":
      return concat(verifier.inner, verifier.outer);
    case "digest-md5":
      return concat(...verifier.ha1s);
    default:
      return null;
  }
}
