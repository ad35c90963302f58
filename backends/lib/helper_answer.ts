/**
 * Answers of helpers, plugins and services, checked before anything believes them.
 *
 * @module
 */

import { z } from "zod";
import type { Account, Answer, Question, UserName, Verifier } from "../../src/backend.ts";
import { decodeBase64 } from "../../src/lib/octets.ts";
import { fail, type Result, succeed } from "../../src/lib/result.ts";
import { asciiLower, hasControl, printable } from "../../src/lib/text.ts";

/** What an answer is read for. */
export interface ReadContext {
  readonly question: Question;
  /** The name of the backend's section. */
  readonly backend: string;
}

const TEXT_LIMIT = 1000;
const CHALLENGE_LIMIT_OCTETS = 8192;
const REASONS = ["unknown-user", "wrong-secret", "disabled", "expired", "must-change", "not-allowed"] as const;

const text = z.string().max(TEXT_LIMIT).refine((value) => value !== "" && !hasControl(value), "expected one line");
const words = z.string().transform((value) => printable(value));

const account = z.object({
  name: text.refine(isAccountName, "expected user@realm, the realm in lower case").optional(),
  addresses: z.array(text).default([]),
  groups: z.array(text).default([]),
  attributes: z.record(text, z.string().max(TEXT_LIMIT)).default({}),
}).default({ addresses: [], groups: [], attributes: {} });

const credential = text.default("password");

const verifier = z.discriminatedUnion("scheme", [
  z.object({ scheme: z.literal("cram-md5"), credential, inner: octets(16), outer: octets(16) }),
  z.object({ scheme: z.literal("digest-md5"), credential, realm: text, ha1s: z.array(octets(16)).min(1) }),
  z.object({ scheme: z.literal("scram-sha-1"), ...scram(20) }),
  z.object({ scheme: z.literal("scram-sha-256"), ...scram(32) }),
]);

const answer = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("accepted"), account, credential, version: text.default("1") }),
  z.object({ kind: z.literal("known"), account }),
  z.object({ kind: z.literal("verifiers"), account, verifiers: z.array(verifier).min(1) }),
  z.object({ kind: z.literal("continue"), challenge: octets(null), handle: text }),
  z.object({ kind: z.literal("rejected"), why: z.enum(REASONS), note: words.optional() }),
  z.object({ kind: z.literal("unavailable"), cause: words.default("it says so") }),
  z.object({ kind: z.literal("fault"), text: words.default("it says so") }),
]);

type Given = z.output<typeof answer>;

/** The answer in the form of the contract. The problem says what is wrong with it, and quotes nothing of it. */
export function readAnswer(given: unknown, context: ReadContext): Result<Answer, string> {
  const read = answer.safeParse(given);
  if (!read.success) {
    const [issue] = read.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? "" : ` in ${printable(issue.path.join("."), 60)}`;
    return fail(`gave an answer that is none${place}: ${printable(issue?.message ?? "", 120)}`);
  }
  return toAnswer(read.data, context);
}

function toAnswer(given: Given, context: ReadContext): Result<Answer, string> {
  switch (given.kind) {
    case "accepted":
    case "known": {
      const whose = accountOf(given.account, context);
      if (whose === null) return fail("accepted somebody without saying whose account it is");
      return succeed(isAccountName(whose.name) ? { ...given, account: whose } : unnamed());
    }
    case "verifiers": {
      const whose = accountOf(given.account, context);
      if (whose === null || !isAccountName(whose.name)) return succeed(unnamed());
      const misfit = misfitOf(given.verifiers, context.question);
      return misfit === null ? succeed({ ...given, account: whose, decoy: false }) : fail(misfit);
    }
    case "rejected": {
      const { kind, why, note } = given;
      return succeed(note === undefined ? { kind, why } : { kind, why, note });
    }
    case "fault":
      return fail(given.text);
    default:
      return succeed(given);
  }
}

/** The account as it is named, or as it was asked for; `null` where neither names one. */
function accountOf({ name, ...rest }: z.output<typeof account>, { question, backend }: ReadContext): Account | null {
  const named = name ?? ("user" in question ? nameOf(question.user) : null);
  return named === null ? null : { ...rest, name: named, backend };
}

function nameOf({ local, realm }: UserName): string {
  return `${local}@${realm}`;
}

/** A name as it was asked, accepted, that cannot be the name of an account: folders are named after them. */
function unnamed(): Answer {
  return { kind: "rejected", why: "not-allowed", note: "accepted, but the name cannot be that of an account" };
}

function misfitOf(verifiers: readonly Verifier[], question: Question): string | null {
  const scheme = question.kind === "verifiers" ? question.scheme : null;
  if (verifiers.some((each) => each.scheme !== scheme)) return `gave verifiers other than ${scheme ?? "none"}`;
  const salts = new Set(verifiers.flatMap((each) => "salt" in each ? [each.salt.toBase64()] : []));
  return salts.size > 1 ? "gave SCRAM verifiers of one account with several salts" : null;
}

function isAccountName(name: string): boolean {
  const at = name.lastIndexOf("@");
  const [local, realm] = [name.slice(0, Math.max(at, 0)), name.slice(at + 1)];
  return local !== "" && realm !== "" && realm === asciiLower(realm) && name.length <= TEXT_LIMIT &&
    !/^\.|[/@\s]/.test(local) && !/[/\s]/.test(realm) && !hasControl(name);
}

function scram(length: number) {
  return {
    credential,
    salt: octets(null),
    iterations: z.int().min(1).max(10_000_000),
    storedKey: octets(length),
    serverKey: octets(length),
  };
}

/** Octets in base64: so many, or from 1 to the limit of a challenge. */
function octets(length: number | null) {
  return z.string().transform((value, context): Uint8Array => {
    const decoded = decodeBase64(value);
    const fits = decoded !== null &&
      (length === null ? decoded.length > 0 && decoded.length <= CHALLENGE_LIMIT_OCTETS : decoded.length === length);
    if (fits) return decoded;
    context.addIssue({ code: "custom", message: `expected ${length ?? "some"} octets in base64` });
    return z.NEVER;
  });
}
