/**
 * PROXY headers of version 2, whatever one wants in them.
 *
 * @module
 */

import { crc32c } from "../../src/lib/crc32c.ts";
import { concat, concatAll, utf8 } from "../../src/lib/octets.ts";

/** What a header is made of. */
export interface HeaderParts {
  /** Version and command; default 0x21, PROXY. */
  readonly command?: number;
  /** Family and protocol; default 0x11, TCP over IPv4. */
  readonly family?: number;
  /** Default 192.0.2.7:1000 to 198.51.100.1:587. */
  readonly addresses?: readonly number[];
  readonly tlvs?: readonly Uint8Array[];
  /** Whether a checksum stands at the end. */
  readonly sum?: boolean;
}

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const IPV4 = [192, 0, 2, 7, 198, 51, 100, 1, 3, 232, 2, 75];

/** The octets of a header. */
export function binaryHeader(
  { command = 0x21, family = 0x11, addresses = IPV4, tlvs = [], sum = false }: HeaderParts = {},
): Uint8Array<ArrayBuffer> {
  const body = concatAll([Uint8Array.from(addresses), ...tlvs, ...sum ? [tlv(0x03, new Uint8Array(4))] : []]);
  const length = [body.length >> 8, body.length & 0xff];
  const header = concat(utf8(SIGNATURE), Uint8Array.from([command, family, ...length]), body);
  if (sum) new DataView(header.buffer).setUint32(header.length - 4, crc32c(header));
  return header;
}

/** One type, length and value. */
export function tlv(type: number, value: Uint8Array | string): Uint8Array<ArrayBuffer> {
  const octets = typeof value === "string" ? utf8(value) : value;
  return concat(Uint8Array.of(type, octets.length >> 8, octets.length & 0xff), octets);
}

/** What tells of the client's TLS. */
export function tlsTlv(
  { client = 0x01, verify = 0, parts }: {
    readonly client?: number;
    readonly verify?: number;
    readonly parts: readonly Uint8Array[];
  },
): Uint8Array<ArrayBuffer> {
  return tlv(0x20, concat(Uint8Array.of(client, 0, 0, 0, verify), ...parts));
}

/** TLS 1.3 with a certificate of the client's. */
export const SHOWN_TLS = tlsTlv({
  client: 0x07,
  parts: [tlv(0x21, "TLSv1.3"), tlv(0x23, "TLS_AES_256_GCM_SHA384"), tlv(0x22, "scanner 3")],
});
