/**
 * Networks as prefixes, and a table of them in which those around an address are found.
 *
 * @module
 */

import { isIP } from "node:net";
import { addressPrefix, type Prefix, shorten } from "./address_bits.ts";

/** A network, and how it is written: without bits beyond its prefix, a single address without a length. */
export interface Network extends Prefix {
  readonly text: string;
}

const MAPPED_BITS = 96;

/** Reads an address or a network in CIDR form; bits beyond the prefix are dropped, IPv4-mapped ones are IPv4. `null`: it is none. */
export function parseNetwork(text: string): Network | null {
  const [address = "", length, ...rest] = text.trim().split("/");
  const whole = rest.length > 0 || isIP(address) === 0 ? null : addressPrefix(address);
  if (whole === null) return null;
  if (length === undefined) return named(whole);
  if (!/^\d{1,3}$/.test(length)) return null;
  const isMapped = isIP(address) === 6 && whole.family === 4;
  const bits = Number(length) - (isMapped ? MAPPED_BITS : 0);
  return bits < 0 || bits > whole.bits ? null : named(shorten(whole, bits));
}

/** Whether two networks have an address in common. */
export function overlap(one: Prefix, other: Prefix): boolean {
  if (one.family !== other.family) return false;
  const bits = Math.min(one.bits, other.bits);
  return shorten(one, bits).value === shorten(other, bits).value;
}

/** Values by network. A look-up costs one step for each length of prefix that is there. */
export class NetworkTable<Value> {
  readonly #values = new Map<string, Value>();
  readonly #lengths = new Map<string, number>();

  get size(): number {
    return this.#values.size;
  }

  set(network: Prefix, value: Value): void {
    const key = keyOf(network);
    if (!this.#values.has(key)) this.#count(network, 1);
    this.#values.set(key, value);
  }

  get(network: Prefix): Value | undefined {
    return this.#values.get(keyOf(network));
  }

  delete(network: Prefix): boolean {
    const deleted = this.#values.delete(keyOf(network));
    if (deleted) this.#count(network, -1);
    return deleted;
  }

  values(): Iterable<Value> {
    return this.#values.values();
  }

  /** The values of all networks around an address, in no order. */
  around(address: string): readonly Value[] {
    if (this.#values.size === 0) return [];
    const whole = addressPrefix(address);
    if (whole === null) return [];
    return [...this.#lengths.keys()].flatMap((length) => {
      const [family, bits] = length.split("/").map(Number);
      if (family !== whole.family || bits === undefined) return [];
      const value = this.#values.get(keyOf(shorten(whole, bits)));
      return value === undefined ? [] : [value];
    });
  }

  #count({ family, bits }: Prefix, by: number): void {
    const length = `${family}/${bits}`;
    const count = (this.#lengths.get(length) ?? 0) + by;
    if (count === 0) this.#lengths.delete(length);
    else this.#lengths.set(length, count);
  }
}

function keyOf({ family, bits, value }: Prefix): string {
  return `${family}/${bits}/${value}`;
}

function named(prefix: Prefix): Network {
  const { family, bits, value } = prefix;
  const most = family === 4 ? 32 : 128;
  const whole = value << BigInt(most - bits);
  const address = family === 4 ? octetsText(whole) : groupsText(whole);
  return { ...prefix, text: bits === most ? address : `${address}/${bits}` };
}

function octetsText(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join(".");
}

/** The short form (RFC 5952), which the parser of URLs writes. */
function groupsText(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, at) => ((value >> BigInt(112 - 16 * at)) & 0xffffn).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
