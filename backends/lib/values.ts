/**
 * Values that the sections of several backends have, in the manner of the rest of the file.
 *
 * @module
 */

import { isIP } from "node:net";
import { z } from "zod";
import type { UserName } from "../../src/backend.ts";
import type { BackendHost } from "../../src/backend_module.ts";
import { toAscii } from "../../src/lib/domain.ts";
import { asciiLower, hasControl } from "../../src/lib/text.ts";

/** A host and a port. */
export interface HostPort {
  /** A domain name in the form in which names are compared, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}

const UNITS_MS: ReadonlyMap<string, number> = new Map([["ms", 1], ["s", 1000], ["min", 60_000], ["h", 3_600_000]]);
/** The longest that a timer of the runtime can wait; a longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** A duration such as `"3s"`, or a number of seconds; the value is in milliseconds, above zero. */
export const duration: z.ZodType<number, string | number> = z.union([z.string(), z.int()], {
  error: expected('a duration such as "500ms", "3s" or "5min"'),
}).transform((given, context) => {
  const ms = durationOf(given);
  if (ms !== null) return ms;
  context.addIssue({ code: "custom", message: expected('a duration such as "500ms", "3s" or "5min"') });
  return z.NEVER;
});

/** The path of a file or socket; not empty, without control characters. */
export const path: z.ZodType<string, string> = z.string({ error: expected("a path") })
  .refine((text) => text !== "" && !hasControl(text), { error: expected("a path") });

/** `host`, `host:port` or `[IPv6]:port`; a port that is not given is this one. */
export function hostPort(defaultPort: number): z.ZodType<HostPort, string> {
  const error = expected(`a host and perhaps a port such as "auth.example.net" or "192.0.2.1:${defaultPort}"`);
  return z.string({ error }).transform((text, context) => {
    const value = hostPortOf(text, defaultPort);
    if (value !== null) return value;
    context.addIssue({ code: "custom", message: error });
    return z.NEVER;
  });
}

/** How a server is told the name: with the realm or without it. */
export const nameForm: z.ZodEnum<{ "{user}": "{user}"; "{user}@{realm}": "{user}@{realm}" }> = z.enum(
  ["{user}", "{user}@{realm}"],
  { error: expected('"{user}" or "{user}@{realm}"') },
);

/** The name in that form. */
export function writeName(form: z.output<typeof nameForm>, { local, realm }: UserName): string {
  return form === "{user}" ? local : `${local}@${realm}`;
}

/** The realm in which the accounts are; `*`: in each. */
export const accountRealm: z.ZodOptional<z.ZodType<string, string>> = z.string({ error: expected('a realm or "*"') })
  .refine((text) => text !== "" && !hasControl(text), { error: expected('a realm or "*"') })
  .transform(asciiLower)
  .optional();

/**
 * Whether someone of this realm can have an account there. Without a setting: of each realm that the section is asked for; where it has no
 * `realms` and the server is not told the realm, of the default one, since it would take `shin` of any realm for the same person, and
 * each realm would give the guesses another name to count.
 */
export function servesRealm(
  { realm, userName }: { readonly realm?: string | undefined; readonly userName: z.output<typeof nameForm> },
  { defaultRealm, realms = [] }: Pick<BackendHost, "defaultRealm" | "realms">,
): (user: UserName) => boolean {
  const served = realm ?? (userName === "{user}" && realms.length === 0 ? defaultRealm : "*");
  return (user) => served === "*" || user.realm === served;
}

function expected(what: string): string {
  return `expected ${what}`;
}

function durationOf(given: string | number): number | null {
  const match = /^(\d{1,9}) ?([a-z]+)$/.exec(typeof given === "number" ? `${given}s` : given);
  const ms = Number(match?.[1]) * (UNITS_MS.get(match?.[2] ?? "") ?? NaN);
  return ms > 0 && ms <= LONGEST_MS ? ms : null;
}

function hostPortOf(text: string, defaultPort: number): HostPort | null {
  if (isIP(text) === 6) return { host: text.toLowerCase(), port: defaultPort };
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return null;
  const [, bracketed, plain = "", digits] = match;
  const port = digits === undefined ? defaultPort : Number(digits);
  if (port === 0 || port > 65_535) return null;
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? { host: bracketed.toLowerCase(), port } : null;
  if (isIP(plain) === 4) return { host: plain, port };
  const host = toAscii(plain);
  // A name that ends in a number would be taken for a damaged IPv4 address by resolvers (RFC 1123 section 2.1).
  return host === null || /(?:^|\.)\d+$/.test(host) ? null : { host, port };
}
