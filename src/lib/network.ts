/**
 * Addresses and networks (CIDR), IPv4-mapped IPv6 addresses taken as IPv4.
 *
 * @module
 */

import { BlockList, isIP } from "node:net";

const REMEMBERED = 1_000;

/** A set of networks that answers whether an address lies in it. */
export interface NetworkSet {
  has(address: string): boolean;
}

/** Writes an address in one form: an IPv4-mapped one as IPv4, no zone, lower case. */
export function canonicalAddress(address: string): string {
  const bare = address.replace(/%.*$/, "").toLowerCase();
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(bare);
  return mapped?.[1] ?? bare;
}

/** Whether an address is loopback. */
export function isLoopback(address: string): boolean {
  const bare = canonicalAddress(address);
  return bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}

/** Whether a text is an address or a network in CIDR form. */
export function isNetwork(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (bits === undefined) return true;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

/** Makes a set of networks. Each must satisfy `isNetwork`; a `RangeError` names the one that does not. */
export function networkSet(networks: readonly string[]): NetworkSet {
  const list = new BlockList();
  for (const network of networks) {
    if (!isNetwork(network)) throw new RangeError(`Cannot read network "${network}": expected an address or CIDR`);
    const [address = "", bits] = network.split("/");
    const family = isIP(address) === 4 ? "ipv4" : "ipv6";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  // The same clients come again and again, and are asked about several times in a session.
  const known = new Map<string, boolean>();
  return {
    has: (address) => {
      const before = known.get(address);
      if (before !== undefined) return before;
      const bare = canonicalAddress(address);
      const family = isIP(bare);
      const inside = family !== 0 && list.check(bare, family === 4 ? "ipv4" : "ipv6");
      if (known.size >= REMEMBERED) known.clear();
      known.set(address, inside);
      return inside;
    },
  };
}

/** The network that guessing is counted by: /24 of an IPv4 address, /48 of an IPv6 one. */
export function networkOf(address: string): string {
  const bare = canonicalAddress(address);
  return isIP(bare) === 4 ? `${bare.split(".").slice(0, 3).join(".")}.0/24` : prefixOf(bare, 3);
}

/** What one host has: an IPv4 address, or the /64 of an IPv6 one, in which it may take as many addresses as it likes. */
export function hostOf(address: string): string {
  return prefixOf(canonicalAddress(address), 4);
}

/** The first groups of 16 bits of an IPv6 address; anything else as it is. */
function prefixOf(bare: string, count: number): string {
  if (isIP(bare) !== 6) return bare;
  const [head = "", tail] = bare.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = tail === undefined ? left : [...left, ...Array(8 - left.length - right.length).fill("0"), ...right];
  const prefix = groups.slice(0, count).map((group) => parseInt(group, 16).toString(16));
  return `${prefix.join(":")}::/${count * 16}`;
}
