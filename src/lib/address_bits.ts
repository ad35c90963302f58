/**
 * Addresses as numbers, for look-ups by prefix.
 *
 * @module
 */

import { isIP } from "node:net";
import { canonicalAddress } from "./network.ts";

/** An address, or the first bits of one. */
export interface Prefix {
  readonly family: 4 | 6;
  /** How many bits count: 32 or 128 for a whole address. */
  readonly bits: number;
  /** Those bits as a number. */
  readonly value: bigint;
}

/** The whole of an address, an IPv4-mapped one as IPv4; `null` when it is none. */
export function addressPrefix(address: string): Prefix | null {
  const bare = canonicalAddress(address);
  switch (isIP(bare)) {
    case 4:
      return prefixOf(4, bare.split(".").map(Number));
    case 6:
      return prefixOf(6, groupsOf(bare));
    default:
      return null;
  }
}

/** A prefix of whole octets (family 4) or groups of 16 bits (family 6), given as numbers that fit. */
export function prefixOf(family: 4 | 6, parts: readonly number[]): Prefix {
  const width = family === 4 ? 8 : 16;
  const value = parts.reduce((sum, part) => (sum << BigInt(width)) | BigInt(part), 0n);
  return { family, bits: parts.length * width, value };
}

/** The first `bits` of a prefix that has as many at least. */
export function shorten({ family, bits, value }: Prefix, to: number): Prefix {
  return { family, bits: to, value: value >> BigInt(bits - to) };
}

/** The eight groups of an IPv6 address that `isIP` takes. */
function groupsOf(address: string): readonly number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const hex = (high: string | undefined, low: string | undefined) => (Number(high) * 256 + Number(low)).toString(16);
  const plain = dotted === null ? address : `${dotted[1]}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}`;
  const [head = "", tail] = plain.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const filled = tail === undefined ? left : [...left, ...Array(8 - left.length - right.length).fill("0"), ...right];
  return filled.map((group) => parseInt(group, 16));
}
