/**
 * One question to one backend: within its deadline, and always with an answer, whatever the backend does.
 *
 * @module
 */

import type { Answer, Backend, Question } from "../backend.ts";

/** A backend of the chain. */
export interface ChainMember {
  readonly backend: Backend;
  readonly deadlineMs: number;
}

/** How it is asked. */
export interface AskOptions {
  readonly signal: AbortSignal;
  /** Told of a backend that threw or gave an answer that fits no such question. The text holds nothing of the question. */
  readonly onBug: (text: string) => void;
}

/** Which kinds of answer besides `rejected` and `unavailable` a question can have. */
const FITTING: Readonly<Record<Question["kind"], readonly Answer["kind"][]>> = {
  password: ["accepted"],
  verifiers: ["verifiers"],
  token: ["accepted", "continue"],
  lookup: ["known"],
};

/** Whether the backend can answer questions of this kind at all. */
export function canAsk({ answers }: Backend, question: Question): boolean {
  switch (question.kind) {
    case "password":
      return answers.password;
    case "verifiers":
      return answers.schemes.has(question.scheme);
    case "token":
      return answers.tokens.has(question.scheme);
    case "lookup":
      return answers.lookup;
  }
}

/** Asks. A deadline that passes, an aborted signal, a rejection and an answer of the wrong kind are all `unavailable`. Never rejects. */
export async function askBackend(
  { backend, deadlineMs }: ChainMember,
  question: Question,
  { signal, onBug }: AskOptions,
): Promise<Answer> {
  if (signal.aborted) return unavailable("given up by the client");
  const controller = new AbortController();
  const cut = Promise.withResolvers<Answer>();
  const stop = (cause: string) => {
    cut.resolve(unavailable(cause));
    controller.abort();
  };
  const onAbort = () => stop("given up by the client");
  const timer = setTimeout(() => stop(`no answer within ${deadlineMs} ms`), deadlineMs);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const asked = Promise.try(() => backend.ask(question, controller.signal))
      .then((answer) => judged(answer, question, onBug))
      // After the cut nobody waits for it, and being aborted is no bug.
      .catch((error) => controller.signal.aborted ? unavailable("aborted") : bug(error, onBug));
    return await Promise.race([cut.promise, asked]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

/** Where an error was thrown. Its message stays out: it may quote what a backend was asked, and that may be a password. */
export function traceOf(error: unknown): string {
  if (!(error instanceof Error)) return `a thrown ${typeof error}`;
  const frames = (error.stack ?? "").split("\n").map((line) => line.trim()).filter((line) => line.startsWith("at "));
  return [error.name, ...frames.slice(0, 8)].join(" ");
}

function judged(answer: Answer, question: Question, onBug: AskOptions["onBug"]): Answer {
  if (answer.kind === "rejected" || answer.kind === "unavailable") return answer;
  const incomplete = answer.kind === "verifiers" && (answer.account === null || answer.decoy);
  if (FITTING[question.kind].includes(answer.kind) && !incomplete) return answer;
  onBug(`answer "${answer.kind}" does not fit question "${question.kind}"`);
  return unavailable("bug: an answer that does not fit");
}

function bug(error: unknown, onBug: AskOptions["onBug"]): Answer {
  onBug(traceOf(error));
  return unavailable(`bug: ${error instanceof Error ? error.name : typeof error}`);
}

function unavailable(cause: string): Answer {
  return { kind: "unavailable", cause };
}
