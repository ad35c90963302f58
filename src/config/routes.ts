/**
 * [[route]] and [delivery.local]: their keys, and what becomes of them.
 *
 * @module
 */

import { resolve } from "node:path";
import { z } from "zod";
import { toAscii } from "../lib/domain.ts";
import type { LmtpAddress, LocalDeliveryConfig, RouteConfig, SmarthostAuth } from "./config.ts";
import type { Findings } from "./files.ts";
import type { KeyPath } from "./keys.ts";
import { account, count, duration, hostPort, list, name, path, table } from "./quantities.ts";
import { completeSmarthost, smarthostSchema, smarthostWarnings } from "./smarthost.ts";

const DOMAIN_WORDS = 'expected a domain such as "example.net", or "*.example.net" for those below it';
const LMTP_WORDS = 'expected a socket such as "unix:/run/dovecot/lmtp", or a host and a port';
const FAIL_WORDS = 'expected codes and a text in ASCII, such as "550 5.7.1 No mail goes there"';
const SOME = "expected one at least";
const FAIL_REGEXP = /^5[0-5]\d (5\.\d{1,3}\.\d{1,3}) [\x21-\x7e][\x20-\x7e]{0,399}$/;
/** Names that deliveries are logged under, and that no [[route]] may have. */
const RESERVED: ReadonlySet<string> = new Set(["maildir", "lmtp", "smarthost", "mx", "none"]);
const TARGETS = ["smarthost", "mx", "lmtp", "maildir", "discard", "fail"] as const;
const CONDITIONS = ["recipientDomains", "accounts", "senderDomains"] as const;

const domainPattern = z.string({ error: DOMAIN_WORDS }).transform((text, context): string => {
  const below = text.startsWith("*.");
  const domain = toAscii(below ? text.slice(2) : text);
  if (domain !== null) return below ? `*.${domain}` : domain;
  context.addIssue({ code: "custom", message: DOMAIN_WORDS });
  return z.NEVER;
});

const lmtpAddress = z.string({ error: LMTP_WORDS }).transform((text, context): LmtpAddress => {
  if (/^unix:\/./.test(text)) return { path: text.slice("unix:".length) };
  const address = text.startsWith("unix:") ? null : hostPort(text);
  if (address !== null && address.port !== 0) return address;
  context.addIssue({ code: "custom", message: LMTP_WORDS });
  return z.NEVER;
});

const yes = z.literal(true, { error: "expected true" });

/** [delivery.local] */
export const localSchema = table({
  maildir: path.optional().meta({ description: "with {user}, {realm} or {account}, such as /var/mail/{user}/Maildir" }),
  lmtp: lmtpAddress.optional().meta({ description: "unix:/path or host:port of the server that keeps the mailboxes" }),
  aliasesFile: path.optional().meta({ description: "names and who gets their mail, as in /etc/aliases" }),
});

/** One [[route]]. */
export const routeSchema = table({
  name: name.meta({ description: "unique; in the log" }),
  recipientDomains: list(domainPattern).min(1, { error: SOME }).optional().meta({
    description: "domains of recipients",
  }),
  accounts: list(account).min(1, { error: SOME }).optional().meta({ description: "accounts that the mail comes from" }),
  senderDomains: list(domainPattern).min(1, { error: SOME }).optional().meta({
    description: "domains of reverse-paths",
  }),
  smarthost: smarthostSchema.optional(),
  mx: yes.optional().meta({ description: "straight to the hosts of the domain" }),
  lmtp: lmtpAddress.optional(),
  maildir: path.optional().meta({ description: "as in [delivery.local]; without {...} one folder for all" }),
  discard: yes.optional().meta({ description: "taken, and thrown away" }),
  fail: z.string({ error: FAIL_WORDS }).regex(FAIL_REGEXP, { error: FAIL_WORDS }).optional().meta({
    description: "refused, or bounced, with this reply",
  }),
  retry: list(duration).min(1, { error: "expected at least one duration" }).optional(),
  giveUp: duration.optional(),
  concurrency: count(1, 100).optional().meta({ description: "conversations at once" }),
});

type RouteSection = z.output<typeof routeSchema>;

/** What completing needs. */
export interface RouteContext {
  readonly folder: string;
  /** The logins of smarthosts, in the order of the routes. */
  readonly auths: readonly (SmarthostAuth | null)[];
  readonly withRealm: (account: string) => string;
}

/** Completes [delivery.local]; `null` where it has a mistake. */
export function completeLocal(
  { maildir, lmtp, aliasesFile }: z.output<typeof localSchema>,
  folder: string,
  { mistakes }: Findings,
): LocalDeliveryConfig | null {
  const at = ["delivery", "local"];
  const file = aliasesFile === undefined ? null : resolve(folder, aliasesFile);
  if (maildir !== undefined && lmtp !== undefined) {
    mistakes.push({ path: at, text: "expected maildir or lmtp, found both" });
  } else if (maildir !== undefined) {
    const text = maildirMistake(maildir);
    if (text !== null) mistakes.push({ path: [...at, "maildir"], text });
    return { to: { kind: "maildir", maildir: resolve(folder, maildir) }, aliasesFile: file };
  } else if (lmtp !== undefined) {
    return { to: { kind: "lmtp", address: lmtp }, aliasesFile: file };
  } else {
    const text = 'expected maildir = "/var/mail/{user}/Maildir", or lmtp = "unix:/run/dovecot/lmtp"';
    mistakes.push({ path: at, text });
  }
  return null;
}

/** Completes each [[route]]. The list is shorter where one has a mistake. */
export function completeRoutes(
  sections: readonly RouteSection[],
  context: RouteContext,
  findings: Findings,
): readonly RouteConfig[] {
  return sections.flatMap((section, at) => {
    const path = ["route", at];
    const same = sections.findIndex(({ name }) => name === section.name);
    if (same < at) {
      findings.mistakes.push({ path: [...path, "name"], text: `route[${same}] has the name ${section.name} too` });
    }
    if (RESERVED.has(section.name)) {
      findings.mistakes.push({
        path: [...path, "name"],
        text: `${section.name} is the name of a way that is always there`,
      });
    }
    if (CONDITIONS.every((key) => section[key] === undefined)) {
      const text =
        "expected a condition: recipient_domains, accounts or sender_domains ([delivery] is for all the rest)";
      findings.mistakes.push({ path, text });
    }
    const to = targetOf(section, { ...context, at, path }, findings);
    if (to === null) return [];
    const { name, recipientDomains = [], accounts = [], senderDomains = [], retry, giveUp, concurrency } = section;
    const when = { recipientDomains, accounts: accounts.map(context.withRealm), senderDomains };
    return [{ name, when, to, retryMs: retry ?? null, giveUpMs: giveUp ?? null, concurrency: concurrency ?? null }];
  });
}

function targetOf(
  section: RouteSection,
  { folder, auths, at, path }: RouteContext & { readonly at: number; readonly path: KeyPath },
  { mistakes, warnings }: Findings,
): RouteConfig["to"] | null {
  const given = TARGETS.filter((key) => section[key] !== undefined);
  if (given.length !== 1) {
    const found = given.length === 0 ? "none" : given.join(" and ");
    mistakes.push({ path, text: `expected one of ${TARGETS.join(", ")}, found ${found}` });
    return null;
  }
  const { smarthost, lmtp, maildir, discard, fail } = section;
  if (smarthost !== undefined) {
    const completed = completeSmarthost(smarthost, { auth: auths[at] ?? null, folder });
    warnings.push(...smarthostWarnings(completed, [...path, "smarthost"]));
    return { kind: "smarthost", smarthost: completed };
  }
  if (lmtp !== undefined) return { kind: "lmtp", address: lmtp };
  if (maildir !== undefined) {
    const text = placeMistake(maildir);
    if (text !== null) mistakes.push({ path: [...path, "maildir"], text });
    return { kind: "maildir", maildir: resolve(folder, maildir) };
  }
  if (discard !== undefined) return { kind: "discard" };
  if (fail !== undefined) return { kind: "fail", reply: fail, enhanced: FAIL_REGEXP.exec(fail)?.[1] ?? "5.0.0" };
  return { kind: "mx" };
}

function maildirMistake(template: string): string | null {
  const unknown = placeMistake(template);
  if (unknown !== null) return unknown;
  return /\{(?:user|account)\}/.test(template) ? null : "expected a path with {user} or {account}";
}

function placeMistake(template: string): string | null {
  const [unknown] = (template.match(/\{[^{}]*\}/g) ?? []).filter((place) =>
    !/^\{(?:user|realm|account)\}$/.test(place)
  );
  return unknown === undefined ? null : `${unknown} stands for nothing, expected {user}, {realm} or {account}`;
}
