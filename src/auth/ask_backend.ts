/**
 * One question to one backend: within its deadline, through its gate, and always with an answer, whatever the backend does.
 *
 * @module
 */

import type { Answer, Backend, Question } from "../backend.ts";
import type { Entry, Gate, Heard } from "./gate.ts";

/** A backend of the chain. */
export interface ChainMember {
  readonly backend: Backend;
  readonly deadlineMs: number;
  /** `sufficient`: its yes is enough; `required`: without its yes there is none. */
  readonly control: "sufficient" | "required";
  /** The realms it is asked for, as they are compared; `null`: each. */
  readonly realms: ReadonlySet<string> | null;
  /** `null` where the accounts lie on this machine. */
  readonly gate: Gate | null;
}

/** How it is asked. */
export interface AskOptions {
  readonly signal: AbortSignal;
  /** Told of a backend that threw or gave an answer that fits no such question. The text holds nothing of the question. */
  readonly onBug: (text: string) => void;
}

/** An answer, and what it says of the backend's health. */
interface Told {
  readonly answer: Answer;
  readonly heard: Heard;
}

/** Which kinds of answer besides `rejected` and `unavailable` a question can have. */
const FITTING: Readonly<Record<Question["kind"], readonly Answer["kind"][]>> = {
  password: ["accepted"],
  verifiers: ["verifiers"],
  token: ["accepted", "continue"],
  lookup: ["known"],
};

/** The longest wait for a look-up, whatever the deadline is: a client waits for it at each RCPT. */
const LOOKUP_MS = 10_000;
const NOTHING: Heard = { kind: "nothing" };
const UNGATED: Entry = { kind: "inside", heard: () => {}, release: () => {} };

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

/**
 * Asks. A deadline that passes (the wait for a place is part of it), an aborted signal, a rejection and an answer of the wrong kind are all
 * `unavailable`. Never rejects.
 */
export async function askBackend(member: ChainMember, question: Question, options: AskOptions): Promise<Answer> {
  const { signal } = options;
  if (signal.aborted) return unavailable("given up by the client");
  const deadlineMs = question.kind === "lookup" ? Math.min(member.deadlineMs, LOOKUP_MS) : member.deadlineMs;
  const controller = new AbortController();
  const cut = Promise.withResolvers<Told>();
  const stop = (cause: string, heard: Heard) => {
    cut.resolve({ answer: unavailable(cause), heard });
    controller.abort();
  };
  const onAbort = () => stop("given up by the client", NOTHING);
  const onDeadline = () => {
    const cause = `no answer within ${deadlineMs} ms`;
    stop(cause, { kind: "outage", cause });
  };
  const timer = setTimeout(onDeadline, deadlineMs);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const entry = await member.gate?.enter(controller.signal) ?? UNGATED;
    if (entry.kind === "refused") return unavailable(signal.aborted ? "given up by the client" : entry.cause);
    const asked = tell(member.backend, question, { signal: controller.signal, onBug: options.onBug });
    // A place is free when the backend is done, not when nobody waits any more.
    void asked.then(() => entry.release());
    const { answer, heard } = await Promise.race([cut.promise, asked]);
    entry.heard(heard);
    return answer;
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

/** Never rejects. */
async function tell(backend: Backend, question: Question, { signal, onBug }: AskOptions): Promise<Told> {
  try {
    const answer = await backend.ask(question, signal);
    if (answer.kind === "unavailable") return { answer, heard: { kind: "outage", cause: answer.cause } };
    if (fits(answer, question)) return { answer, heard: { kind: "answer" } };
    onBug(`answer "${answer.kind}" does not fit question "${question.kind}"`);
    return { answer: unavailable("bug: an answer that does not fit"), heard: NOTHING };
  } catch (error) {
    // After the cut nobody waits for it, and being aborted is no bug.
    if (signal.aborted) return { answer: unavailable("aborted"), heard: NOTHING };
    onBug(traceOf(error));
    const cause = `bug: ${error instanceof Error ? error.name : typeof error}`;
    // A question that a backend stumbles over closes no gate for others: whoever sends it would shut them out.
    return { answer: unavailable(cause), heard: NOTHING };
  }
}

function fits(answer: Answer, question: Question): boolean {
  if (answer.kind === "rejected") return true;
  if (answer.kind === "verifiers" && (answer.account === null || answer.decoy)) return false;
  return FITTING[question.kind].includes(answer.kind);
}

function unavailable(cause: string): Answer {
  return { kind: "unavailable", cause };
}
