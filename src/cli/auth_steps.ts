/**
 * A login step by step, and which step failed.
 *
 * @module
 */

import type { Standing, UserName } from "../backend.ts";
import type { Advice, AuthenticationEvent } from "../auth/realm_doctor.ts";
import type { ChainStep } from "../log/event.ts";

/** How a step came out. `warning`: as it should be, but look at it; `none`: not reached, or nothing to say. */
export type StepResult = "ok" | "no" | "FAILED" | "warning" | "none";

/** One step: `mechanism`, `name`, `realm`, `backend NAME`, `user`, `password`, `account`, `relay`. */
export interface LoginStep {
  readonly step: string;
  readonly result: StepResult;
  readonly detail: string;
}

/** What is known of a login that is over. */
export interface LoginFacts {
  readonly mechanism: string;
  /** Whether any listener offers it. */
  readonly offered: boolean;
  /** As it was typed. */
  readonly typed: string;
  /** As it was parsed; `null`: it is no name. */
  readonly user: UserName | null;
  /** In canonical form; `null`: each. */
  readonly served: ReadonlySet<string> | null;
  readonly event: AuthenticationEvent;
  /** Where else the name is, where nobody knows it. */
  readonly advice: Advice | null;
  readonly relays: boolean;
  /** Of an account on this machine that was accepted. */
  readonly standing: Standing | null;
}

/** Where it failed and why; `null`: it did not. */
export type Failure = { readonly step: string; readonly detail: string } | null;

/** Steps in the order in which they are taken, whatever the names of backends are. */
const BEFORE_BACKENDS = ["mechanism", "name", "realm"] as const;
const AFTER_BACKENDS = ["user", "password", "account", "relay"] as const;

/** Names the step at which a login failed. */
export function findFailure(facts: LoginFacts): Failure {
  const { event: { result, reason, chain }, user } = facts;
  switch (result) {
    case "accepted":
      return null;
    case "malformed":
      return { step: user === null ? "name" : "mechanism", detail: reason };
    case "cancelled":
    case "delayed":
      return { step: "mechanism", detail: reason };
    case "too-weak":
      return { step: "account", detail: reason };
    case "unavailable": {
      const down = chain.find(({ answer }) => answer === `unavailable:${reason}`);
      return down === undefined ? { step: "account", detail: reason } : { step: stepOf(down), detail: reason };
    }
    case "rejected":
      return findRefusal(facts);
  }
}

/** All steps; those behind the one that failed were not reached. */
export function loginSteps(facts: LoginFacts, failure: Failure): readonly LoginStep[] {
  const details = detailsOf(facts);
  let failed = false;
  const steps: LoginStep[] = [];
  const add = (step: string) => {
    if (failure?.step === step) {
      failed = true;
      steps.push({ step, result: "FAILED", detail: failure.detail });
    } else {
      steps.push({ step, ...(failed ? NOT_REACHED : details.get(step) ?? NOT_REACHED) });
    }
  };
  BEFORE_BACKENDS.forEach(add);
  for (const each of backendSteps(facts)) {
    steps.push(failure?.step === each.step ? { ...each, result: "FAILED" } : each);
    failed ||= failure?.step === each.step;
  }
  AFTER_BACKENDS.forEach(add);
  return steps;
}

const NOT_REACHED = { result: "none", detail: "" } as const;

/** With these a backend has found the user, or does not tell. */
const KNOWING_NO = ["wrong-secret", "disabled", "expired", "must-change", "not-allowed"].map((why) =>
  `rejected:${why}`
);

/** What stands in for a backend in the chain where none was asked. */
const NO_BACKENDS: ReadonlySet<string> = new Set(["realms", "chain"]);

function findRefusal(facts: LoginFacts): Failure {
  const { event: { reason, chain }, mechanism, user, advice, served } = facts;
  // Behind it may stand what the realm doctor of the log has found.
  const [why = ""] = reason.split("; ");
  const realm = user?.realm ?? "";
  switch (why) {
    case "unknown-user": {
      if (advice !== null) return { step: advice.wrong === "realm" ? "realm" : "user", detail: advice.text };
      if (chain.some(({ backend }) => backend === "realms")) {
        return { step: "realm", detail: `${realm} is not served, only ${[...served ?? []].join(", ")}` };
      }
      if (chain.every(({ answer }) => answer === "skipped:other realms")) {
        return { step: "realm", detail: `no backend is asked for ${realm}` };
      }
      if (chain.every(({ answer }) => answer.startsWith("skipped:"))) {
        return { step: "mechanism", detail: `no backend for ${realm} can answer ${mechanism}` };
      }
      return { step: "user", detail: "no backend that was asked knows this name" };
    }
    case "wrong-secret":
      return { step: "password", detail: `wrong, says ${namesOf(chain, "rejected:wrong-secret")}` };
    case "the proof fits no verifier":
      return { step: "password", detail: `wrong: ${why} of ${namesOf(chain, "verifiers")}${spellingHint(facts)}` };
    case "disabled":
    case "expired":
    case "must-change": {
      const teller = namesOf(chain, `rejected:${why}`);
      return { step: "account", detail: teller === "" ? why : `${why}, says ${teller}` };
    }
    case "not-allowed":
      return findForbidding(chain, mechanism);
    default:
      return { step: "account", detail: why };
  }
}

/** What else it can be with DIGEST-MD5, where the realm is a part of the proof as it is written (RFC 2831 section 2.1.2.1). */
function spellingHint({ mechanism, typed, user }: LoginFacts): string {
  const other = mechanism === "DIGEST-MD5" && user !== null && typed.includes("@") && !typed.endsWith(`@${user.realm}`);
  return other ? `, or the realm has to be written as ${user.realm}` : "";
}

function findForbidding(chain: readonly ChainStep[], mechanism: string): Failure {
  const forbidding = chain.find(({ answer }) => answer.startsWith("rejected:not-allowed"));
  if (forbidding !== undefined) return { step: stepOf(forbidding), detail: answerOf(forbidding) };
  return { step: "mechanism", detail: `several backends must agree, and ${mechanism} cannot be shown to each` };
}

function detailsOf(facts: LoginFacts): ReadonlyMap<string, Omit<LoginStep, "step">> {
  const { mechanism, offered, typed, user, served, event: { account, chain }, relays } = facts;
  const details = new Map<string, Omit<LoginStep, "step">>();
  const ok = (step: string, detail: string) => details.set(step, { result: "ok", detail });
  if (offered) ok("mechanism", mechanism);
  else {
    const detail = `${mechanism} is not offered to clients, because not every backend can answer it (or mech_list)`;
    details.set("mechanism", { result: "warning", detail });
  }
  if (user !== null) {
    const given = typed.includes("@") ? "" : " (the default: none was given)";
    ok("name", `user ${user.local}, realm ${user.realm}${given}`);
  }
  ok("realm", served === null ? "every realm is served" : "served");
  const knowing = namesOf(chain, "accepted", "verifiers");
  // A backend may look at a lock before it looks at the password.
  if (knowing !== "") ok("password", "right");
  ok("user", `known to ${knowing === "" ? namesOf(chain, ...KNOWING_NO) : knowing}`);
  ok("account", describeAccount(facts));
  if (account !== null) {
    details.set(
      "relay",
      relays
        ? { result: "ok", detail: "mail for everywhere is taken" }
        : { result: "warning", detail: `${mechanism} is not in trust_mech: this login may not relay` },
    );
  }
  return details;
}

/** Lock, scope and expiry. */
function describeAccount({ event: { account, credential }, standing }: LoginFacts): string {
  if (standing === null) {
    return `${account ?? ""}: its backend has looked at lock and expiry together with the password`;
  }
  const scope = standing.credentials.find(({ id }) => id === credential);
  return [
    `${account ?? ""}: not disabled`,
    scope === undefined || scope.networks.length === 0 ? "from every network" : `from ${scope.networks.join(", ")}`,
    scope === undefined || scope.mechanisms === null ? "with each mechanism" : `with ${scope.mechanisms.join(", ")}`,
    scope === undefined || scope.expires === null ? "does not expire" : `until ${scope.expires}`,
  ].join(", ");
}

function backendSteps({ event: { chain } }: LoginFacts): readonly LoginStep[] {
  return chain.filter(({ backend }) => !NO_BACKENDS.has(backend)).map((each) => {
    const yes = /^(?:accepted|verifiers)/.test(each.answer);
    if (each.answer.startsWith("skipped:")) return { step: stepOf(each), result: "none", detail: answerOf(each) };
    return { step: stepOf(each), result: yes ? "ok" : "no", detail: `${answerOf(each)} (${each.ms} ms)` };
  });
}

/** The backends that gave one of these answers. */
function namesOf(chain: readonly ChainStep[], ...answers: readonly string[]): string {
  const gave = (answer: string) => answers.some((each) => answer === each || new RegExp(`^${each}[:,]`).test(answer));
  return chain.filter(({ answer }) => gave(answer)).map(({ backend }) => backend).join(", ");
}

function stepOf({ backend }: ChainStep): string {
  return `backend ${backend}`;
}

/** `rejected:wrong-secret` as `rejected: wrong-secret`. */
function answerOf({ answer }: ChainStep): string {
  return answer.replace(":", ": ");
}
