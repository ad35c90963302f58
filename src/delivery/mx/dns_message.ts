/**
 * Messages of the DNS (RFC 1035), as far as the delivery of mail needs them. Pure; whatever is sent to us is read within bounds.
 *
 * The resolvers of the runtime cannot be used: they tell a name that does not exist, a name without such records and a server that is
 * at fault by one and the same error, and only the first of these may make a mail bounce.
 *
 * @module
 */

import { isIP } from "node:net";

/** The types of records that are asked for. */
export type DnsType = "A" | "AAAA" | "MX" | "TXT";

/** One record that is understood. Names are lower-case ASCII without a final dot; the root is the empty string. */
export type DnsRecord =
  | { readonly type: "A" | "AAAA"; readonly owner: string; readonly address: string }
  | { readonly type: "CNAME"; readonly owner: string; readonly target: string }
  | { readonly type: "MX"; readonly owner: string; readonly preference: number; readonly exchange: string }
  | { readonly type: "TXT"; readonly owner: string; readonly text: string };

/** A response to a question of ours. */
export interface DnsResponse {
  /** RFC 1035 section 4.1.1: 0 no error, 2 the server is at fault, 3 the name does not exist. */
  readonly rcode: number;
  /** Cut short: it is to be asked for again over TCP. */
  readonly truncated: boolean;
  readonly answers: readonly DnsRecord[];
}

/** What a response has to belong to. */
export interface DnsQuestion {
  readonly id: number;
  readonly name: string;
  readonly type: DnsType;
}

const TYPE_NUMBERS = { A: 1, AAAA: 28, MX: 15, TXT: 16 } as const satisfies Readonly<Record<DnsType, number>>;
const CNAME = 5;
const INTERNET = 1;
const HEADER_OCTETS = 12;
const NAME_LIMIT_OCTETS = 255;
const LABEL_LIMIT_OCTETS = 63;
const RECORDS_LIMIT = 256;
/** A name in a message of 64 KiB may be compressed, and pointers to pointers are no loop by themselves. */
const POINTERS_LIMIT = 32;
const RECURSION_DESIRED = 0x0100;

/** Writes a question; `null` when the name cannot be asked for. */
export function encodeQuestion({ id, name, type }: DnsQuestion): Uint8Array<ArrayBuffer> | null {
  const labels = name.split(".");
  const octets: number[] = [id >> 8, id & 0xff, RECURSION_DESIRED >> 8, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  for (const label of labels) {
    if (!/^[\x21-\x7e]+$/.test(label) || label.length > LABEL_LIMIT_OCTETS) return null;
    octets.push(label.length, ...[...label].map((character) => character.charCodeAt(0)));
  }
  if (octets.length - HEADER_OCTETS + 1 > NAME_LIMIT_OCTETS) return null;
  octets.push(0, 0, TYPE_NUMBERS[type], 0, INTERNET);
  return new Uint8Array(octets);
}

/** Reads a response; `null` when it is none, is damaged, or belongs to another question. Records that are not understood are left out. */
export function decodeResponse(octets: Uint8Array, question: DnsQuestion): DnsResponse | null {
  if (octets.length < HEADER_OCTETS) return null;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const flags = view.getUint16(2);
  if (view.getUint16(0) !== question.id || (flags & 0xf800) !== 0x8000 || view.getUint16(4) !== 1) return null;
  const asked = readName(octets, HEADER_OCTETS);
  if (asked?.name !== question.name || asked.end + 4 > octets.length) return null;
  if (view.getUint16(asked.end) !== TYPE_NUMBERS[question.type]) return null;
  if (view.getUint16(asked.end + 2) !== INTERNET) return null;
  const truncated = (flags & 0x0200) !== 0;
  const answers = readAnswers(view, { octets, at: asked.end + 4, count: view.getUint16(6) });
  if (answers === null && !truncated) return null;
  return { rcode: flags & 0x0f, truncated, answers: answers ?? [] };
}

/** An address in the one form in which addresses are compared: IPv6 as in RFC 5952, without its zone. */
export function addressForm(address: string): string {
  const bare = address.replace(/%.*$/, "");
  return isIP(bare) === 6 ? new URL(`http://[${bare}]`).hostname.slice(1, -1) : bare;
}

function readAnswers(
  view: DataView,
  { octets, at, count }: { readonly octets: Uint8Array; readonly at: number; readonly count: number },
): readonly DnsRecord[] | null {
  const records: DnsRecord[] = [];
  let next = at;
  for (let read = 0; read < Math.min(count, RECORDS_LIMIT); read++) {
    const owner = readName(octets, next);
    if (owner === null || owner.end + 10 > octets.length) return null;
    const start = owner.end + 10;
    const end = start + view.getUint16(owner.end + 8);
    if (end > octets.length) return null;
    next = end;
    if (owner.name === null || view.getUint16(owner.end + 2) !== INTERNET) continue;
    const record = readRecord(view, { octets, owner: owner.name, type: view.getUint16(owner.end), start, end });
    if (record !== null) records.push(record);
  }
  return records;
}

interface RecordPlace {
  readonly octets: Uint8Array;
  readonly owner: string;
  readonly type: number;
  readonly start: number;
  readonly end: number;
}

function readRecord(view: DataView, { octets, owner, type, start, end }: RecordPlace): DnsRecord | null {
  switch (type) {
    case TYPE_NUMBERS.A:
      if (end - start !== 4) return null;
      return { type: "A", owner, address: octets.subarray(start, end).join(".") };
    case TYPE_NUMBERS.AAAA:
      if (end - start !== 16) return null;
      return { type: "AAAA", owner, address: ipv6Text(view, start) };
    case CNAME: {
      const target = readName(octets, start)?.name ?? null;
      return target === null ? null : { type: "CNAME", owner, target };
    }
    case TYPE_NUMBERS.MX: {
      const exchange = end - start < 3 ? null : readName(octets, start + 2)?.name ?? null;
      return exchange === null ? null : { type: "MX", owner, preference: view.getUint16(start), exchange };
    }
    case TYPE_NUMBERS.TXT:
      return { type: "TXT", owner, text: readStrings(octets.subarray(start, end)) };
    default:
      return null;
  }
}

/** Reads a name and finds its end; `name` is `null` where it is no text that could be asked for. */
function readName(octets: Uint8Array, from: number): { readonly name: string | null; readonly end: number } | null {
  const labels: string[] = [];
  let at = from;
  let end: number | null = null;
  let odd = false;
  let length = 0;
  for (let pointers = 0;;) {
    const size = octets[at];
    if (size === undefined) return null;
    if (size === 0) break;
    if (size >= 0xc0) {
      const low = octets[at + 1];
      if (low === undefined || ++pointers > POINTERS_LIMIT) return null;
      end ??= at + 2;
      at = (size & 0x3f) << 8 | low;
      continue;
    }
    length += size + 1;
    if (size > LABEL_LIMIT_OCTETS || length >= NAME_LIMIT_OCTETS || at + size >= octets.length) return null;
    const label = String.fromCharCode(...octets.subarray(at + 1, at + 1 + size)).toLowerCase();
    // A dot inside a label would make another name of it.
    if (!/^[a-z0-9_-]+$/.test(label)) odd = true;
    labels.push(label);
    at += size + 1;
  }
  return { name: odd ? null : labels.join("."), end: end ?? at + 1 };
}

/** RFC 1035 section 3.3.14: strings with their lengths, which belong together here. */
function readStrings(octets: Uint8Array): string {
  let text = "";
  for (let at = 0; at < octets.length; at += 1 + (octets[at] ?? 0)) {
    text += String.fromCharCode(...octets.subarray(at + 1, at + 1 + (octets[at] ?? 0)));
  }
  return text;
}

function ipv6Text(view: DataView, start: number): string {
  return addressForm(Array.from({ length: 8 }, (_, at) => view.getUint16(start + 2 * at).toString(16)).join(":"));
}
