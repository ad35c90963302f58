/**
 * What the contract suite asks with, and how it looks at answers.
 *
 * @module
 */

import { equal, ok } from "node:assert/strict";
import type { Answer, Backend, Origin, Question, RejectedBecause, UserName } from "../../src/backend.ts";

/** A name and a password. */
export interface Login {
  readonly user: UserName;
  readonly password: string;
}

/** Where the suite's questions come from. */
export const ORIGIN: Origin = { remote: "192.0.2.1", listener: "MSA", tls: null, mechanism: "PLAIN" };

/** Asks a backend, and makes sure with each answer that no password is in it. A signal that is not given never aborts. */
export interface Asker {
  readonly backend: Backend;
  readonly ask: (question: Question, signal?: AbortSignal) => Promise<Answer>;
  readonly password: (login: Login, signal?: AbortSignal) => Promise<Answer>;
}

/** Makes an asker. `right` is a login whose password must not be in any answer, whatever was asked. */
export function asker(backend: Backend, right: Login): Asker {
  const ask = async (question: Question, signal: AbortSignal = never()): Promise<Answer> => {
    try {
      const answer = await backend.ask(question, signal);
      hidesSecrets(JSON.stringify(answer), question, right);
      return answer;
    } catch (error) {
      hidesSecrets(String(error), question, right);
      // A backend says what it cannot do; only a question that was given up may end otherwise.
      if (!signal.aborted) throw error;
      throw new GivenUp();
    }
  };
  return {
    ...{ backend, ask },
    password: ({ user, password }, signal) => ask({ kind: "password", user, password, origin: ORIGIN }, signal),
  };
}

class GivenUp extends Error {}

/** Short passwords are in any text, so only longer ones are looked for. */
function hidesSecrets(text: string, question: Question, { password }: Login): void {
  ok(!text.includes(password), "the answer holds the right password");
  if (question.kind !== "password" || question.password.length < 8) return;
  const quoted = JSON.stringify(question.password).slice(1, -1);
  ok(!text.includes(question.password) && !text.includes(quoted), "the answer holds the password that was asked for");
}

/** The answer, or `thrown` where the question was given up and the backend rejected it. Anything else that is thrown stays thrown. */
export async function settled<Value>(answer: Promise<Value>): Promise<Value | "thrown"> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof GivenUp) return "thrown";
    throw error;
  }
}

/** Must be accepted. */
export function isYes(answer: Answer): void {
  equal(answer.kind, "accepted", JSON.stringify(answer));
}

/** Must be rejected because of what was given, and not because it cannot be told now. */
export function isNo(answer: Answer, about = ""): void {
  equal(answer.kind, "rejected", `${about} ${JSON.stringify(answer)}`);
}

/** Must be rejected for this reason. */
export function isNoBecause(answer: Answer, why: RejectedBecause): void {
  equal(answer.kind === "rejected" ? answer.why : answer.kind, why, JSON.stringify(answer));
}

/** Runs so many at a time, as the core does. */
export function limited(count: number): <Value>(work: () => Promise<Value>) => Promise<Value> {
  const places = Array.from({ length: count }, () => Promise.resolve());
  let next = 0;
  return (work) => {
    const at = next++ % count;
    const result = (places[at] ?? Promise.resolve()).then(work);
    places[at] = result.then(() => {}, () => {});
    return result;
  };
}

/** Tries again until it is true. What it waits for is another process; half a minute is far more than any needs. */
export async function eventually(happened: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await happened()) return;
    await wait(100);
  }
  throw new Error("Cannot wait longer: it did not happen within 300 tries");
}

/** All of them; an error where one is still not there long after it should be. */
export async function inTime<Value>(under: readonly Promise<Value>[]): Promise<readonly Value[]> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("Cannot wait longer: the signal is not obeyed")), 15_000);
  try {
    return await Promise.race([Promise.all(under), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits so many milliseconds. */
export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A signal that never aborts. */
export function never(): AbortSignal {
  return new AbortController().signal;
}
