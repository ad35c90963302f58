/**
 * What a configuration offers that somebody cannot use.
 *
 * @module
 */

import { appPasswordAnswers, takesAppPasswords } from "../auth/app_passwords.ts";
import { agreeingRealms, answersForOffer } from "../auth/members.ts";
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

function listenerWarnings(config: Config, backends: readonly Backend[]): readonly string[] {
  const { listeners, sasl } = config;
  const answers = answersForOffer(config, backends);
  const appPasswords = backends.some(takesAppPasswords) ? appPasswordAnswers(sasl.legacyVerifiers) : null;
  const offer = createOffer({ sasl, answers, appPasswords, mechanisms: MECHANISMS });
  const agreeing = agreeingRealms(config).map((realm) =>
    `accounts ${realm === null ? "" : `in ${realm} `}that several backends must accept`
  );
  return listeners.flatMap((listener) => {
    const facts = { tls: true, bound: false, remote: "127.0.0.1", health: false };
    if ((listener.tls !== "none" || listener.proxy.length > 0) && offer(listener, facts).length === 0) {
      return [`listener ${listener.name}: no mechanism can be offered there, so nobody can log in`];
    }
    return (listener.mechList ?? []).flatMap((name) => {
      const mechanism = mechanismNamed(name);
      const unable = backends.filter(({ answers }) => mechanism !== null && !canAnswer(answers, mechanism));
      const people = unable.map((backend) => accountsOf(config, backend));
      if (mechanism !== null && !("password" in mechanism.needs)) people.push(...agreeing);
      return people.map((who) =>
        `listener ${listener.name}: ${who} cannot use ${name}, and clients that prefer it will fail`
      );
    });
  });
}

function accountsOf({ backends }: Config, { name }: Backend): string {
  const realms = backends.find((section) => section.name === name)?.realms ?? [];
  return realms.length === 0 ? `accounts of ${name}` : `accounts of ${name} (${realms.join(", ")})`;
}

function canAnswer(answers: Backend["answers"], { needs }: Mechanism): boolean {
  if ("password" in needs) return answers.password;
  return "scheme" in needs ? answers.schemes.has(needs.scheme) : answers.tokens.has(needs.token);
}
