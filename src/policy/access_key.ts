/**
 * The left-hand sides of sendmail's access map.
 *
 * @module
 */

import { isIP } from "node:net";
import { addressPrefix, type Prefix, prefixOf, shorten } from "../lib/address_bits.ts";
import { toAscii } from "../lib/domain.ts";
import { isNetwork } from "../lib/network.ts";
import { fail, type Result, succeed } from "../lib/result.ts";

/** What a line is about: who connects, who sends, who receives; without a tag (`any`) all three. */
export type AccessTag = "connect" | "from" | "to" | "any";

/** The left-hand side of a line. */
export type AccessKey =
  /** As it is looked up, in lower case: `user@host`, `user@`, `domain` or `[literal]`. */
  | { readonly kind: "name"; readonly tag: AccessTag; readonly name: string; readonly isUser: boolean }
  | { readonly kind: "network"; readonly tag: AccessTag; readonly prefix: Prefix };

/** Why there is none: a mistake of the file, or a tag that sendmail has and this server has not. */
export interface KeyProblem {
  readonly kind: "mistake" | "foreign";
  readonly text: string;
}

const TAGS: ReadonlyMap<string, AccessTag> = new Map([["connect", "connect"], ["from", "from"], ["to", "to"]]);
const FOREIGN_TAGS: ReadonlySet<string> = new Set([
  ...["spam", "srv_features", "clt_features", "try_tls", "tls_srv", "tls_clt", "tls_rcpt", "tls_srv_features"],
  ...[
    "tls_clt_features",
    "authinfo",
    "clientrate",
    "clientconn",
    "greetpause",
    "certissuer",
    "certsubject",
    "quarantine",
  ],
]);

/** Reads a left-hand side. */
export function parseKey(written: string): Result<AccessKey, KeyProblem> {
  const [before = "", ...behind] = written.split(":");
  const word = before.toLowerCase();
  if (behind.length > 0 && FOREIGN_TAGS.has(word)) {
    return fail({ kind: "foreign", text: `the tag ${before}: is not carried over` });
  }
  const tag = behind.length === 0 ? null : TAGS.get(word) ?? null;
  const key = tag === null ? written : behind.join(":");
  if (key === "") return mistake(`${before}: has nothing behind it`);
  return parseBare(key, tag ?? "any");
}

function parseBare(key: string, tag: AccessTag): Result<AccessKey, KeyProblem> {
  if (key.includes("@")) return parseUser(key, tag);
  const prefix = readNetwork(key);
  if (prefix !== null) {
    if (tag === "connect" || tag === "any") return succeed({ kind: "network", tag, prefix });
    return mistake("an address or a network connects: use Connect:, or no tag");
  }
  const name = readDomain(key);
  return name === null ? mistake(whatInstead(key)) : succeed({ kind: "name", tag, name, isUser: false });
}

function parseUser(key: string, tag: AccessTag): Result<AccessKey, KeyProblem> {
  if (tag === "connect") return mistake("a client that connects has no address of mail: use From: or To:");
  const at = key.lastIndexOf("@");
  const local = key.slice(0, at).normalize("NFC").toLowerCase();
  if (local === "") return mistake(`@${key.slice(at + 1)} fits nothing: a whole domain is written without the @`);
  const domain = key.slice(at + 1);
  const name = domain === "" ? "" : readDomain(domain);
  if (name === null) return mistake(whatInstead(domain));
  return succeed({ kind: "name", tag, name: `${local}@${name}`, isUser: true });
}

/** A domain, or a literal in brackets: the whole of it, or the octets or groups that it begins with. */
function readDomain(text: string): string | null {
  if (/^\[[\w.:]+\]$/.test(text)) return text.toLowerCase();
  // Four numbers would be an address, and a name of numbers alone is none.
  return /(?:^|\.)\d+$/.test(text) ? null : toAscii(text);
}

/** A network: whole octets of IPv4, whole groups of IPv6, or CIDR (ours; sendmail has none). */
export function readNetwork(text: string): Prefix | null {
  const marked = /^ipv6:/i.test(text);
  const bare = marked ? text.slice(5) : text;
  if (isNetwork(bare)) {
    const [address = "", bits] = bare.split("/");
    if (marked && isIP(address) !== 6) return null;
    // IPv6:2001:db8:: is meant as the network that it begins, as without the last colons.
    if (marked && bits === undefined && address.endsWith("::")) return readGroups(address.slice(0, -2));
    return readCidr(address, bits);
  }
  if (marked) return readGroups(bare);
  const octets = bare.split(".");
  if (octets.length > 4 || !octets.every((octet) => /^\d{1,3}$/.test(octet) && Number(octet) <= 255)) return null;
  return prefixOf(4, octets.map(Number));
}

/** A prefix as a network in CIDR form. */
export function formatPrefix({ family, bits, value }: Prefix): string {
  const [width, size, radix] = family === 4 ? [8, 32, 10] as const : [16, 128, 16] as const;
  const whole = value << BigInt(size - bits);
  const part = (at: number) =>
    ((whole >> BigInt(size - width * (at + 1))) & ((1n << BigInt(width)) - 1n)).toString(radix);
  const parts = Array.from({ length: size / width }, (_, at) => part(at));
  return `${parts.join(family === 4 ? "." : ":")}/${bits}`;
}

function readCidr(address: string, bits: string | undefined): Prefix | null {
  const whole = addressPrefix(address);
  if (whole === null || bits === undefined) return whole;
  // An IPv4-mapped network in IPv6 form counts its bits from the front of the longer address.
  const length = isIP(address) === 6 && whole.family === 4 ? Number(bits) - 96 : Number(bits);
  return length < 0 ? null : shorten(whole, length);
}

function readGroups(text: string): Prefix | null {
  const groups = text.split(":");
  if (groups.length > 8 || !groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return prefixOf(6, groups.map((group) => parseInt(group, 16)));
}

function whatInstead(text: string): string {
  if (text.startsWith(".") && toAscii(text.slice(1)) !== null) {
    return `${text} fits nothing: ${text.slice(1)} holds for its subdomains too`;
  }
  if (/^[\d.]+\.$/.test(text)) return `${text} fits nothing: a network has no dot at its end`;
  if (/^[0-9a-f]{1,4}:[0-9a-f:]*$/i.test(text)) return `an IPv6 network is written IPv6:${text}`;
  return `${JSON.stringify(text)} is no address, no network and no domain`;
}

function mistake(text: string): Result<never, KeyProblem> {
  return fail({ kind: "mistake", text });
}
