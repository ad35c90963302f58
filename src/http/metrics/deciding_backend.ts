/**
 * Which backend decided a login, as far as the steps of its chain tell. Pure.
 *
 * @module
 */

import type { ChainStep, LogEvent } from "../../log/event.ts";

/** The end of a login, as it is logged. */
export type LoginEvent = Extract<LogEvent, { readonly kind: "authentication" }>;

/** What a backend said, without the details behind it. */
export type AnswerKind = "accepted" | "verifiers" | "continue" | "known" | "rejected" | "unavailable";

/** Where no single backend decided: nobody knew the user, or the exchange did not come to a question. */
export const NO_BACKEND = "none";

/** Answers behind which a backend stands when the login was decided on them. */
const YES: ReadonlySet<string> = new Set<AnswerKind>(["accepted", "verifiers", "continue", "known"]);
/** Steps that are no backend's: a rule of the chain answered. */
const NOBODYS: ReadonlySet<string> = new Set(["realms", "chain"]);

/** The kind of a step's answer; `null` for a step that asked nobody. */
export function answerKind({ backend, answer }: ChainStep): AnswerKind | null {
  if (NOBODYS.has(backend)) return null;
  const end = answer.search(/[:,]/);
  const kind = end < 0 ? answer : answer.slice(0, end);
  return kind === "rejected" || kind === "unavailable" || YES.has(kind) ? kind as AnswerKind : null;
}

/**
 * The backend of the yes, of the outage, or of the no. A no that is only "I do not know this user" decides nothing. Where several said
 * yes, because `required` ones had to, it is the one whose yes was enough.
 */
export function decidingBackend({ result, chain }: LoginEvent, isRequired: (backend: string) => boolean): string {
  const yes = chain.filter((step) => YES.has(answerKind(step) ?? ""));
  const said = result === "unavailable" ? chain.find((step) => answerKind(step) === "unavailable") : undefined;
  const no = result === "rejected" ? chain.findLast(isTellingNo) : undefined;
  const decided = said ?? no ?? yes.find(({ backend }) => !isRequired(backend)) ?? yes[0];
  return decided?.backend ?? NO_BACKEND;
}

function isTellingNo(step: ChainStep): boolean {
  return answerKind(step) === "rejected" && !/^rejected:unknown-user\b/.test(step.answer);
}
