/**
 * The members of a chain, and which of them a question concerns.
 *
 * @module
 */

import { canonicalName } from "../accounts/account_name.ts";
import type { Backend, Question, VerifierScheme } from "../backend.ts";
import type { BackendConfig, Config } from "../config/config.ts";
import type { Log } from "../log/event.ts";
import { canAsk, type ChainMember } from "./ask_backend.ts";
import { Gate } from "./gate.ts";

/** What of the configuration makes a chain. */
export interface ChainConfig {
  readonly defaultRealm: string;
  readonly backends: readonly BackendConfig[];
  readonly sasl: Pick<Config["sasl"], "pwcheckMethod" | "realms">;
}

/**
 * The members in the order in which they are asked, each with a gate of its own where it does not lie on this machine. A backend that is
 * not there is a mistake of whoever put the parts together.
 */
export function chainMembers(
  { backends: sections, sasl }: ChainConfig,
  { backends, log }: { readonly backends: readonly Backend[]; readonly log: Log },
): readonly ChainMember[] {
  const byName = new Map(backends.map((backend) => [backend.name, backend]));
  const sectionsByName = new Map(sections.map((section) => [section.name, section]));
  return sasl.pwcheckMethod.map((name) => {
    const [backend, section] = [byName.get(name), sectionsByName.get(name)];
    if (backend === undefined || section === undefined) {
      throw new RangeError(`Cannot ask backend "${name}": it was not opened`);
    }
    const { deadlineMs, control, realms, concurrency } = section;
    const gate = backend.local !== undefined ? null : new Gate({ concurrency, onChange: changes(name, log) });
    return { backend, deadlineMs, control, realms: realmSet(realms), gate };
  });
}

/** Why a member is not asked this, as the log has it, or `null`. */
export function whySkipped(member: ChainMember, question: Question): string | null {
  if (!concerns(member, question)) return "other realms";
  return canAsk(member.backend, question) ? null : `no ${nameOf(question)}`;
}

/** Whether a user of this realm could have verifiers for this scheme there. */
export function isAskedFor(
  member: ChainMember,
  { realm, scheme }: { readonly realm: string; readonly scheme: VerifierScheme },
): boolean {
  return hasRealm(member, realm) && member.backend.answers.schemes.has(scheme);
}

/**
 * Whether this question can have no yes, whatever the members say: one that is required cannot be asked it, or several must agree. Only a
 * password can be shown to each of them; an exchange by verifiers is decided on those of one.
 */
export function cannotAgree(members: readonly ChainMember[], question: Question): boolean {
  const asked = members.filter((member) => concerns(member, question));
  const required = asked.filter(({ control }) => control === "required");
  if (required.some(({ backend }) => !canAsk(backend, question))) return true;
  return question.kind !== "password" && mustAgree(asked);
}

/** The members whose yes is needed for each account of a realm, given in canonical form. */
export function requiredIn(members: readonly ChainMember[], realm: string): readonly ChainMember[] {
  return members.filter((member) => member.control === "required" && hasRealm(member, realm));
}

/**
 * What the offer of mechanisms has to be possible for: each backend that some served realm asks, and one that can check passwords
 * alone where several must agree.
 */
export function answersForOffer(config: ChainConfig, backends: readonly Backend[]): readonly Backend["answers"][] {
  const asked = new Set(sectionsAsked(config).map(({ name }) => name));
  const answers = backends.filter(({ name }) => asked.has(name)).map(({ answers }) => answers);
  return agreeingRealms(config).length > 0 ? [...answers, PASSWORD_ALONE] : answers;
}

/** The served realms in which a login needs the yes of several backends; `null` stands for all that no section names. */
export function agreeingRealms(config: ChainConfig): readonly (string | null)[] {
  const asked = sectionsAsked(config);
  const served = servedRealms(config) ?? [null, ...asked.flatMap(({ realms }) => [...realms ?? []])];
  return [...new Set(served)].filter((realm) => mustAgree(asked.filter((section) => hasRealm(section, realm))));
}

/** A realm in the form in which realms are compared. */
export function canonicalRealm(realm: string): string {
  return canonicalName({ local: "", realm }).realm;
}

const PASSWORD_ALONE: Backend["answers"] = { password: true, lookup: false, schemes: new Set(), tokens: new Set() };

/** The sections that some served realm asks. */
function sectionsAsked(config: ChainConfig) {
  const served = servedRealms(config);
  return config.backends
    .map(({ name, control, realms }) => ({ name, control, realms: realmSet(realms) }))
    .filter(({ realms }) => realms === null || served === null || !realms.isDisjointFrom(served));
}

/** The realms in which anybody can log in, in canonical form; `null`: each. */
export function servedRealms(
  { defaultRealm, sasl: { realms } }: Pick<ChainConfig, "defaultRealm"> & {
    readonly sasl: Pick<Config["sasl"], "realms">;
  },
): ReadonlySet<string> | null {
  return realms.length === 0 ? null : realmSet([defaultRealm, ...realms]);
}

/** Whether a yes of one of them is not enough. */
function mustAgree(asked: readonly Pick<ChainMember, "control">[]): boolean {
  return asked.length > 1 && asked.some(({ control }) => control === "required");
}

/** The realm of a token is not known before its answer. */
function concerns(member: ChainMember, question: Question): boolean {
  return question.kind === "token" || hasRealm(member, canonicalRealm(question.user.realm));
}

/** `null`: any realm that no section names. */
function hasRealm({ realms }: Pick<ChainMember, "realms">, realm: string | null): boolean {
  return realms === null || (realm !== null && realms.has(realm));
}

/** Realms in canonical form; `null` for none: each realm. */
export function realmSet(realms: readonly string[]): ReadonlySet<string> | null {
  return realms.length === 0 ? null : new Set(realms.map(canonicalRealm));
}

function nameOf(question: Question): string {
  switch (question.kind) {
    case "password":
      return "passwords";
    case "verifiers":
    case "token":
      return question.scheme;
    case "lookup":
      return "look-ups";
  }
}

function changes(name: string, log: Log): (cause: string | null) => void {
  return (cause) => {
    if (cause === null) log({ kind: "backend-up", backend: name });
    else log({ kind: "backend-down", backend: name, reason: cause });
  };
}
