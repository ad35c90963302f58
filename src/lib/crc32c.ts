/**
 * CRC-32C (Castagnoli), as iSCSI and version 2 of the PROXY protocol use it (RFC 3720 section 12.1).
 *
 * @module
 */

const POLYNOMIAL = 0x82f63b78;
const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  return value;
});

/** The sum of these octets, from 0 to 2^32 - 1. */
export function crc32c(octets: Uint8Array): number {
  let sum = 0xffffffff;
  for (const octet of octets) sum = (sum >>> 8) ^ (TABLE[(sum ^ octet) & 0xff] ?? 0);
  return (sum ^ 0xffffffff) >>> 0;
}
