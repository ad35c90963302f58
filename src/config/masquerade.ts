/**
 * [masquerade]: its keys, and what becomes of them.
 *
 * @module
 */

import { resolve } from "node:path";
import { z } from "zod";
import type { MasqueradeRules } from "../policy/masquerade.ts";
import { asciiLower } from "../lib/text.ts";
import type { Findings } from "./files.ts";
import type { MasqueradeContents } from "./masquerade_files.ts";
import { domain, flag, list, path, table } from "./quantities.ts";

const localPart = z.string({ error: "expected a local part such as root" })
  .regex(/^[^\s@"(),:;<>[\\\]]+$/, { error: "expected a local part such as root" })
  .transform((text): string => asciiLower(text));

/** [masquerade] */
export const masqueradeSchema = table({
  alwaysAddDomain: z.union([flag, domain], { error: "expected true, false or a domain name" }).default(false).meta({
    description: "a local part alone gets this domain; true: the one where local mail goes",
  }),
  as: domain.optional().meta({ description: "the domain that addresses of this server show instead of theirs" }),
  domains: list(domain).prefault([]).meta({ description: "domains that become it, beside our own names" }),
  domainsFile: path.optional().meta({ description: "more of them, one a line" }),
  entireDomain: flag.default(false).meta({ description: "subdomains of domains, too" }),
  limited: flag.default(false).meta({ description: "domains alone: our own names and local domains stay" }),
  envelope: flag.default(false).meta({ description: "the reverse-path, too" }),
  all: flag.default(false).meta({ description: "recipients in the header section, too" }),
  exposedUsers: list(localPart).prefault(["root"]).meta({ description: "local parts that keep their domain" }),
  exceptions: list(domain).prefault([]).meta({ description: "domains that stay, with their subdomains" }),
  genericsFile: path.optional().meta({ description: "sendmail's genericstable: addresses that take another one" }),
  genericsDomains: list(domain).optional().meta({
    description: "domains whose addresses are looked up there; default: our own names and local domains",
  }),
  genericsEntireDomain: flag.default(false).meta({ description: "subdomains of generics_domains, too" }),
});

/** Completes [masquerade]; `null`: nothing is rewritten. */
export function completeMasquerade(
  section: z.output<typeof masqueradeSchema>,
  { folder, hostname, defaultRealm, localDomains, contents }: {
    readonly folder: string;
    readonly hostname: string;
    readonly defaultRealm: string;
    readonly localDomains: readonly string[];
    readonly contents: MasqueradeContents;
  },
  { warnings }: Pick<Findings, "warnings">,
): MasqueradeRules | null {
  const { alwaysAddDomain, as = null, genericsFile } = section;
  const home = localDomains.includes(defaultRealm) ? defaultRealm : localDomains[0] ?? hostname;
  const ownNames = new Set([hostname, hostname.split(".")[0] ?? hostname, "localhost", ...localDomains]);
  const rules: MasqueradeRules = {
    addDomain: alwaysAddDomain === true ? home : alwaysAddDomain === false ? null : alwaysAddDomain,
    as,
    domains: new Set([...section.domains, ...contents.domains]),
    entireDomain: section.entireDomain,
    limited: section.limited,
    envelope: section.envelope,
    all: section.all,
    exposedUsers: new Set(section.exposedUsers),
    exceptions: new Set(section.exceptions),
    generics: contents.generics,
    genericsFile: genericsFile === undefined ? "" : resolve(folder, genericsFile),
    genericsDomains: section.genericsDomains === undefined ? ownNames : new Set(section.genericsDomains),
    genericsEntireDomain: section.genericsEntireDomain,
    hostname,
    ownNames,
  };
  for (const text of warningsOf(rules, { section, localDomains })) warnings.push(`masquerade.${text}`);
  return as === null && rules.addDomain === null && genericsFile === undefined ? null : rules;
}

function warningsOf(
  rules: MasqueradeRules,
  { section, localDomains }: {
    readonly section: z.output<typeof masqueradeSchema>;
    readonly localDomains: readonly string[];
  },
): readonly string[] {
  const { as } = rules;
  const found: string[] = [];
  if (as === null) {
    const idle = [
      ...[["domains", rules.domains.size > 0], ["entire_domain", rules.entireDomain], ["limited", rules.limited]],
      ...[["exceptions", rules.exceptions.size > 0]],
    ].filter(([, isSet]) => isSet).map(([key]) => key);
    if (idle.length > 0) found.push(`${idle.join(", ")}: without \`as\` this has no effect`);
  } else {
    if (rules.entireDomain && rules.domains.size === 0) {
      found.push("entire_domain: it is about the subdomains of `domains`, and there are none");
    }
    if (rules.envelope && !localDomains.includes(as)) {
      found.push(
        `envelope: bounces will go to ${as}, which is not in local_domains: they come here only if its mail does`,
      );
    }
    const others = rules.limited ? [] : localDomains.filter((each) => each !== as && !rules.exceptions.has(each));
    if (others.length > 0) {
      found.push(
        `as: addresses of the local domains ${
          others.join(", ")
        } become addresses of ${as}, too: limited = true, or \`exceptions\`, leaves them`,
      );
    }
  }
  if (section.genericsFile === undefined) {
    if (section.genericsDomains !== undefined) found.push("generics_domains: without generics_file this has no effect");
    return found;
  }
  for (const { key, line } of rules.generics.entries) {
    const host = key.slice(key.lastIndexOf("@") + 1);
    const isReached = !key.includes("@") || rules.genericsDomains.has(host) ||
      (rules.genericsEntireDomain && [...rules.genericsDomains].some((each) => host.endsWith(`.${each}`))) ||
      host === rules.hostname;
    if (!isReached) found.push(`generics_file: line ${line} has no effect, because ${host} is not in generics_domains`);
  }
  return found;
}
