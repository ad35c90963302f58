/**
 * The chain of backends: who is asked next, and what the answers mean together.
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
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** The most telling first. */
const REASONS: readonly RejectedBecause[] = [
  "disabled",
  "expired",
  "must-change",
  "not-allowed",
  "wrong-secret",
  "unknown-user",
];

/**
 * Asks one member after the other. A yes ends it, and so does `disabled`, which answers for all: an account that one place has closed is not
 * open in the next. Without either an outage anywhere makes the whole `unavailable`, since the one that is down might have said yes.
 */
export async function askChain(members: readonly ChainMember[], { ask, now }: ChainOptions): Promise<ChainResult> {
  const steps: ChainStep[] = [];
  let outage: Answer | null = null;
  let because: RejectedBecause | null = null;
  let wrongSecret = false;
  let unknownHere = true;
  const result = (answer: Answer, decidedBy: ChainMember | null): ChainResult => {
    return { answer, decidedBy, steps, wrongSecret, unknownHere, because };
  };

  for (const member of members) {
    const begun = now();
    const { answer, note } = await ask(member);
    steps.push({ backend: member.backend.name, answer: describe(answer, note), ms: now() - begun });
    if (answer.kind === "unavailable") {
      outage ??= answer;
    } else if (answer.kind !== "rejected") {
      return result(answer, member);
    } else {
      because = moreTelling(because, answer.why);
      wrongSecret ||= answer.why === "wrong-secret";
    }
    if (member.backend.local !== undefined && !isUnknown(answer)) unknownHere = false;
    if (because === "disabled") return result({ kind: "rejected", why: because }, member);
  }
  return result(outage ?? { kind: "rejected", why: because ?? "unknown-user" }, null);
}

/** The account of a yes. */
export function accountOf(answer: Answer): Account | null {
  return answer.kind === "accepted" || answer.kind === "verifiers" || answer.kind === "known" ? answer.account : null;
}

function isUnknown(answer: Answer): boolean {
  return answer.kind === "rejected" && answer.why === "unknown-user";
}

function moreTelling(before: RejectedBecause | null, why: RejectedBecause): RejectedBecause {
  return before !== null && REASONS.indexOf(before) < REASONS.indexOf(why) ? before : why;
}

function describe(answer: Answer, note: string | null): string {
  if (answer.kind === "rejected") return `rejected:${answer.why}`;
  if (answer.kind === "unavailable") return `unavailable:${printable(answer.cause)}`;
  return note === null ? answer.kind : `${answer.kind}:${note}`;
}
