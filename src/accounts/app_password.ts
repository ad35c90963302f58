/**
 * App passwords: how they are made, the form that tells them from passwords of people, their hash, and what may be asked for.
 *
 * @module
 */

import { createHmac, randomBytes } from "node:crypto";
import { equalConstantTime } from "../lib/constant_time.ts";
import { isNetwork } from "../lib/network.ts";
import { decodeBase64, encodeBase64 } from "../lib/octets.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { hasControl } from "../lib/text.ts";
import { mechanismNamed } from "../sasl/mechanisms.ts";
import type { AppPasswordProblem, AppPasswordRequest } from "./account_store.ts";

/** No `l` and `o`, no 0 and 1: people read them from one screen and type them into another. 32, so that each carries five bits. */
const ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";
const GROUPS = 5;
const GROUP_CHARACTERS = 4;
const FORM_REGEXP = /^[a-km-np-z2-9]{4}(?:-[a-km-np-z2-9]{4}){4}$/;
const SALT_OCTETS = 16;

/** How the hash of each app password begins. */
export const APP_PREFIX = "$dokodemo-app$";

/** Most app passwords of an account: a login by CRAM-MD5 or SCRAM tries each. */
export const MOST_APP_PASSWORDS = 50;

const LABEL_CHARACTERS = 64;
const MOST_NETWORKS = 20;
const TIME_REGEXP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i;
const PLUS_REGEXP = /-PLUS$/;

/** Makes an app password: 100 random bits as 5 groups of 4 characters, `k3fq-` and so on. */
export function makeAppPassword(): string {
  const octets = randomBytes(GROUPS * GROUP_CHARACTERS);
  const characters = Array.from(octets, (octet) => ALPHABET[octet % ALPHABET.length]).join("");
  return Array.from({ length: GROUPS }, (_, at) => characters.slice(at * GROUP_CHARACTERS, (at + 1) * GROUP_CHARACTERS))
    .join("-");
}

/** Whether a password has the form of an app password. Only then it is compared with their hashes. */
export function hasAppForm(password: string): boolean {
  return FORM_REGEXP.test(password);
}

/** Hashes an app password with a fresh salt. 100 random bits are not to be guessed, so a fast hash is enough. */
export function hashAppPassword(password: string): string {
  const salt = new Uint8Array(randomBytes(SALT_OCTETS));
  return `${APP_PREFIX}${encodeBase64(salt)}$${encodeBase64(digest(password, salt))}`;
}

/** Whether an app password has this hash. A string that is no such hash fits none. */
export function fitsAppHash(password: string, hash: string): boolean {
  if (!isAppHash(hash)) return false;
  const [salt, wanted] = hash.slice(APP_PREFIX.length).split("$").map(decodeBase64);
  return salt != null && wanted != null && equalConstantTime(digest(password, salt), wanted);
}

/** Whether a hash is that of an app password. */
export function isAppHash(hash: string): boolean {
  return hash.startsWith(APP_PREFIX);
}

/** Checks a request, and writes what it asks for in the one form in which it is stored. `now` is in milliseconds since the epoch. */
export function checkAppRequest(
  { label, networks, mechanisms, expires }: AppPasswordRequest,
  now: number,
): Result<AppPasswordRequest, Exclude<AppPasswordProblem, "unknown-account" | "label-taken" | "too-many">> {
  const name = label.trim().normalize("NFC");
  if (name === "" || [...name].length > LABEL_CHARACTERS || hasControl(name) || !name.isWellFormed()) {
    return fail("bad-label");
  }
  const wanted = [...new Set(networks.map((network) => network.toLowerCase()))];
  if (wanted.length > MOST_NETWORKS || !wanted.every((network) => isNetwork(network) && !network.includes("%"))) {
    return fail("bad-networks");
  }
  const allowed = mechanisms?.map((mechanism) => mechanism.toUpperCase().replace(PLUS_REGEXP, "")) ?? null;
  if (allowed !== null && (allowed.length === 0 || allowed.some((mechanism) => mechanismNamed(mechanism) === null))) {
    return fail("bad-mechanisms");
  }
  const ends = expires === null ? null : TIME_REGEXP.test(expires) ? Date.parse(expires) : NaN;
  if (ends !== null && !(ends > now)) return fail("bad-expires");
  return succeed({
    label: name,
    networks: wanted,
    mechanisms: allowed === null ? null : [...new Set(allowed)],
    expires: ends === null ? null : new Date(ends).toISOString(),
  });
}

function digest(password: string, salt: Uint8Array): Uint8Array {
  return createHmac("sha256", salt).update(password).digest();
}
