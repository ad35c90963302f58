/**
 * Values of the file that are more than a string: durations, sizes, addresses, domains, names.
 * The error of each says what was expected; what was found is added by `mistakes.ts`.
 *
 * @module
 */

import { isIP } from "node:net";
import { z } from "zod";
import { toAscii } from "../lib/domain.ts";
import { isNetwork } from "../lib/network.ts";
import { hasControl } from "../lib/text.ts";

/** A host and a port, as `host:port` or `[IPv6]:port`. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const SECOND_MS = 1000;
const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", SECOND_MS],
  ["min", 60 * SECOND_MS],
  ["h", 3600 * SECOND_MS],
  ["d", 86_400 * SECOND_MS],
]);
const UNITS_OCTETS: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["B", 1],
  ["kB", 1000],
  ["KiB", 1024],
  ["MB", 1000 ** 2],
  ["MiB", 1024 ** 2],
  ["GB", 1000 ** 3],
  ["GiB", 1024 ** 3],
]);
/** The longest that a timer of the runtime can wait; a longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** A string that `read` understands; `expected` is the whole message where it does not. */
function textOf<Output>(expected: string, read: (text: string) => Output | null) {
  return z.string({ error: expected }).transform((text, context): Output => {
    const value = read(text);
    if (value !== null) return value;
    context.addIssue({ code: "custom", message: expected });
    return z.NEVER;
  });
}

/** A string or an integer that `read` understands. */
function quantityOf(expected: string, read: (value: string | number) => number | null) {
  return z.union([z.string(), z.int()], { error: expected }).transform((given, context): number => {
    const value = read(given);
    if (value !== null && Number.isSafeInteger(value)) return value;
    context.addIssue({ code: "custom", message: expected });
    return z.NEVER;
  });
}

/** A duration in milliseconds, above zero and at most 24 days. */
export const duration = quantityOf('expected a duration such as "10s", "5min", "4h" or "2d"', (value) => {
  const ms = typeof value === "number" ? value * SECOND_MS : scaled(value, UNITS_MS);
  return ms !== null && ms > 0 && ms <= LONGEST_MS ? ms : null;
});

/** A size in octets, above zero. */
export const size = quantityOf('expected a size such as "50MiB" or a number of octets', (value) => {
  const octets = typeof value === "number" ? value : scaled(value, UNITS_OCTETS);
  return octets !== null && octets > 0 ? octets : null;
});

/** An address to listen on; port 0 lets the system choose. */
export const listenAddress = textOf('expected an address and a port such as "[::]:587" or "127.0.0.1:25"', (text) => {
  const address = hostPort(text);
  return address === null || isIP(address.host) === 0 ? null : address;
});

/** An address to connect to. */
export const connectAddress = textOf('expected a host and a port such as "smtp.example.net:587"', (text) => {
  const address = hostPort(text);
  return address === null || address.port === 0 ? null : address;
});

/** A domain or host name, in the form in which they are compared. */
export const domain = textOf('expected a domain name such as "foobar.co.jp"', toAscii);

/** An address or a network. */
export const network = textOf(
  'expected an address or a network such as "192.0.2.0/24"',
  (text) => isNetwork(text) ? text : null,
);

/** The path of a file or folder. */
export const path = textOf("expected a path", (text) => text === "" || hasControl(text) ? null : text);

/** The name of a listener or backend: it stands in log lines and Received fields. */
export const name = textOf(
  'expected a name of letters, digits, ".", "-" and "_"',
  (text) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text) ? text : null,
);

/** An account, with or without its realm. */
export const account = textOf('expected an account such as "shin@baz.co.jp"', (text) => {
  const at = text.lastIndexOf("@");
  if (text === "" || at === 0 || hasControl(text)) return null;
  if (at === -1) return text;
  const realm = toAscii(text.slice(at + 1));
  return realm === null ? null : `${text.slice(0, at)}@${realm}`;
});

/** Yes or no. */
export const flag = z.boolean({ error: "expected true or false" });

/** A count between two bounds. */
export function count(least: number, most: number): z.ZodInt {
  const error = `expected a number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

/** One of a few words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(
  words: Words,
): z.ZodEnum<z.core.util.ToEnum<Words[number]>> {
  return z.enum(words, { error: `expected one of ${words.map((word) => JSON.stringify(word)).join(", ")}` });
}

/** A list. */
export function list<Item extends z.ZodType>(item: Item): z.ZodArray<Item> {
  return z.array(item, { error: "expected a list" });
}

/** A table with these keys and no others. */
export function table<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, { error: "expected a table" });
}

/** Splits `host:port` and `[IPv6]:port`. */
export function hostPort(text: string): HostPort | null {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const [, bracketed, plain = "", digits] = match;
  const port = Number(digits);
  if (port > 65_535) return null;
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? { host: bracketed.toLowerCase(), port } : null;
  if (isIP(plain) === 4) return { host: plain, port };
  const host = toAscii(plain);
  // A name that ends in a number would be taken for a damaged IPv4 address by resolvers (RFC 1123 section 2.1).
  return host === null || /(?:^|\.)\d+$/.test(host) ? null : { host, port };
}

function scaled(text: string, units: ReadonlyMap<string, number>): number | null {
  const match = /^(\d{1,15}) ?([A-Za-z]*)$/.exec(text);
  const unit = units.get(match?.[2] ?? "?");
  return match === null || unit === undefined ? null : Number(match[1]) * unit;
}
