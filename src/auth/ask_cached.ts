/**
 * One question to one backend, with the success cache before it where the accounts lie on this machine.
 *
 * @module
 */

import type { Answer, LocalAccounts, Question } from "../backend.ts";
import { askBackend, type AskOptions, type ChainMember, traceOf } from "./ask_backend.ts";
import type { NotedAnswer } from "./chain.ts";
import { hasExpired } from "./scope.ts";
import type { SuccessCache } from "./success_cache.ts";

/** How it is asked. */
export interface CachedAskOptions extends AskOptions {
  readonly cache: SuccessCache;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

type PasswordQuestion = Extract<Question, { readonly kind: "password" }>;

/** Asks as `askBackend` does, unless the same password was right a moment ago and the account may still log in. */
export async function askCached(
  member: ChainMember,
  question: Question,
  options: CachedAskOptions,
): Promise<NotedAnswer> {
  const { backend } = member;
  const { local } = backend;
  if (question.kind !== "password" || local === undefined) {
    return { answer: await askBackend(member, question, options), note: null };
  }
  const known = await lookUp(question, { ...options, name: backend.name, local });
  if (known !== null) return { answer: known, note: "cache" };
  const answer = await askBackend(member, question, options);
  if (answer.kind === "accepted") {
    const { account, credential, version } = answer;
    const { password } = question;
    options.cache.remember(
      { backend: backend.name, account: account.name, credential, version, password },
      options.now(),
    );
  }
  return { answer, note: null };
}

interface LookUpOptions extends CachedAskOptions {
  readonly name: string;
  readonly local: LocalAccounts;
}

/** Disabled, removed, expired and changed are looked at first: then the cache is silent and the backend speaks for itself. */
async function lookUp(
  { user, password }: PasswordQuestion,
  { name, local, cache, now, onBug }: LookUpOptions,
): Promise<Answer | null> {
  try {
    const standing = await local.standing(user);
    if (standing === null || standing.disabled) return null;
    const { account, credentials } = standing;
    const known = credentials.find((each) =>
      !hasExpired(each, now()) &&
      cache.knows(
        { backend: name, account: account.name, credential: each.id, version: each.version, password },
        now(),
      )
    );
    return known === undefined ? null : { kind: "accepted", account, credential: known.id, version: known.version };
  } catch (error) {
    onBug(traceOf(error));
    return null;
  }
}
