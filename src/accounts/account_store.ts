/**
 * The account store behind `sasldb`: accounts, each with one credential or more. It never holds a password.
 * A change by any process is seen at the next question.
 *
 * @module
 */

import type { Account, Origin, UserName, Verifier, VerifierScheme } from "../backend.ts";
import type { Result } from "../lib/result.ts";
import type { DeviceAdmin } from "./device.ts";

/** One secret of an account, and where it may be used. */
export interface Credential {
  readonly id: string;
  readonly kind: "password" | "app-password" | "device";
  readonly label: string;
  /** Changes with every change of the secret or its scope: caches are keyed by it. */
  readonly version: string;
  /** Networks from which it is accepted; empty: from everywhere. */
  readonly networks: readonly string[];
  /** Mechanisms with which it is accepted; `null`: with each. */
  readonly mechanisms: readonly string[] | null;
  /** RFC 3339, UTC. */
  readonly expires: string | null;
  /** RFC 3339, UTC. */
  readonly created: string;
  readonly lastUsed: string | null;
}

/** An account as an administrator sees it. */
export interface AccountRecord extends Account {
  readonly disabled: boolean;
  readonly created: string;
  readonly changed: string;
  readonly credentials: readonly Credential[];
  /** The schemes for which verifiers of the main password are stored. */
  readonly schemes: readonly VerifierScheme[];
  /** Whether any of its credentials has verifiers that are weak against a thief of the file. */
  readonly legacyVerifiers: boolean;
  /** Its password was imported as the hash of another system, and no login has proved it since: verifiers are missing. */
  readonly imported: boolean;
  /** Realms whose DIGEST-MD5 forms are missing: the password must be set anew to have them. */
  readonly missingRealms: readonly string[];
}

/** What authentication and delivery ask of the store. */
export interface AccountStore extends AsyncDisposable {
  /** The schemes for which every enabled account has verifiers, as far as a password that is set now gets them. */
  readonly schemes: ReadonlySet<VerifierScheme>;
  /**
   * The account with this name or address, disabled ones included (`state` tells). An address is compared without case and in NFC, with the
   * names of accounts too; the account that has it as its name comes before one that has it among its addresses.
   */
  find(by: UserName | { readonly address: string }): Promise<Account | null>;
  /** Some accounts with this local part, in whichever realm and case; at most eight. */
  namesakes(local: string): Promise<readonly UserName[]>;
  /** Whether the account may be used now. */
  state(account: string): Promise<"active" | "disabled" | "unknown">;
  credentials(account: string): Promise<readonly Credential[]>;
  /**
   * The credential that this password opens, whatever its scope; `null` for a wrong one, after the same time for an unknown account.
   * Takes scrypt's time, off the main thread; an aborted signal rejects at once. Rejects with `ForeignHashProblem` where an imported
   * hash cannot be checked now. An imported hash that the password opens becomes one of ours a moment later, with all verifiers, if the
   * settings say so; the credential keeps its version, since the password is the same.
   */
  checkPassword(account: string, password: string, options?: CheckOptions): Promise<Credential | null>;
  /** The same, but tells of a password that was replaced in the last days (`previous`), in the same time. */
  checkSecret(account: string, password: string, options?: CheckOptions): Promise<Credential | "previous" | null>;
  /** With those of passwords that were replaced in the last days; their credential is called `previous`, and is none. */
  verifiers(account: string, scheme: VerifierScheme): Promise<readonly Verifier[]>;
  /** Remembers the last use; written a little later, never waited for. */
  used(account: string, credential: string, origin: Origin, at: number): Promise<void>;
  /** Can the file be read now? */
  probe(): Result<void, string>;
}

/** How a password is checked. */
export interface CheckOptions {
  readonly signal?: AbortSignal | undefined;
}

/** A password as another system kept it. */
export interface ImportedSecret {
  /** In a form that `VerifyForeign` knows. */
  readonly hash: string;
  /** What came with it for CRAM-MD5 and DIGEST-MD5; verifiers of other schemes are not taken. */
  readonly verifiers: readonly Verifier[];
}

/** Whether a password, as it was typed, has this hash of another system. `unavailable`: nothing here can check it now. */
export type VerifyForeign = (
  password: string,
  hash: string,
  signal?: AbortSignal,
) => Promise<"right" | "wrong" | "unavailable">;

/** An imported hash cannot be checked now: an outage, and nobody's wrong password. */
export class ForeignHashProblem extends Error {
  override readonly name = "ForeignHashProblem";
  readonly code = "ERR_FOREIGN_HASH";
}

/** Why a change could not be made. */
export type AccountProblem = "exists" | "unknown-account" | "bad-name" | "bad-password";

/** What an app password is to be. */
export interface AppPasswordRequest {
  /** 1 to 64 printable characters; no other app password of the account has the same. */
  readonly label: string;
  /** Addresses or networks in CIDR form, 20 at most; empty: it is accepted from everywhere. */
  readonly networks: readonly string[];
  /** Names of mechanisms, of which a -PLUS form is the same as its base; `null`: it is accepted with each. */
  readonly mechanisms: readonly string[] | null;
  /** RFC 3339, in the future; `null`: never. */
  readonly expires: string | null;
}

/** A fresh app password: nobody can read it again. */
export interface NewAppPassword {
  readonly credential: Credential;
  readonly password: string;
}

/** Why there is no app password. `too-many`: an account has 50 at most. */
export type AppPasswordProblem =
  | "unknown-account"
  | "bad-label"
  | "label-taken"
  | "bad-networks"
  | "bad-mechanisms"
  | "bad-expires"
  | "too-many";

/** Why addresses could not be set, and which of them it is. */
export type AddressProblem =
  | { readonly kind: "unknown-account" | "too-many" }
  /** `taken`: another account of the store has it as its name or address. */
  | { readonly kind: "bad-address" | "taken"; readonly address: string };

/** Which accounts are listed, sorted by name. */
export interface AccountFilter {
  readonly realm?: string;
  /** A part of the name or of an address, without case. */
  readonly search?: string;
  /** Only those behind this name. */
  readonly after?: string;
  /** At most so many. */
  readonly count?: number;
}

/** What `user` commands, `saslpasswd` and later the API do. Every change is durable when it resolves. */
export interface AccountAdmin extends AccountStore {
  /** Accounts of the kind `device`. To all other methods here but `add`, which finds the name taken, they are unknown. */
  readonly devices: DeviceAdmin;
  add(name: UserName, password: string): Promise<Result<AccountRecord, AccountProblem>>;
  /**
   * Adds an account with the password of another system, or with `replace` sets it for one that is there. With `disabled` the account is
   * disabled; without it one that is there stays as it is.
   */
  addImported(
    name: UserName,
    secret: ImportedSecret,
    options?: { readonly replace?: boolean; readonly disabled?: boolean },
  ): Promise<Result<AccountRecord, AccountProblem>>;
  /** Replaces the main password and makes all verifiers anew. */
  setPassword(
    name: UserName,
    password: string,
    options?: {
      /** Do not recognise the password before, nor those before it: somebody may have it. */
      readonly forgetOld?: boolean;
    },
  ): Promise<Result<AccountRecord, AccountProblem>>;
  setDisabled(name: UserName, disabled: boolean): Promise<Result<AccountRecord, AccountProblem>>;
  remove(name: UserName): Promise<Result<void, AccountProblem>>;
  /** Makes an app password with verifiers for every scheme that the settings allow. The main password stays as it is. */
  addAppPassword(name: UserName, request: AppPasswordRequest): Promise<Result<NewAppPassword, AppPasswordProblem>>;
  /** No login by it is accepted from now on. `credential` is the id of an app password. */
  revokeAppPassword(
    name: UserName,
    credential: string,
  ): Promise<Result<void, "unknown-account" | "unknown-credential">>;
  /** Replaces the addresses, each an address or a pattern (`@domain`, `*`); 100 at most. They are stored as `addressKey` writes them. */
  setAddresses(name: UserName, addresses: readonly string[]): Promise<Result<AccountRecord, AddressProblem>>;
  show(name: UserName): Promise<AccountRecord | null>;
  /** Sorted by name. */
  list(filter: AccountFilter): Promise<readonly AccountRecord[]>;
}
