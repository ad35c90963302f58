/**
 * The keys of a section of type `ldap`.
 *
 * @module
 */

import { isIP } from "node:net";
import { z } from "zod";
import type { VerifierScheme } from "../src/backend.ts";
import { toAscii } from "../src/lib/domain.ts";
import { isLoopback } from "../src/lib/network.ts";
import { hasControl } from "../src/lib/text.ts";
import { duration, path } from "./lib/values.ts";
import { isDnTemplate, NAME_PLACEHOLDERS, placeholdersOf } from "./ldap_text.ts";

/** One server. */
export interface LdapServer {
  /** As the configuration has it, for messages. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** TLS from the first octet: `ldaps`. */
  readonly implicitTls: boolean;
}

const PORTS: ReadonlyMap<string, number> = new Map([["ldap:", 389], ["ldaps:", 636]]);

const SCHEMES = ["cram-md5", "scram-sha-1", "scram-sha-256"] as const satisfies readonly VerifierScheme[];

const server = textOf('expected a server such as "ldaps://ldap.example.org"', parseServer);
const line = textOf("expected a text on one line", (text) => text === "" || hasControl(text) ? null : text);
const attribute = textOf(
  'expected the name of an attribute such as "mail"',
  (text) => /^[A-Za-z][A-Za-z0-9-]*$/.test(text) ? text : null,
);
const flag = z.boolean({ error: "expected true or false" });
const template = templateOf(NAME_PLACEHOLDERS);
const listOf = <Item extends z.ZodType>(item: Item) => z.array(item, { error: "expected a list" });

/** The keys; a mistake that lies in two of them together is told at one of them. */
export const LDAP_OPTIONS = z.strictObject({
  /** One server, or several of which the first that works is asked. */
  url: z.union([server.transform((one) => [one]), listOf(server).min(1, { error: "expected at least one server" })], {
    error: 'expected a server such as "ldaps://ldap.example.org", or a list',
  }),
  startTls: flag.default(false),
  /** Passwords over the network without TLS. */
  cleartext: flag.default(false),
  /** PEM; without it the authorities that the runtime trusts. */
  caFile: path.optional(),
  /** The name to bind with: a DN, or another form such as `{user}@{domain}`. */
  template: template.optional(),
  base: template.optional(),
  filter: template.optional(),
  scope: z.enum(["sub", "one"], { error: 'expected one of "sub", "one"' }).default("sub"),
  /** The service account. */
  bindDn: line.optional(),
  bindPasswordFile: path.optional(),
  /** The DN of a group, or a filter that the account's own entry must match. */
  requireGroup: templateOf([...NAME_PLACEHOLDERS, "dn"]).optional(),
  userAttribute: attribute.optional(),
  addressAttributes: listOf(attribute).default([]),
  nameAttribute: attribute.optional(),
  groupAttribute: attribute.optional(),
  /** For which mechanisms the directory has verifiers of every account. */
  schemes: listOf(z.enum(SCHEMES, { error: `expected one of ${SCHEMES.map((one) => `"${one}"`).join(", ")}` }))
    .default([]),
  verifierAttributes: listOf(attribute).default(["authPassword", "userPassword"]),
  connections: z.int({ error: "expected a number" }).min(1, { error: "expected a number from 1 to 1000" })
    .max(1000, { error: "expected a number from 1 to 1000" }).default(16),
  connectDeadline: duration.default(3000),
  answerDeadline: duration.default(4000),
}).superRefine((options, context) => {
  for (const [key, message] of contradictions(options)) {
    context.addIssue({ code: "custom", path: [key], message, input: options });
  }
});

/** What the section says. */
export type LdapOptions = z.output<typeof LDAP_OPTIONS>;

interface Given {
  readonly url: readonly LdapServer[];
  readonly startTls: boolean;
  readonly cleartext: boolean;
  readonly template?: string | undefined;
  readonly base?: string | undefined;
  readonly filter?: string | undefined;
  readonly bindDn?: string | undefined;
  readonly bindPasswordFile?: string | undefined;
  readonly schemes: readonly string[];
}

function* contradictions(given: Given): Iterable<readonly [keyof Given, string]> {
  const { url, startTls, cleartext, template, base, filter, bindDn, bindPasswordFile, schemes } = given;
  if (startTls && url.some(({ implicitTls }) => implicitTls)) {
    yield ["startTls", "StartTLS is for ldap:// only, a server with ldaps:// has TLS already"];
  }
  const open = startTls || cleartext ? undefined : url.find(({ implicitTls, host }) => !implicitTls && !isLocal(host));
  if (open !== undefined) {
    yield ["url", `${open.url} would get passwords without TLS: use ldaps://, start_tls = true, or cleartext = true`];
  }
  if (template === undefined && filter === undefined) {
    yield ["template", "one of template (the DN follows from the name) and filter (it is searched) is needed"];
  }
  if ((base === undefined) !== (filter === undefined)) {
    yield [base === undefined ? "base" : "filter", "base and filter belong together"];
  }
  if (template !== undefined && !isDnTemplate(template) && /^\s*\{user\}\s*$/.test(template)) {
    yield ["template", 'a bare {user} could be any form of name: use a DN, or a form such as "{user}@example.org"'];
  }
  if (template !== undefined && placeholdersOf(template).length === 0) {
    yield ["template", "without {user} or {address} everybody would be the same account"];
  }
  if (filter !== undefined && placeholdersOf(filter).length === 0) {
    yield ["filter", "without {user} or {address} everybody would be the same account"];
  }
  if ((bindDn === undefined) !== (bindPasswordFile === undefined)) {
    yield [bindDn === undefined ? "bindDn" : "bindPasswordFile", "bind_dn and bind_password_file belong together"];
  }
  if (schemes.length > 0 && bindDn === undefined) {
    yield ["schemes", "verifiers are read by a service account: bind_dn and bind_password_file are needed"];
  }
}

/** A string that `read` understands; `expected` is the whole message where it does not. */
function textOf<Output>(expected: string, read: (text: string) => Output | null) {
  return z.string({ error: expected }).transform((text, context): Output => {
    const value = read(text);
    if (value !== null) return value;
    context.addIssue({ code: "custom", message: expected });
    return z.NEVER;
  });
}

function templateOf(known: readonly string[]) {
  const expected = `expected a text with the placeholders ${known.map((name) => `{${name}}`).join(", ")}`;
  const fits = (text: string) => placeholdersOf(text).every((name) => known.includes(name));
  return textOf(expected, (text) => text === "" || hasControl(text) || !fits(text) ? null : text);
}

function parseServer(text: string): LdapServer | null {
  if (!URL.canParse(text)) return null;
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(text);
  const standard = PORTS.get(protocol);
  if (standard === undefined || hostname === "" || username !== "" || password !== "") return null;
  if (!["", "/"].includes(pathname) || search !== "" || hash !== "") return null;
  const host = hostname.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (isIP(host) === 0 && toAscii(host) === null) return null;
  return { url: text, host, port: port === "" ? standard : Number(port), implicitTls: protocol === "ldaps:" };
}

function isLocal(host: string): boolean {
  return host === "localhost" || isLoopback(host);
}
