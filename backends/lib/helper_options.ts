/**
 * What the sections of helpers, plugins and services have in common: which questions are answered there.
 *
 * @module
 */

import { z } from "zod";
import type { Answer, Backend, Question, VerifierScheme } from "../../src/backend.ts";
import { hasControl } from "../../src/lib/text.ts";
import { LINE_LIMIT_OCTETS, questionFields } from "./helper_protocol.ts";

const KINDS = ["password", "lookup"] as const;
const SCHEMES = ["cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256"] as const satisfies readonly VerifierScheme[];

/** The kinds of question, beside verifiers and tokens, that are answered for every account. */
export const answersKey = z.array(oneOf(KINDS), { error: "expected a list" }).default(["password"]);
/** The mechanisms for which there are verifiers of every account. */
export const schemesKey = z.array(oneOf(SCHEMES), { error: "expected a list" }).default([]);
/** The schemes of tokens that are judged there. */
export const tokensKey = z.array(
  z.string({ error: 'expected a name such as "oauthbearer"' })
    .regex(/^[a-z0-9-]+$/, { error: 'expected a name such as "oauthbearer"' }),
  { error: "expected a list" },
).default([]);

/** A program, a file or an argument: one text without a NUL. */
export const argument = z.string({ error: "expected a text" })
  .refine((value) => !value.includes("\0"), { error: "expected a text without NUL" });
/** The name of a user of this machine. */
export const systemUser = z.string({ error: "expected the name of a user" })
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/, { error: "expected the name of a user" });

/** The keys as the contract has them. */
export function answersOf({ answers, schemes = [], tokens }: {
  readonly answers: readonly (typeof KINDS)[number][];
  readonly schemes?: readonly VerifierScheme[];
  readonly tokens: readonly string[];
}): Backend["answers"] {
  return {
    password: answers.includes("password"),
    lookup: answers.includes("lookup"),
    schemes: new Set(schemes),
    tokens: new Set(tokens),
  };
}

/** The answer to what is not asked there: other kinds of question, and what many programs would cut at a NUL. `null`: it is asked. */
export function answerUnasked(question: Question, answers: Backend["answers"]): Answer | null {
  if (!isAnswered(question, answers)) return { kind: "rejected", why: "not-allowed" };
  if ("user" in question) {
    const { local, realm } = question.user;
    if (local === "" || hasControl(local) || hasControl(realm)) return { kind: "rejected", why: "unknown-user" };
  }
  const secret = question.kind === "password" ? question.password : null;
  if (secret === "" || secret?.includes("\0")) return { kind: "rejected", why: "wrong-secret" };
  // Each octet of a text is at most 6 characters of JSON; nothing that a mail client can send comes near.
  if (JSON.stringify(questionFields(question)).length * 3 < LINE_LIMIT_OCTETS) return null;
  return { kind: "rejected", why: secret === null ? "unknown-user" : "wrong-secret" };
}

function isAnswered(question: Question, answers: Backend["answers"]): boolean {
  switch (question.kind) {
    case "password":
    case "lookup":
      return answers[question.kind];
    case "verifiers":
      return answers.schemes.has(question.scheme);
    case "token":
      return answers.tokens.has(question.scheme);
  }
}

function oneOf<const Names extends readonly string[]>(names: Names) {
  return z.enum(names, { error: `expected one of ${names.map((name) => `"${name}"`).join(", ")}` });
}
