/**
 * What the tests use of dns-packet. Its published types would bring those of another Node with them.
 *
 * @module
 */

import type { Buffer } from "node:buffer";

export interface Question {
  readonly name: string;
  readonly type: string;
  readonly class?: string;
}

export interface Answer {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  readonly data: string | readonly string[] | { readonly preference: number; readonly exchange: string };
}

export interface Packet {
  readonly type?: "query" | "response";
  readonly id?: number;
  readonly flags?: number;
  readonly questions?: readonly Question[];
  readonly answers?: readonly Answer[];
}

declare const packet: {
  readonly RECURSION_DESIRED: number;
  readonly RECURSION_AVAILABLE: number;
  readonly TRUNCATED_RESPONSE: number;
  encode(packet: Packet): Buffer;
  decode(octets: Buffer): Packet;
};

export default packet;
