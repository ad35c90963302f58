/**
 * All that is stored of a password, made from it at once: the scrypt hash and the verifiers of every mechanism.
 *
 * @module
 */

import { pbkdf2, randomBytes } from "node:crypto";
import type { UserName, VerifierScheme } from "../backend.ts";
import { concat } from "../lib/octets.ts";
import { cramMd5Contexts, digestMd5Ha1s, type ScramKeys, scramKeys } from "../sasl/derive.ts";
import { prepare } from "../sasl/saslprep.ts";
import { hashPassword } from "./password_hash.ts";

/** Salt and iteration count of an account for one SCRAM hash: one for all its credentials. */
export interface ScramParameters {
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly iterations: number;
}

/** The same for both hashes. */
export type ScramSalts = Readonly<Record<ScramScheme, ScramParameters>>;

/** The schemes that have a salt. */
export type ScramScheme = "scram-sha-1" | "scram-sha-256";

/** What the keys of one scheme are made with. */
export interface SchemeParameters extends ScramParameters {
  readonly scheme: ScramScheme;
}

/** What is stored of a password. */
export interface PasswordMaterial {
  readonly hash: string;
  /** In the form of the column `value` of `schema.ts`. */
  readonly verifiers: ReadonlyMap<VerifierScheme, Uint8Array<ArrayBuffer>>;
  /** The realms for which there are DIGEST-MD5 forms. */
  readonly digestRealms: readonly string[];
}

/** What clients may compute with. */
export interface MaterialOptions {
  readonly salts: ScramSalts;
  readonly defaultRealm: string;
  readonly realms: readonly string[];
  /** Whether CRAM-MD5 and DIGEST-MD5 verifiers are made, which a thief of the file guesses fast. */
  readonly legacyVerifiers: boolean;
  /** The hash whose salt is taken again: that of the password before. */
  readonly like?: string | null;
}

/** Of SCRAM. RFC 7677 section 4 asks for 4096 at least. A client pays for each, at every login: a printer for more than a second. */
export const ITERATIONS = 4096;
/** Of SCRAM. */
export const SALT_OCTETS = 16;

/** Fresh salts for a new account. */
export function freshSalts(): ScramSalts {
  const fresh = () => ({ salt: new Uint8Array(randomBytes(SALT_OCTETS)), iterations: ITERATIONS });
  return { "scram-sha-1": fresh(), "scram-sha-256": fresh() };
}

/**
 * Makes everything from a password as it was typed, or gives `null` when SASLprep (RFC 4013) refuses it: empty, too long, a control
 * character. The slow parts run off the main thread.
 */
export async function deriveMaterial(
  user: UserName,
  password: string,
  options: MaterialOptions,
): Promise<PasswordMaterial | null> {
  const prepared = prepare(password);
  if (prepared === null) return null;
  const [hash, rest] = await Promise.all([
    hashPassword(prepared, options.like),
    deriveVerifiers(user, { password, prepared }, options),
  ]);
  return { hash, ...rest };
}

/** Makes the verifiers of a password, given as it was typed and prepared. The slow parts run off the main thread. */
export async function deriveVerifiers(
  user: UserName,
  { password, prepared }: { readonly password: string; readonly prepared: string },
  { salts, defaultRealm, realms, legacyVerifiers }: MaterialOptions,
): Promise<Omit<PasswordMaterial, "hash">> {
  const [sha1, sha256] = await Promise.all([
    scramValue(prepared, { scheme: "scram-sha-1", ...salts["scram-sha-1"] }),
    scramValue(prepared, { scheme: "scram-sha-256", ...salts["scram-sha-256"] }),
  ]);
  const verifiers = new Map<VerifierScheme, Uint8Array<ArrayBuffer>>([["scram-sha-1", sha1], [
    "scram-sha-256",
    sha256,
  ]]);
  if (!legacyVerifiers) return { verifiers, digestRealms: [] };

  const { inner, outer } = cramMd5Contexts(password);
  verifiers.set("cram-md5", concat(inner, outer));
  verifiers.set("digest-md5", concat(...digestMd5Ha1s(user, password, { defaultRealm, realms }).ha1s));
  return { verifiers, digestRealms: [...new Set([user.realm, defaultRealm, ...realms])] };
}

async function scramValue(password: string, parameters: SchemeParameters): Promise<Uint8Array<ArrayBuffer>> {
  const { storedKey, serverKey } = await deriveScramKeys(password, parameters);
  return concat(storedKey, serverKey);
}

/** The keys of a prepared password. PBKDF2 runs off the main thread. */
export async function deriveScramKeys(
  password: string,
  { scheme, salt, iterations }: SchemeParameters,
): Promise<ScramKeys> {
  const [digest, octets, hash] = scheme === "scram-sha-1"
    ? ["sha1", 20, "sha-1"] as const
    : ["sha256", 32, "sha-256"] as const;
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  pbkdf2(password, salt, iterations, octets, digest, (error, key) => {
    if (error === null) resolve(new Uint8Array(key));
    else reject(error);
  });
  return scramKeys(hash, await promise);
}
