/**
 * Writes other addresses into a header section. Everything but the addresses that change keeps its octets.
 *
 * @module
 */

import { concatAll, decodeUtf8, latin1, utf8 } from "../lib/octets.ts";
import { findAddresses, type ListedAddress, parseAddressList } from "./addresses.ts";
import { type HeaderField, splitFields } from "./header.ts";

/** The field in which an address stands. */
export interface FieldPlace {
  /** In lower case. */
  readonly field: string;
}

/** What becomes of `local@domain`, or of a local part alone; `null` leaves it. */
export type AddressMapping = (address: string, place: FieldPlace) => string | null;

/** An address in its two parts, quotes kept. The domain is in no case changed. */
export interface AddressParts {
  readonly local: string;
  readonly domain: string | null;
}

/**
 * Maps the addresses in the fields of these names (in lower case). The octets of a local part or a domain that differs are replaced, with
 * the comments and folds inside it; nothing else is touched. An address that cannot be read stays, those around it are mapped all the same;
 * and an answer that is no address leaves the one that was there. Never throws what `map` does not throw.
 */
export function mapAddresses(
  header: Uint8Array,
  fields: ReadonlySet<string>,
  map: AddressMapping,
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const field of splitFields(header)) {
    const edits = fields.has(field.name) ? editsOf(field, map) : [];
    const base = field.raw.byteOffset - header.byteOffset;
    for (const { start, end, octets } of edits) {
      parts.push(header.subarray(at, base + start), octets);
      at = base + end;
    }
  }
  return concatAll([...parts, header.subarray(at)]);
}

/** Cuts an address at its `@`. */
export function splitAddress(address: string): AddressParts {
  const at = address.endsWith('"') ? -1 : address.lastIndexOf("@");
  return at < 0 ? { local: address, domain: null } : { local: address.slice(0, at), domain: address.slice(at + 1) };
}

interface Edit {
  /** In the field. */
  readonly start: number;
  readonly end: number;
  readonly octets: Uint8Array;
}

function editsOf({ name, raw }: HeaderField, map: AddressMapping): readonly Edit[] {
  const text = latin1(raw);
  const body = text.indexOf(":") + 1;
  return findAddresses(text.slice(body)).flatMap((listed) => {
    // Positions are those of octets; what the address says may be UTF-8.
    const octets = Uint8Array.from(listed.address, (octet) => octet.charCodeAt(0));
    const before = decodeUtf8(octets) ?? listed.address;
    const after = map(before, { field: name });
    if (after === null || after === before || !isAddress(after)) return [];
    return changes(listed, splitAddress(before), splitAddress(after))
      .map(({ start, end, text }) => ({ start: body + start, end: body + end, octets: utf8(text) }));
  });
}

function isAddress(text: string): boolean {
  const list = parseAddressList(text);
  return list.ok && list.value.length === 1 && list.value[0]?.address === text;
}

function changes(
  { local, domain, end }: ListedAddress,
  before: AddressParts,
  after: AddressParts,
): readonly { readonly start: number; readonly end: number; readonly text: string }[] {
  const whole = after.domain === null ? after.local : `${after.local}@${after.domain}`;
  if (after.domain === null) return [{ start: local.start, end, text: whole }];
  const changed = before.local === after.local ? [] : [{ ...local, text: after.local }];
  if (domain === null) return [...changed, { start: end, end, text: `@${after.domain}` }];
  return before.domain === after.domain ? changed : [...changed, { ...domain, text: after.domain }];
}
