/**
 * The addresses that the mail of a domain can be handed over at, one after the other, looked up only as far as they are wanted.
 *
 * @module
 */

import { isIP } from "node:net";
import { fail, type Result, succeed } from "../../lib/result.ts";
import type { DeliveryOutcome } from "../../spool/spool.ts";
import { chooseHosts, literalAddress } from "./hosts.ts";
import type { LookupProblem, Resolver } from "./resolver.ts";

/** One address of one host. */
export interface MxTarget {
  /** As in the MX record; for an address literal the address. */
  readonly host: string;
  readonly address: string;
  /** The address of ours to connect from; `null`: the system chooses. */
  readonly source: string | null;
  /** Whether the host has an address of the other family, so that this one is given little time. */
  readonly hasOther: boolean;
}

/** What finding them needs. */
export interface TargetSettings {
  readonly resolver: Resolver;
  readonly hostname: string;
  readonly sourceAddresses: readonly string[];
  /** Whether whoever connects to this address, on the port of SMTP, comes to this server. */
  readonly isOurs: (address: string) => boolean;
  readonly random: () => number;
  /** Whether a host may be used at all. */
  readonly allows: (host: string) => boolean;
}

const ADDRESSES_OF_HOST_LIMIT = 4;

/** The hosts of a domain, in groups of equal preference; the problem holds for every mail for the domain. */
export async function findHosts(
  domain: string,
  { resolver, hostname, random }: Pick<TargetSettings, "resolver" | "hostname" | "random">,
  signal: AbortSignal,
): Promise<Result<readonly (readonly string[])[], DeliveryOutcome>> {
  const literal = literalAddress(domain);
  if (literal !== null) return succeed([[literal]]);
  const records = await resolver.mx(domain, signal);
  if (!records.ok) return fail(lookupOutcome(domain, records.problem));
  const choice = chooseHosts(records.value, { domain, hostname, random });
  switch (choice.kind) {
    case "hosts":
      return succeed(choice.groups);
    case "null-mx":
      return fail(failed("556", "5.1.10", `${domain} takes no mail (RFC 7505)`));
    case "loop":
      return fail(loop(domain));
    case "unusable":
      return fail(failed("550", "5.4.4", `The MX records of ${domain} name no host`));
  }
}

/**
 * Gives the addresses in order: IPv6 before IPv4 for each host. What it returns in the end is the outcome where not one was given.
 * A group with an address of this server ends it: the hosts behind it would only give the mail back to us.
 */
export async function* findTargets(
  domain: string,
  groups: readonly (readonly string[])[],
  settings: TargetSettings,
  signal: AbortSignal,
): AsyncGenerator<MxTarget, DeliveryOutcome, void> {
  let problem: DeliveryOutcome | null = null;
  let refused = false;
  for (const group of groups) {
    const found = await Promise.all(group.map((host) => addressesOf(host, settings.resolver, signal)));
    if (found.some(({ addresses }) => addresses.some(settings.isOurs))) return problem ?? loop(domain);
    for (const { host, addresses, unavailable } of found) {
      if (unavailable !== null) problem = lookupOutcome(domain, unavailable);
      if (!settings.allows(host)) {
        refused = true;
        continue;
      }
      yield* targetsOf(host, addresses, { domain, sourceAddresses: settings.sourceAddresses });
    }
  }
  if (problem !== null) return problem;
  if (refused) return notAllowed(domain);
  return failed("550", "5.4.4", `No host of ${domain} has an address that can be reached from here`);
}

interface FoundAddresses {
  readonly host: string;
  readonly addresses: readonly string[];
  readonly unavailable: LookupProblem | null;
}

async function addressesOf(host: string, resolver: Resolver, signal: AbortSignal): Promise<FoundAddresses> {
  if (isIP(host) !== 0) return { host, addresses: [host], unavailable: null };
  const [six, four] = await Promise.all(([6, 4] as const).map((family) => resolver.addresses(host, family, signal)));
  const lookups = [six, four].filter((lookup) => lookup !== undefined);
  const problems = lookups.flatMap((lookup) => lookup.ok ? [] : [lookup.problem]);
  return {
    host,
    addresses: lookups.flatMap((lookup) => lookup.ok ? lookup.value.slice(0, ADDRESSES_OF_HOST_LIMIT) : []),
    unavailable: problems.find(({ kind }) => kind === "unavailable") ?? null,
  };
}

function targetsOf(
  host: string,
  addresses: readonly string[],
  { domain, sourceAddresses }: { readonly domain: string; readonly sourceAddresses: readonly string[] },
): readonly MxTarget[] {
  const usable = addresses.filter((address) => !UNSPECIFIED.has(address)).flatMap((address) => {
    const source = sourceFor(address, { domain, sourceAddresses });
    return source === undefined ? [] : [{ host, address, source }];
  });
  return usable.map((target) => {
    const hasOther = usable.some(({ address }) => isIP(address) !== isIP(target.address));
    return { ...target, hasOther };
  });
}

/** Addresses that stand for none; to connect to them means to connect to this machine. */
const UNSPECIFIED: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/**
 * The address to connect from; `undefined`: none of this family may be used. A domain always sees the same one, as long as the list is
 * the same, since greylisting remembers it.
 */
function sourceFor(
  address: string,
  { domain, sourceAddresses }: { readonly domain: string; readonly sourceAddresses: readonly string[] },
): string | null | undefined {
  if (sourceAddresses.length === 0) return null;
  const fitting = sourceAddresses.filter((source) => isIP(source) === isIP(address));
  const sum = [...domain].reduce((total, character) => (total * 31 + character.charCodeAt(0)) % 1_000_003, 0);
  return fitting[sum % fitting.length];
}

/** RFC 3463: X.1.2 bad destination system address, X.4.3 directory server failure. */
function lookupOutcome(domain: string, { kind }: LookupProblem): DeliveryOutcome {
  if (kind === "no-domain") return failed("550", "5.1.2", `The domain ${domain} does not exist`);
  return { kind: "deferred", cause: "network", reply: `451 4.4.3 ${domain} cannot be looked up now` };
}

function loop(domain: string): DeliveryOutcome {
  return failed("554", "5.4.6", `Mail for ${domain} would come back to this server, which does not keep it`);
}

function notAllowed(domain: string): DeliveryOutcome {
  const reply = `451 4.7.5 No host of ${domain} is one that its MTA-STS policy names`;
  return { kind: "deferred", cause: "tls", reply };
}

function failed(code: string, enhanced: string, text: string): DeliveryOutcome {
  return { kind: "failed", ours: true, enhanced, reply: `${code} ${enhanced} ${text}` };
}
