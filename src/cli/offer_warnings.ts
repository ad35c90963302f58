/**
 * What a configuration offers that somebody cannot use.
 *
 * @module
 */

import { createOffer } from "../auth/offered.ts";
import type { Backend } from "../backend.ts";
import type { Config } from "../config/config.ts";
import type { Mechanism } from "../sasl/mechanism.ts";
import { mechanismNamed, MECHANISMS } from "../sasl/mechanisms.ts";

/** Warnings, each with the key that it is about. */
export function offerWarnings(config: Config, backends: readonly Backend[]): readonly string[] {
  return [...lookupWarnings(config, backends), ...listenerWarnings(config, backends)];
}

function lookupWarnings({ localDomains }: Config, backends: readonly Backend[]): readonly string[] {
  if (localDomains.length === 0) return [];
  return backends.filter(({ answers }) => !answers.lookup).map(({ name }) =>
    `backend.${name}: it cannot tell whether an account exists, so its accounts get no local mail`
  );
}

function listenerWarnings({ listeners, sasl }: Config, backends: readonly Backend[]): readonly string[] {
  const offer = createOffer({ sasl, answers: backends.map(({ answers }) => answers), mechanisms: MECHANISMS });
  return listeners.flatMap((listener) => {
    const facts = { tls: true, bound: false, remote: "127.0.0.1", health: false };
    if (listener.tls !== "none" && offer(listener, facts).length === 0) {
      return [`listener ${listener.name}: no mechanism can be offered there, so nobody can log in`];
    }
    return (listener.mechList ?? []).flatMap((name) => {
      const mechanism = mechanismNamed(name);
      const unable = backends.filter(({ answers }) => mechanism !== null && !canAnswer(answers, mechanism));
      return unable.map((backend) =>
        `listener ${listener.name}: accounts of ${backend.name} cannot use ${name}, and clients that prefer it will fail`
      );
    });
  });
}

function canAnswer(answers: Backend["answers"], { needs }: Mechanism): boolean {
  if ("password" in needs) return answers.password;
  return "scheme" in needs ? answers.schemes.has(needs.scheme) : answers.tokens.has(needs.token);
}
