/**
 * SHA-crypt ("$5$" and "$6$") without libcrypt, after Ulrich Drepper's specification of 2007 ("Unix crypt using SHA-256 and
 * SHA-512", akkadia.org/drepper/SHA-crypt.txt).
 *
 * @module
 */

import { createHash } from "node:crypto";
import { equalConstantTime } from "../../src/lib/constant_time.ts";
import { concat, utf8 } from "../../src/lib/octets.ts";

interface Form {
  readonly hash: "sha256" | "sha512";
  /** The octets of the digest, in the order in which their bits are written, three at a time; -1 is an octet of zeros. */
  readonly order: readonly number[];
  /** How many characters the digest takes. */
  readonly characters: number;
}

type Octets = Uint8Array<ArrayBuffer>;

const HASH_REGEXP = /^\$([56])\$(?:rounds=([1-9]\d{3,8})\$)?([!-#%-9;-~]{0,16})\$([./0-9A-Za-z]+)$/;
const ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DEFAULT_ROUNDS = 5000;
/** About 2 ms. Then others have their turn. */
const SLICE_ROUNDS = 500;

const SHA_256: Form = { hash: "sha256", order: [...triples([0, 10, 20], [2, 0, 1], 10), -1, 31, 30], characters: 43 };
const SHA_512: Form = { hash: "sha512", order: [...triples([0, 21, 42], [1, 2, 0], 21), -1, -1, 63], characters: 86 };

/** Whether a password has this hash; `null` where it is no SHA-crypt hash. The main thread is held for a few milliseconds at a time; an aborted signal ends the work with its reason. */
export async function verifyShaCrypt(password: Octets, hash: string, signal: AbortSignal): Promise<boolean | null> {
  const [, id, rounds = DEFAULT_ROUNDS, salt = "", digest = ""] = HASH_REGEXP.exec(hash) ?? [];
  if (id === undefined) return null;
  const form = id === "5" ? SHA_256 : SHA_512;
  const sum = await stretch(form.hash, { password, salt: utf8(salt), rounds: Number(rounds), signal });
  return equalConstantTime(utf8(encode(sum, form)), utf8(digest));
}

interface Material {
  readonly password: Octets;
  readonly salt: Octets;
  readonly rounds: number;
  readonly signal: AbortSignal;
}

/** Steps 1 to 21. */
async function stretch(name: Form["hash"], { password, salt, rounds, signal }: Material): Promise<Octets> {
  const hash = (...parts: readonly Octets[]) => {
    const sum = createHash(name);
    for (const part of parts) sum.update(part);
    return new Uint8Array(sum.digest());
  };
  const b = hash(password, salt, password);
  const bits: Octets[] = [];
  for (let left = password.length; left > 0; left >>= 1) bits.push(left % 2 === 1 ? b : password);
  let a = hash(password, salt, stretched(b, password.length), ...bits);
  const p = stretched(hash(...Array.from({ length: password.length }, () => password)), password.length);
  const s = stretched(hash(...Array.from({ length: 16 + (a[0] ?? 0) }, () => salt)), salt.length);
  for (let round = 0; round < rounds; round++) {
    const odd = round % 2 === 1;
    const parts = [odd ? p : a];
    if (round % 3 !== 0) parts.push(s);
    if (round % 7 !== 0) parts.push(p);
    a = hash(...parts, odd ? a : p);
    if (round % SLICE_ROUNDS === SLICE_ROUNDS - 1) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      signal.throwIfAborted();
    }
  }
  return a;
}

/** The octets again and again, up to this length. */
function stretched(octets: Octets, length: number): Octets {
  return concat(...Array.from({ length: Math.ceil(length / octets.length) }, () => octets)).subarray(0, length);
}

/** Step 22: the digest is written 24 bits at a time, the last octet of a triple lowest, and of those the lowest 6 bits first. */
function encode(digest: Octets, { order, characters }: Form): string {
  let text = "";
  for (let at = 0; at < order.length; at += 3) {
    const [high = 0, middle = 0, low = 0] = order.slice(at, at + 3).map((index) => digest[index] ?? 0);
    const bits = (high << 16) | (middle << 8) | low;
    text += [0, 6, 12, 18].map((shift) => ALPHABET[(bits >> shift) & 63]).join("");
  }
  return text.slice(0, characters);
}

/** The specification's table of triples: each is the one before with every index one higher and the three changed round. */
function triples(first: readonly number[], turn: readonly number[], count: number): readonly number[] {
  const all = [first];
  while (all.length < count) all.push(turn.map((from) => (all.at(-1)?.[from] ?? 0) + 1));
  return all.flat();
}
