/**
 * The chain of backends: who is asked next, and what the answers mean together. The model is matrix.conf of Digital Unix SIA and PAM's
 * stack, but what is required is required wherever it stands.
 *
 * A login is a yes when each `required` step says yes, and one of the `sufficient` steps too, where there are any. Steps are asked in
 * order; what a step says decides at once, or the next one is asked:
 *
 * | says          | sufficient                                        | required          |
 * | ------------- | ------------------------------------------------- | ----------------- |
 * | yes           | enough: only `required` steps are asked after it  | go on             |
 * | unknown user  | go on                                             | decides: rejected |
 * | wrong secret  | go on, counted as a guess                         | decides: rejected, counted as a guess |
 * | expired, must change, not allowed | go on                         | decides: rejected |
 * | disabled      | decides: rejected                                 | decides: rejected |
 * | unavailable   | go on                                             | decides: unavailable |
 *
 * At the end without a decision: a yes that was enough is the answer, whatever was unavailable beside it. Where none of the sufficient
 * steps said yes, it is unavailable if one of them was, since that one might have, and else rejected.
 *
 * @module
 */

import type { Account, Answer, RejectedBecause } from "../backend.ts";
import { printable } from "../lib/text.ts";
import type { ChainStep } from "../log/event.ts";
import type { ChainMember } from "./ask_backend.ts";

/** What came out. */
export interface ChainResult {
  readonly answer: Answer;
  /** Whose the last answer is; `null` where no single one decided. */
  readonly decidedBy: ChainMember | null;
  /** With a yes: the other members that said it too, as they were required. */
  readonly agreedBy: readonly Yes[];
  readonly steps: readonly ChainStep[];
  /** A backend that knows the user found the secret wrong, whatever the others said. */
  readonly wrongSecret: boolean;
  /** Every backend on this machine said `unknown-user`. */
  readonly unknownHere: boolean;
  /** The most telling reason for a no. */
  readonly because: RejectedBecause | null;
}

/** One member's answer. `note` says for the log how it came about. */
export interface NotedAnswer {
  readonly answer: Answer;
  readonly note: string | null;
}

/** How the chain is asked. */
export interface ChainOptions {
  /** Puts the question to one member. */
  readonly ask: (member: ChainMember) => Promise<NotedAnswer>;
  /** Why this question is not for a member, or `null`; it stands in the log, and the member counts as if it were not in the chain. */
  readonly skips: (member: ChainMember) => string | null;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A member's yes. */
export interface Yes {
  readonly answer: Answer;
  readonly member: ChainMember;
}

/** The most telling first. */
const REASONS: readonly RejectedBecause[] = [
  "disabled",
  "expired",
  "must-change",
  "not-allowed",
  "previous-secret",
  "wrong-secret",
  "unknown-user",
];

/**
 * Asks one member after the other, by the table above. The account of a yes is that of the first `sufficient` step that said it, and
 * where all are `required` that of the first one.
 */
export async function askChain(members: readonly ChainMember[], options: ChainOptions): Promise<ChainResult> {
  const { ask, skips, now } = options;
  const steps: ChainStep[] = [];
  const required: Yes[] = [];
  let sufficient: Yes | null = null;
  let outage: Answer | null = null;
  let because: RejectedBecause | null = null;
  let [wrongSecret, unknownHere, allRequired] = [false, true, true];
  const result = (answer: Answer, decidedBy: ChainMember | null): ChainResult => {
    const agreedBy = required.filter(({ member }) => member !== decidedBy);
    return { answer, decidedBy, agreedBy, steps, wrongSecret, unknownHere, because };
  };

  for (const member of members) {
    const { backend, control } = member;
    const skipped = skips(member);
    if (skipped === null && control === "sufficient") allRequired = false;
    if (control === "sufficient" && sufficient !== null) continue;
    if (skipped !== null) {
      steps.push({ backend: backend.name, answer: `skipped:${skipped}`, ms: 0 });
      continue;
    }
    const begun = now();
    const { answer, note } = await ask(member);
    steps.push({ backend: backend.name, answer: describe(answer, note), ms: now() - begun });
    if (backend.local !== undefined && !isUnknown(answer)) unknownHere = false;
    if (answer.kind === "rejected") {
      because = moreTelling(because, answer.why);
      wrongSecret ||= answer.why === "wrong-secret";
      if (control === "required" || answer.why === "disabled") return result(answer, member);
    } else if (answer.kind === "unavailable") {
      if (control === "required") return result(answer, member);
      outage ??= answer;
    } else if (control === "required") {
      required.push({ answer, member });
    } else {
      sufficient = { answer, member };
    }
  }
  const decided = sufficient ?? (allRequired ? required[0] : undefined);
  if (decided !== undefined) return result(decided.answer, decided.member);
  return result(outage ?? { kind: "rejected", why: because ?? "unknown-user" }, null);
}

/** The account of a yes. */
export function accountOf(answer: Answer): Account | null {
  return answer.kind === "accepted" || answer.kind === "verifiers" || answer.kind === "known" ? answer.account : null;
}

/** Whether an answer says that there is no such account. */
export function isUnknown(answer: Answer): boolean {
  return answer.kind === "rejected" && answer.why === "unknown-user";
}

function moreTelling(before: RejectedBecause | null, why: RejectedBecause): RejectedBecause {
  return before !== null && REASONS.indexOf(before) < REASONS.indexOf(why) ? before : why;
}

function describe(answer: Answer, note: string | null): string {
  if (answer.kind === "rejected") {
    return answer.note === undefined ? `rejected:${answer.why}` : `rejected:${answer.why}, ${printable(answer.note)}`;
  }
  if (answer.kind === "unavailable") return `unavailable:${printable(answer.cause)}`;
  return note === null ? answer.kind : `${answer.kind}:${note}`;
}
