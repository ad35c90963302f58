/**
 * The hashes that only Apache's htpasswd makes: `$apr1$`, which is the MD5-crypt of FreeBSD under another name, and `{SHA}`, which has
 * no salt.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { equalConstantTime } from "../../src/lib/constant_time.ts";
import { concat, utf8 } from "../../src/lib/octets.ts";

const APR1_REGEXP = /^\$apr1\$([./0-9A-Za-z]{1,8})\$([./0-9A-Za-z]{22})$/;
const SHA_REGEXP = /^\{SHA\}([A-Za-z0-9+/]{27}=)$/;
const ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ROUNDS = 1000;
/** The octets of the digest, in the order in which their bits are written, three at a time. */
const ORDER = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];
/** htpasswd takes no longer ones; what is hashed grows with the square. */
const PASSWORD_OCTETS = 512;

/** Whether a string is a hash of one of these forms. */
export function isHtpasswdHash(hash: string): boolean {
  return APR1_REGEXP.test(hash) || SHA_REGEXP.test(hash);
}

/** Whether a password, in UTF-8, has this hash. Takes some milliseconds. */
export function verifyHtpasswdHash(password: string, hash: string): boolean {
  const octets = utf8(password);
  const [, salt, digest = ""] = APR1_REGEXP.exec(hash) ?? [];
  if (salt !== undefined) {
    return octets.length < PASSWORD_OCTETS && equalConstantTime(utf8(apr1(octets, utf8(salt))), utf8(digest));
  }
  const [, sum] = SHA_REGEXP.exec(hash) ?? [];
  return sum !== undefined && equalConstantTime(utf8(createHash("sha1").update(octets).digest("base64")), utf8(sum));
}

function apr1(password: Uint8Array<ArrayBuffer>, salt: Uint8Array<ArrayBuffer>): string {
  const b = md5(password, salt, password);
  const bits: Uint8Array<ArrayBuffer>[] = [];
  for (let left = password.length; left > 0; left >>= 1) {
    bits.push(left % 2 === 1 ? new Uint8Array(1) : password.subarray(0, 1));
  }
  const stretched = concat(...Array.from({ length: Math.ceil(password.length / 16) }, () => b));
  let a = md5(password, utf8("$apr1$"), salt, stretched.subarray(0, password.length), ...bits);
  for (let round = 0; round < ROUNDS; round++) {
    const odd = round % 2 === 1;
    const parts = [odd ? password : a];
    if (round % 3 !== 0) parts.push(salt);
    if (round % 7 !== 0) parts.push(password);
    a = md5(...parts, odd ? a : password);
  }
  const triples = ORDER.map((at) => at.map((index) => a[index] ?? 0));
  return [...triples.map((octets) => encode(octets, 4)), encode([0, 0, a[11] ?? 0], 2)].join("");
}

/** 24 bits, the first octet highest, written from the lowest 6 on. */
function encode([high = 0, middle = 0, low = 0]: readonly number[], characters: number): string {
  const bits = (high << 16) | (middle << 8) | low;
  return Array.from({ length: characters }, (_, at) => ALPHABET[(bits >> (6 * at)) & 63]).join("");
}

function md5(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const hash = createHash("md5");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
