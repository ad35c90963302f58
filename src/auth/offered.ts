/**
 * Which mechanisms are offered, by listener and condition of the connection.
 *
 * @module
 */

import type { Backend } from "../backend.ts";
import type { Config, ListenerConfig } from "../config/config.ts";
import { networkSet } from "../lib/network.ts";
import type { Mechanism } from "../sasl/mechanism.ts";

/** On what the offer depends beside the listener. */
export interface OfferFacts {
  readonly tls: boolean;
  /** Whether a channel binding of the connection is known. */
  readonly bound: boolean;
  readonly remote: string;
  /** A proxy's own check: nobody logs in there. */
  readonly health: boolean;
}

/** What an offer is made of. */
export interface OfferParts {
  readonly sasl: Pick<Config["sasl"], "mechList" | "cleartextNetworks" | "cleartextMechs">;
  /** What each backend of the chain can answer; looked at anew for each connection. */
  readonly answers: readonly Backend["answers"][];
  /** What can be answered for those accounts that have app passwords beside their backend: it counts where a listener has a list of its own. */
  readonly appPasswords?: Backend["answers"] | null;
  /** Every mechanism of the program, -PLUS forms included. */
  readonly mechanisms: readonly Mechanism[];
}

/** The mechanisms offered to a connection, in the order of EHLO. */
export type Offer = (listener: Pick<ListenerConfig, "mechList">, facts: OfferFacts) => readonly Mechanism[];

const PLUS = "-PLUS";

/** The name without `-PLUS`: the mechanism that lists in the configuration name. */
export function baseName(mechanism: string): string {
  return mechanism.endsWith(PLUS) ? mechanism.slice(0, -PLUS.length) : mechanism;
}

/** Whether a mechanism permits relaying (TRUST_AUTH_MECH). */
export function trustedMechanisms({ trustMech }: Pick<Config["sasl"], "trustMech">): (mechanism: string) => boolean {
  const trusted = new Set(trustMech.map(baseName));
  return (mechanism) => trusted.has(baseName(mechanism));
}

/**
 * Makes the offer of one configuration. `mech_list` of [sasl] is the bound and the order; offered is what every backend can answer, since a
 * client takes the strongest and would fail for ever where its account cannot use it. A listener's own `mech_list` takes the place of that
 * rule: what one backend at least can answer, or app passwords. A -PLUS form comes right before its base name, where there is a channel to bind to.
 * Without TLS there is nothing, but `cleartext_mechs` for `cleartext_networks`. The lists are made once for each condition and for what the
 * backends can answer at the time.
 */
export function createOffer({ sasl, answers, appPasswords = null, mechanisms }: OfferParts): Offer {
  const byName = new Map(mechanisms.map((mechanism) => [mechanism.name, mechanism]));
  const ordered = [...new Set(sasl.mechList.map(baseName))].flatMap((name) =>
    [byName.get(name + PLUS), byName.get(name)].filter((each) => each !== undefined)
  );
  const cleartext = networkSet(sasl.cleartextNetworks);
  const cleartextNames = new Set(sasl.cleartextMechs);
  const lists = new Map<string, readonly Mechanism[]>();
  const some = appPasswords === null ? answers : [...answers, appPasswords];

  return ({ mechList }, { tls, bound, remote, health }) => {
    if (health || (!tls && !cleartext.has(remote))) return [];
    const key = JSON.stringify([mechList, tls, bound, ...answers.map(({ schemes }) => [...schemes])]);
    const made = lists.get(key);
    if (made !== undefined) return made;
    const names = mechList === null ? null : new Set(mechList.map(baseName));
    const list = ordered.filter((mechanism) => {
      const base = baseName(mechanism.name);
      const can = (one: Backend["answers"]) => canAnswer(one, mechanism);
      const possible = names === null ? answers.length > 0 && answers.every(can) : names.has(base) && some.some(can);
      if (!possible) return false;
      return tls ? bound || mechanism.name === base : mechanism.name === base && cleartextNames.has(base);
    });
    lists.set(key, list);
    return list;
  };
}

function canAnswer(answers: Backend["answers"], { needs }: Mechanism): boolean {
  if ("password" in needs) return answers.password;
  return "scheme" in needs ? answers.schemes.has(needs.scheme) : answers.tokens.has(needs.token);
}
