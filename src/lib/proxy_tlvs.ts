/**
 * What follows the addresses in a PROXY header of version 2: types, lengths and values.
 *
 * @module
 */

import { crc32c } from "./crc32c.ts";
import { decodeUtf8, latin1 } from "./octets.ts";
import { fail, type Result, succeed } from "./result.ts";
import { printable } from "./text.ts";

/** The TLS between a client and its proxy, as far as the proxy tells. */
export interface ClientTls {
  /** Such as `TLSv1.3`; `TLS` where the proxy does not say. */
  readonly version: string;
  /** Empty where the proxy does not say. */
  readonly cipher: string;
  /** The common name of the client's certificate, if it showed one that the proxy found good. */
  readonly commonName: string | null;
}

const CRC32C = 0x03;
const SSL = 0x20;
const SSL_VERSION = 0x21;
const SSL_COMMON_NAME = 0x22;
const SSL_CIPHER = 0x23;

const CLIENT_SSL = 0x01;
/** The client showed a certificate, in this connection or in the session that it resumes. */
const CLIENT_CERTIFICATE = 0x02 | 0x04;

/** Names of versions and ciphers: they go into the log and into Received. */
const NAME_REGEXP = /^[A-Za-z0-9._-]{1,64}$/;
const COMMON_NAME_LIMIT = 64;

interface Tlv {
  readonly type: number;
  /** Of the value. */
  readonly at: number;
  readonly value: Uint8Array;
}

/** Reads the TLVs of a whole header from `start` on. A checksum that is there must be right. Types that mean nothing here are passed over. */
export function readTlvs(header: Uint8Array, start: number): Result<ClientTls | null, string> {
  const tlvs = split(header, start);
  if (tlvs === null) return fail("its TLVs are cut short");
  let tls: ClientTls | null = null;
  for (const { type, at, value } of tlvs) {
    if (type === CRC32C && !isSumRight(header, at, value)) return fail("its checksum is wrong");
    if (type !== SSL) continue;
    const read = readSsl(value);
    if (!read.ok) return read;
    tls = read.value;
  }
  return succeed(tls);
}

function split(octets: Uint8Array, start: number): readonly Tlv[] | null {
  const tlvs: Tlv[] = [];
  for (let at = start; at < octets.length;) {
    const [type, high, low] = octets.subarray(at, at + 3);
    if (type === undefined || high === undefined || low === undefined) return null;
    const end = at + 3 + high * 256 + low;
    if (end > octets.length) return null;
    tlvs.push({ type, at: at + 3, value: octets.subarray(at + 3, end) });
    at = end;
  }
  return tlvs;
}

/** The sum is over the header with four zeros in its place. */
function isSumRight(header: Uint8Array, at: number, value: Uint8Array): boolean {
  if (value.length !== 4) return false;
  const zeroed = header.slice();
  zeroed.fill(0, at, at + 4);
  return new DataView(header.buffer, header.byteOffset + at, 4).getUint32(0) === crc32c(zeroed);
}

function readSsl(value: Uint8Array): Result<ClientTls | null, string> {
  const [client, ...verify] = value.subarray(0, 5);
  const parts = split(value, 5);
  if (client === undefined || verify.length < 4 || parts === null) return fail("its TLV of TLS is cut short");
  if ((client & CLIENT_SSL) === 0) return succeed(null);
  const named = (type: number) => {
    const part = parts.find((one) => one.type === type);
    return part === undefined ? "" : latin1(part.value);
  };
  const checked = (name: string, otherwise: string) => NAME_REGEXP.test(name) ? name : otherwise;
  // 0: a certificate was shown and is good.
  const isVerified = (client & CLIENT_CERTIFICATE) !== 0 && verify.every((octet) => octet === 0);
  const commonName = parts.find(({ type }) => type === SSL_COMMON_NAME);
  return succeed({
    version: checked(named(SSL_VERSION), "TLS"),
    cipher: checked(named(SSL_CIPHER), ""),
    commonName: isVerified && commonName !== undefined ? readName(commonName.value) : null,
  });
}

function readName(octets: Uint8Array): string | null {
  const name = decodeUtf8(octets);
  return name === null || name === "" ? null : printable(name, COMMON_NAME_LIMIT);
}
