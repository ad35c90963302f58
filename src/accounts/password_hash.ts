/**
 * Password hashes: scrypt (RFC 7914) as PHC strings. The work is done off the main thread, two at a time, so that logins which
 * need no scrypt keep their pace while it is busy.
 *
 * @module
 */

import { randomBytes, scrypt } from "node:crypto";
import { equalConstantTime } from "../lib/constant_time.ts";
import { decodeBase64, encodeBase64 } from "../lib/octets.ts";
import { createTurns } from "../lib/turns.ts";
import { isAppHash } from "./app_password.ts";

interface ScryptParameters {
  /** The binary logarithm of N. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

interface ParsedHash extends ScryptParameters {
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly hash: Uint8Array<ArrayBuffer>;
}

/**
 * 32 MiB and about 120 ms each (measured, 2 cores). OWASP asks for p = 3 beside it; the SCRAM verifiers of the same password, with
 * their 4096 iterations, are the cheaper target for a thief of the file in any case, so more would cost only our own logins.
 */
const PARAMETERS: ScryptParameters = { ln: 15, r: 8, p: 1 };
const SALT_OCTETS = 16;
const HASH_OCTETS = 32;
const CONCURRENCY = 2;
const PHC_REGEXP = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

const TURNS = createTurns(CONCURRENCY);

/** How the hash of each password that people choose begins. */
export const OUR_PREFIX = "$scrypt$";

/** Whether a hash was made by another system and imported. */
export function isForeign(hash: string): boolean {
  return !hash.startsWith(OUR_PREFIX) && !isAppHash(hash);
}

/** A hash with today's parameters that no password has: checking against it takes the time of a wrong password. */
export const DUMMY_HASH: string = write({
  ...PARAMETERS,
  salt: new Uint8Array(SALT_OCTETS),
  hash: new Uint8Array(HASH_OCTETS),
});

/**
 * Hashes a prepared password: with the salt of `like` where that is a hash of today's parameters, so that one computation tells whether a
 * password has the one or the other, else with a fresh salt.
 */
export async function hashPassword(password: string, like: string | null = null): Promise<string> {
  const before = like === null ? null : parse(like);
  const salt = before !== null && isOfToday(before) ? before.salt : new Uint8Array(randomBytes(SALT_OCTETS));
  return write({ ...PARAMETERS, salt, hash: await TURNS(() => derive(password, { ...PARAMETERS, salt })) });
}

/** Whether a prepared password has this hash. A string that is no such hash fits none. An aborted signal rejects at once. */
export async function verifyPassword(password: string, phc: string, signal?: AbortSignal): Promise<boolean> {
  return await matchPassword(password, [phc], signal) === 0;
}

/**
 * Which of several hashes a prepared password has, by index; -1 for none. It takes the time of the first alone: others that have not its
 * salt and parameters are not looked at.
 */
export async function matchPassword(password: string, phcs: readonly string[], signal?: AbortSignal): Promise<number> {
  const [first, ...others] = phcs.map(parse);
  if (first === undefined || first === null) return -1;
  const derived = await TURNS(() => derive(password, first), signal);
  const fits = [first, ...others].map((each) =>
    each !== null && isAlike(each, first) && equalConstantTime(derived, each.hash)
  );
  return fits.indexOf(true);
}

function isAlike(one: ParsedHash, other: ParsedHash): boolean {
  return one.ln === other.ln && one.p === other.p && equalConstantTime(one.salt, other.salt);
}

function isOfToday({ ln, r, p, salt }: ParsedHash): boolean {
  return ln === PARAMETERS.ln && r === PARAMETERS.r && p === PARAMETERS.p && salt.length === SALT_OCTETS;
}

function derive(password: string, { ln, r, p, salt }: Omit<ParsedHash, "hash">): Promise<Uint8Array<ArrayBuffer>> {
  const N = 2 ** ln;
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
  scrypt(password, salt, HASH_OCTETS, { N, r, p, maxmem: 256 * N * r }, (error, key) => {
    if (error === null) resolve(new Uint8Array(key));
    else reject(error);
  });
  return promise;
}

/** Parameters beyond 512 MiB or the work of 16 are no hash of ours, and would stop the server. */
function parse(phc: string): ParsedHash | null {
  const [, ln, r, p, salt = "", hash = ""] = PHC_REGEXP.exec(phc) ?? [];
  const parameters = { ln: Number(ln), r: Number(r), p: Number(p) };
  if (!(parameters.ln >= 10 && parameters.ln <= 19 && parameters.r === 8 && parameters.p >= 1 && parameters.p <= 16)) {
    return null;
  }
  const octets = { salt: decodeBase64(padded(salt)), hash: decodeBase64(padded(hash)) };
  if (octets.salt === null || octets.hash?.length !== HASH_OCTETS) return null;
  return { ...parameters, salt: octets.salt, hash: octets.hash };
}

function write({ ln, r, p, salt, hash }: ParsedHash): string {
  return `$scrypt$ln=${ln},r=${r},p=${p}$${bare(salt)}$${bare(hash)}`;
}

/** PHC strings use base64 without padding. */
function bare(octets: Uint8Array): string {
  return encodeBase64(octets).replace(/=+$/, "");
}

function padded(text: string): string {
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}
