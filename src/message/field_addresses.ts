/**
 * The addresses in the header section of a message that a program on this machine hands over: whom it goes to, who it says it is from.
 *
 * @module
 */

import { utf8 } from "../lib/octets.ts";
import { type Result, succeed } from "../lib/result.ts";
import { parseAddressList } from "./addresses.ts";
import { fieldText, splitFields } from "./header.ts";
import { mapAddresses, splitAddress } from "./map_addresses.ts";

const RECIPIENTS: ReadonlySet<string> = new Set(["to", "cc", "bcc"]);
const RESENT_RECIPIENTS: ReadonlySet<string> = new Set(["resent-to", "resent-cc", "resent-bcc"]);
const ADDRESSES: ReadonlySet<string> = new Set([
  ...["from", "sender", "reply-to", "to", "cc", "bcc"],
  ...["resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc"],
]);

/**
 * The recipients that To, Cc and Bcc name, each once, in order; of a mail that is sent on those of the Resent fields alone. The problem is
 * the address that could not be read.
 */
export function recipientsOf(header: Uint8Array): Result<readonly string[], string> {
  const fields = splitFields(header);
  const resent = fields.some(({ name }) => RESENT_RECIPIENTS.has(name));
  const found = new Set<string>();
  for (const field of fields) {
    if (!(resent ? RESENT_RECIPIENTS : RECIPIENTS).has(field.name)) continue;
    const list = parseAddressList(fieldText(field));
    if (!list.ok) return list;
    for (const { address } of list.value) found.add(address);
  }
  return succeed([...found]);
}

/** The addresses in From; none where there is no such field, or it cannot be read. */
export function authorsOf(header: Uint8Array): readonly string[] {
  return splitFields(header).filter(({ name }) => name === "from").flatMap((field) => {
    const list = parseAddressList(fieldText(field));
    return list.ok ? list.value.map(({ address }) => address) : [];
  });
}

/** Completes bare local parts (`To: root`) by a domain; everything else keeps its octets, an address that cannot be read too. */
export function qualifyAddresses(header: Uint8Array, domain: string): Uint8Array<ArrayBuffer> {
  return mapAddresses(
    header,
    ADDRESSES,
    (address) => splitAddress(address).domain === null ? `${address}@${domain}` : null,
  );
}

/** Writes a mailbox with a name in front, in any characters (RFC 2047). */
export function formatAuthor(name: string | null, address: string): string {
  if (name === null || name.trim() === "") return address;
  return `${formatPhrase(name.trim())} <${address}>`;
}

// RFC 2047 section 2: an encoded word has 75 characters at most, of which 12 are its frame; base64 makes four of three octets.
const WORD_OCTETS = 45;

function formatPhrase(name: string): string {
  if (/^[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]+$/.test(name)) return name;
  if (/^[\x20-\x7e]+$/.test(name)) return `"${name.replace(/["\\]/g, "\\$&")}"`;
  const words: string[] = [];
  let word = "";
  for (const character of name) {
    if (utf8(word + character).length > WORD_OCTETS) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  return [...words, word].map((each) => `=?utf-8?B?${utf8(each).toBase64()}?=`).join("\r\n ");
}
