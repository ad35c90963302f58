/**
 * What would become of a login with the right secret: who would be asked in which order, and what is known of the account before a secret
 * is there. Nothing is counted, remembered or logged.
 *
 * @module
 */

import type { Account, Answer, Backend, Origin, Question, UserName } from "../backend.ts";
import { printable } from "../lib/text.ts";
import type { Config } from "../config/config.ts";
import type { ChainStep } from "../log/event.ts";
import type { Mechanism } from "../sasl/mechanism.ts";
import { formatUserName } from "../sasl/user_name.ts";
import type { ConcludedVerdict, Identity } from "../smtp/identity.ts";
import type { LoginRules } from "./authenticator.ts";
import { askBackend, canAsk, type ChainMember } from "./ask_backend.ts";
import { accountOf, askChain } from "./chain.ts";
import { cannotAgree, canonicalRealm, chainMembers, servedRealms, whySkipped } from "./members.ts";
import { trustedMechanisms } from "./offered.ts";
import { outOfScope } from "./scope.ts";

/** Whose login, and how. */
export interface PreviewedLogin {
  readonly user: UserName;
  readonly mechanism: Mechanism;
  readonly origin: Omit<Origin, "mechanism">;
}

/** What it is looked at with. */
export interface PreviewParts {
  readonly config: Pick<Config, "defaultRealm" | "backends" | "sasl">;
  readonly backends: readonly Backend[];
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** Of the place where the login happens. */
  readonly rules: Pick<LoginRules, "admits">;
}

/** What would come of it. */
export interface LoginPreview {
  /** With the right secret. */
  readonly verdict: ConcludedVerdict;
  /** For the administrator. */
  readonly reason: string;
  /** How each backend of the chain answered that would be asked, in this order; `skipped` ones would not be. */
  readonly chain: readonly ChainStep[];
}

/** Looks. A backend that tells nothing without a password is taken to know the account and to say yes. Never rejects. */
export async function previewLogin(login: PreviewedLogin, parts: PreviewParts): Promise<LoginPreview> {
  const { config, backends, signal, now } = parts;
  const { user, mechanism } = login;
  const served = servedRealms(config);
  const question = questionOf(login);
  if (question.kind !== "token" && served?.has(canonicalRealm(user.realm)) === false) {
    return refused("the realm is not served", [{ backend: "realms", answer: "rejected:realm not served", ms: 0 }]);
  }
  // Gates of its own: what is found out here opens and closes none of the server's.
  const members = chainMembers(config, { backends, log: () => {} });
  if (cannotAgree(members, question)) {
    return refused("several backends must agree, which this mechanism does not allow");
  }
  const told = new Map<string, string>();
  const { answer, decidedBy, steps, because } = await askChain(members, {
    ask: async (member) => {
      const { answer, note } = await lookAt(member, question, signal);
      if (note !== null) told.set(member.backend.name, note);
      return { answer, note };
    },
    skips: (member) => whySkipped(member, question),
    now,
  });
  if (answer.kind === "unavailable") {
    const verdict = config.sasl.outageIsRejection ? "rejected" : "unavailable";
    return { verdict: { kind: verdict }, reason: printable(answer.cause), chain: steps };
  }
  const found = accountOf(answer);
  if (found === null || decidedBy === null) return refused(because ?? "unknown-user", steps);
  const standing = await standingOf(decidedBy, user);
  if (standing === "unavailable") {
    return { verdict: { kind: "unavailable" }, reason: "the account cannot be looked at now", chain: steps };
  }
  if (standing?.disabled === true) return refused("disabled", steps);
  const from = { ...login.origin, mechanism: mechanism.name };
  const [first, ...others] = standing?.credentials ?? [];
  const credential = [first, ...others].find((each) => each !== undefined && outOfScope(each, from, now()) === null);
  const out = first === undefined || credential !== undefined ? null : outOfScope(first, from, now());
  if (out === "mechanism") return tooWeak("no credential of the account is for this mechanism", steps);
  if (out !== null) return refused(`no credential of the account is in its scope here: ${out}`, steps);
  const account = standing?.account ?? found;
  if (parts.rules.admits?.(account) === false) return tooWeak("without TLS this mechanism is for a device here", steps);
  const identity: Identity = {
    account,
    credential: credential?.id ?? MAIN,
    mechanism: mechanism.name,
    trusted: trustedMechanisms(config.sasl)(mechanism.name),
  };
  const reason = told.get(decidedBy.backend.name) ?? "the account is known";
  return { verdict: { kind: "accepted", identity }, reason, chain: steps };
}

const MAIN = "main";
const SILENT = "tells nothing without the password";

function refused(reason: string, chain: readonly ChainStep[] = []): LoginPreview {
  return { verdict: { kind: "rejected" }, reason, chain };
}

function tooWeak(reason: string, chain: readonly ChainStep[]): LoginPreview {
  return { verdict: { kind: "too-weak" }, reason, chain };
}

/** What the mechanism would ask, without a secret: for whom it is, and never put to anybody but for verifiers. */
function questionOf({ user, mechanism, origin }: PreviewedLogin): Exclude<Question, { readonly kind: "lookup" }> {
  const { needs, name } = mechanism;
  const from = { ...origin, mechanism: name };
  if ("password" in needs) return { kind: "password", user, password: "", origin: from };
  if ("scheme" in needs) return { kind: "verifiers", user, scheme: needs.scheme, origin: from };
  return { kind: "token", scheme: needs.token, octets: new Uint8Array(), handle: null, origin: from };
}

async function lookAt(
  member: ChainMember,
  question: Exclude<Question, { readonly kind: "lookup" }>,
  signal: AbortSignal,
): Promise<{ readonly answer: Answer; readonly note: string | null }> {
  const { backend } = member;
  const options = { signal, onBug: () => {} };
  // Verifiers hold no secret of the client's, and only they tell whether the account can use the mechanism.
  if (question.kind === "verifiers") return { answer: await askBackend(member, question, options), note: null };
  if (question.kind === "token") return { answer: known(backend, "unknown"), note: SILENT };
  const { user } = question;
  const lookup = { kind: "lookup", user, login: true } as const;
  if (canAsk(backend, lookup)) return { answer: await askBackend(member, lookup, options), note: null };
  return { answer: known(backend, formatUserName(user)), note: SILENT };
}

function known({ name: backend }: Backend, name: string): Answer {
  const account: Account = { name, backend, addresses: [], groups: [], attributes: {} };
  return { kind: "known", account };
}

async function standingOf({ backend }: ChainMember, user: UserName) {
  try {
    return await backend.local?.standing(user) ?? null;
  } catch {
    return "unavailable";
  }
}
