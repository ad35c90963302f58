/**
 * The header that a proxy sends before what its client sends: the PROXY protocol, version 1 (a line of text) and version 2 (binary), as
 * HAProxy's document "The PROXY protocol" has them.
 *
 * @module
 */

import { isIP } from "node:net";
import { latin1 } from "./octets.ts";
import { canonicalAddress } from "./network.ts";
import { type ClientTls, readTlvs } from "./proxy_tlvs.ts";

/** The longest header of version 1, with its CRLF. */
export const TEXT_LIMIT_OCTETS = 107;
/** The longest header of version 2 that is taken; the format itself would go up to 65,551. */
export const BINARY_LIMIT_OCTETS = 4_096;

/** For whom a connection was made. */
export type ProxyHeader =
  /** `tls`: the client had TLS, which ended at the proxy. */
  | { readonly kind: "client"; readonly address: string; readonly tls: ClientTls | null }
  /** By the proxy itself, to see whether we are there. */
  | { readonly kind: "health" }
  /** For a client without an address that could be judged. */
  | { readonly kind: "nobody"; readonly family: "UNSPEC" | "UNIX" };

/** What the first octets of a connection are. */
export type ReadHeader =
  | { readonly kind: "more" }
  /** `octets`: how many of them are the header; what follows is the client's. */
  | { readonly kind: "header"; readonly header: ProxyHeader; readonly octets: number }
  | { readonly kind: "bad"; readonly why: string };

const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);
const WORD = Uint8Array.of(0x50, 0x52, 0x4f, 0x58, 0x59, 0x20);
const FRAME_OCTETS = SIGNATURE.length + 4;

const LOCAL = 0x20;
const PROXY = 0x21;
/** Of TCP: what a block of addresses holds before the TLVs, by address family and transport protocol. */
const ADDRESS_OCTETS: ReadonlyMap<number, number> = new Map([[0x00, 0], [0x11, 12], [0x21, 36], [0x31, 216]]);
const MORE = { kind: "more" } as const;

/**
 * Looks at all octets that have come so far, from the first on. `more`: they may become a header; what is `bad` stays so whatever follows.
 * Asks for no more than the limits.
 */
export function readProxyHeader(octets: Uint8Array): ReadHeader {
  if (beginsAlike(octets, SIGNATURE)) return octets.length < FRAME_OCTETS ? MORE : readBinary(octets);
  if (beginsAlike(octets, WORD)) return octets.length < WORD.length ? MORE : readText(octets);
  return bad("it begins otherwise");
}

/** Whether one begins with the other, as far as they go. */
function beginsAlike(octets: Uint8Array, wanted: Uint8Array): boolean {
  return wanted.every((octet, at) => at >= octets.length || octets[at] === octet);
}

function bad(why: string): ReadHeader {
  return { kind: "bad", why };
}

function readText(octets: Uint8Array): ReadHeader {
  const line = octets.subarray(0, TEXT_LIMIT_OCTETS);
  const end = line.indexOf(0x0a);
  if (end < 0) return line.length < TEXT_LIMIT_OCTETS ? MORE : bad(`it is longer than ${TEXT_LIMIT_OCTETS} octets`);
  if (line[end - 1] !== 0x0d) return bad("its line does not end in CRLF");
  const text = latin1(line.subarray(WORD.length, end - 1));
  const header = readWords(text);
  return header === null ? bad("its line is malformed") : { kind: "header", header, octets: end + 1 };
}

/** What stands behind `PROXY `. Of UNKNOWN the rest of the line means nothing. */
function readWords(text: string): ProxyHeader | null {
  if (text === "UNKNOWN" || text.startsWith("UNKNOWN ")) return { kind: "health" };
  const [family, source = "", destination = "", ...ports] = text.split(" ");
  const version = family === "TCP4" ? 4 : family === "TCP6" ? 6 : null;
  if (version === null || ports.length !== 2 || !ports.every(isPort)) return null;
  for (const address of [source, destination]) {
    if (isIP(address) !== version || address.includes("%")) return null;
  }
  return { kind: "client", address: version === 4 ? source : shortest(source), tls: null };
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

function readBinary(octets: Uint8Array): ReadHeader {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const [command, family] = [view.getUint8(12), view.getUint8(13)];
  const length = FRAME_OCTETS + view.getUint16(14);
  if (command !== LOCAL && command !== PROXY) return bad("its version or its command is unknown");
  if (length > BINARY_LIMIT_OCTETS) return bad(`it is longer than ${BINARY_LIMIT_OCTETS} octets`);
  const addresses = ADDRESS_OCTETS.get(family);
  if (command === PROXY) {
    if (addresses === undefined) return bad("its address family or its protocol is not for TCP");
    if (length < FRAME_OCTETS + addresses) return bad("its addresses are cut short");
  }
  if (octets.length < length) return MORE;
  const whole = octets.subarray(0, length);
  // All of the rest is to be ignored then, the family included.
  if (command === LOCAL || addresses === undefined) {
    return { kind: "header", header: { kind: "health" }, octets: length };
  }
  const tlvs = readTlvs(whole, FRAME_OCTETS + addresses);
  if (!tlvs.ok) return bad(tlvs.problem);
  const block = whole.subarray(FRAME_OCTETS, FRAME_OCTETS + addresses);
  return { kind: "header", header: clientOf(family, block, tlvs.value), octets: length };
}

function clientOf(family: number, block: Uint8Array, tls: ClientTls | null): ProxyHeader {
  switch (family) {
    case 0x11:
      return { kind: "client", address: block.subarray(0, 4).join("."), tls };
    case 0x21:
      return { kind: "client", address: ipv6(block.subarray(0, 16)), tls };
    case 0x31:
      return { kind: "nobody", family: "UNIX" };
    default:
      return { kind: "nobody", family: "UNSPEC" };
  }
}

function ipv6(octets: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, at) => (octets[2 * at] ?? 0) * 256 + (octets[2 * at + 1] ?? 0));
  return shortest(groups.map((group) => group.toString(16)).join(":"));
}

/** The one form of an IPv6 address (RFC 5952), as the system writes it; a mapped IPv4 address as that. */
function shortest(address: string): string {
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short);
  if (mapped === null) return canonicalAddress(short);
  return mapped.slice(1).map((group) => parseInt(group, 16)).flatMap((group) => [group >> 8, group & 0xff]).join(".");
}
