/**
 * Passwords that were right a moment ago, so that a client which opens many connections costs one scrypt and not one each. Held are
 * keyed hashes and times, never a password. Whether the account may log in now is looked at anew at every login.
 *
 * @module
 */

import { encodeBase64 } from "../lib/octets.ts";
import { BoundedMap } from "./bounded_map.ts";
import { keyedHash } from "./keyed_hash.ts";

/** A login by password. Every change of the credential by any process alters `version`, so that no entry of the old one is found. */
export interface CachedLogin {
  readonly backend: string;
  readonly account: string;
  readonly credential: string;
  readonly version: string;
  readonly password: string;
}

/** Remembers right passwords for a short time. Shared by all generations of the configuration; times are milliseconds since the epoch. */
export interface SuccessCache {
  knows(login: CachedLogin, now: number): boolean;
  remember(login: CachedLogin, now: number): void;
}

/** How the cache is made. */
export interface SuccessCacheOptions {
  /** The process's key for keyed hashes. */
  readonly key: Uint8Array;
  /** False remembers nothing: for the bench. Default true. */
  readonly enabled?: boolean;
  /** Most logins held. Default 10,000. */
  readonly limit?: number;
  /** Counted from the last scrypt, not from the last use. Default 5 min. */
  readonly ttlMs?: number;
}

/** Makes an empty cache. */
export function createSuccessCache(
  { key, enabled = true, limit = 10_000, ttlMs = 300_000 }: SuccessCacheOptions,
): SuccessCache {
  const entries = new BoundedMap<string, number>(limit);
  const hash = ({ backend, account, credential, version, password }: CachedLogin) =>
    encodeBase64(keyedHash(key, ["success", backend, account, credential, version, password]));

  return {
    knows: (login, now) => {
      if (!enabled) return false;
      const at = entries.get(hash(login));
      return at !== undefined && now >= at && now - at < ttlMs;
    },
    remember: (login, now) => {
      if (enabled) entries.set(hash(login), now);
    },
  };
}
