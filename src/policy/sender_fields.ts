/**
 * The sender rule in the header section: From, Sender and the Resent fields that say who sends.
 *
 * @module
 */

import { findAddresses, parseAddressList } from "../message/addresses.ts";
import { fieldText, type HeaderField, splitFields } from "../message/header.ts";
import { mapAddresses } from "../message/map_addresses.ts";
import { concatAll, decodeUtf8, utf8 } from "../lib/octets.ts";
import type { OwnAddresses } from "./sender.ts";
import { hasStrayAddress } from "./stray_address.ts";

/** What the fields say of the sender. */
export type SenderFieldsFinding =
  | { readonly kind: "own" }
  /** `field` as it is written in RFCs. */
  | { readonly kind: "foreign"; readonly field: string; readonly address: string }
  /** A field that cannot be read, or stands twice: mail clients would not agree on what it says. */
  | { readonly kind: "unclear"; readonly field: string; readonly why: string };

const NAMES: ReadonlyMap<string, string> = new Map([
  ["from", "From"],
  ["sender", "Sender"],
  ["resent-from", "Resent-From"],
  ["resent-sender", "Resent-Sender"],
]);
const FIELDS: ReadonlySet<string> = new Set(NAMES.keys());
/** These may stand more than once: a block for each time that the mail was sent on (RFC 5322 section 3.6.6). */
const REPEATED: ReadonlySet<string> = new Set(["resent-from", "resent-sender"]);

/**
 * Judges a header section. Each address in these fields has to be one of the account's; of several in From it is enough that Sender is
 * there and is. A mail without From is judged by the others.
 */
export function judgeSenderFields(header: Uint8Array, own: OwnAddresses): SenderFieldsFinding {
  const fields = splitFields(header).filter(({ name }) => FIELDS.has(name));
  const found = new Map<string, string[]>();
  let stray: string | null = null;
  for (const field of fields) {
    const name = NAMES.get(field.name) ?? field.name;
    if (found.has(field.name) && !REPEATED.has(field.name)) {
      return { kind: "unclear", field: name, why: "it stands twice" };
    }
    const text = fieldText(field);
    const list = parseAddressList(text);
    if (!list.ok) return { kind: "unclear", field: name, why: "its addresses cannot be read" };
    if (hasStrayAddress(text, { listed: list.value, isOctets: decodeUtf8(field.raw) === null })) stray ??= name;
    found.getOrInsertComputed(field.name, () => []).push(...list.value.map(({ address }) => address));
  }
  const [from = [], sender = []] = [found.get("from"), found.get("sender")];
  if (from.length === 0 && found.has("from") && sender.length === 0) {
    return { kind: "unclear", field: "From", why: "it has no address, and Sender neither" };
  }
  // One address that stands twice is one author.
  const authors = new Set(from.map((address) => address.toLowerCase()));
  const excused = authors.size > 1 && sender.length === 1 && sender.every((address) => own.allows(address));
  for (const [name, addresses] of found) {
    if (name === "from" && excused) continue;
    const address = addresses.find((each) => !own.allows(each));
    if (address !== undefined) return { kind: "foreign", field: NAMES.get(name) ?? name, address };
  }
  if (stray !== null) return { kind: "unclear", field: stray, why: "an address stands where only a name may" };
  return { kind: "own" };
}

/** Every address that stands in these fields, as far as they can be read. */
export function senderFieldAddresses(header: Uint8Array): readonly string[] {
  return splitFields(header).filter(({ name }) => FIELDS.has(name))
    .flatMap((field) => findAddresses(fieldText(field)).map(({ address }) => address));
}

/** Writes the account's primary address where another stands. What is unclear is written anew, as one From field. */
export function rewriteSenderFields(header: Uint8Array, own: OwnAddresses): Uint8Array<ArrayBuffer> {
  const mapped = mapAddresses(header, FIELDS, (address) => own.allows(address) ? null : own.primary);
  if (judgeSenderFields(mapped, own).kind === "own") return mapped;
  const author = utf8(`From: ${own.primary}\r\n`);
  const fields: readonly HeaderField[] = splitFields(mapped);
  const first = fields.findIndex(({ name }) => name === "from");
  const kept = fields.map(({ name, raw }, at) => at === first ? author : FIELDS.has(name) ? new Uint8Array(0) : raw);
  return concatAll(first < 0 ? [author, ...kept] : kept);
}
