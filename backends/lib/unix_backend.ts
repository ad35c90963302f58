/**
 * What the backends `passwd` and `shadow` share: from an account of a Unix system and a password to an answer.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Account, Answer, Backend, Question, RejectedBecause } from "../../src/backend.ts";
import type { Result } from "../../src/lib/result.ts";
import { judgeHash, spendCrypt, verifyCrypt } from "./crypt.ts";
import { type Aging, judgeAging, readPasswordField } from "./unix_entries.ts";

/** An account as a source knows it. */
export interface UnixAccount {
  readonly name: string;
  /** `null` where the source has none, as a file of shadow(5). */
  readonly uid: number | null;
  /** The password field. */
  readonly password: string;
  /** `null` where nothing ages. */
  readonly aging: Aging | null;
}

/** Where accounts come from. Problems are sentences for the log. */
export interface UnixSource {
  find(name: string, signal: AbortSignal): Promise<Result<UnixAccount | null, string>>;
  /** Whether it can be asked now. */
  check(signal: AbortSignal): Promise<Result<void, string>>;
}

/** How a backend is made. */
export interface UnixBackendOptions {
  readonly source: UnixSource;
  readonly realm: string;
  readonly minUid: number;
  readonly allowDes: boolean;
  /** A hash of the form that most accounts have, where one is known: an unknown user then takes as long. */
  readonly likely: string | null;
}

/** Makes a backend from a source. */
export function createUnixBackend(name: string, options: UnixBackendOptions): Backend {
  const checker = createChecker(name, options);
  return {
    name,
    answers: { password: true, lookup: true, schemes: new Set(), tokens: new Set() },
    ask: (question, signal) => {
      switch (question.kind) {
        case "password":
          return checker.password(question, signal);
        case "lookup":
          return checker.lookup(question, signal);
        case "verifiers":
        case "token":
          return Promise.resolve(rejected("not-allowed"));
      }
    },
    probe: (signal) => options.source.check(signal),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

interface Checker {
  password(question: Extract<Question, { readonly kind: "password" }>, signal: AbortSignal): Promise<Answer>;
  lookup(question: Extract<Question, { readonly kind: "lookup" }>, signal: AbortSignal): Promise<Answer>;
}

function createChecker(backend: string, { source, realm, likely, ...served }: UnixBackendOptions): Checker {
  // Of the form of the last one that was met, so that it costs the same to be unknown or to have no password.
  let like = likely;
  const accountOf = ({ name }: UnixAccount): Account => {
    return { name: `${name}@${realm}`, backend, addresses: [], groups: [], attributes: {} };
  };
  return {
    password: async ({ user, password }, signal) => {
      if (user.realm !== realm) return rejected("unknown-user");
      if (password === "") return rejected("wrong-secret");
      const found = await source.find(user.local, signal);
      if (!found.ok) return unavailable(found.problem);
      const account = found.value;
      const options = { signal, allowDes: served.allowDes };
      const afterSpending = async (answer: Answer) => {
        await spendCrypt(password, like, options);
        return answer;
      };
      if (account === null) return await afterSpending(rejected("unknown-user"));
      const credential = credentialOf(account, served);
      if (credential.kind === "none") return await afterSpending(credential.answer);
      const { hash, locked } = credential;
      const verdict = await verifyCrypt(password, hash, options);
      if (verdict === "unavailable") return unavailable("libcrypt is missing, and the hash of this account needs it");
      if (verdict === "unsupported") return rejected("not-allowed", UNCHECKED);
      like = hash;
      if (locked) return rejected("disabled");
      if (verdict === "wrong") return rejected("wrong-secret");
      const aged = account.aging === null ? null : judgeAging(account.aging, Date.now());
      if (aged !== null) return rejected(aged);
      return { kind: "accepted", account: accountOf(account), credential: "password", version: versionOf(hash) };
    },
    lookup: async ({ user, login = false }, signal) => {
      if (user.realm !== realm) return rejected("unknown-user");
      const found = await source.find(user.local, signal);
      if (!found.ok) return unavailable(found.problem);
      if (found.value === null) return rejected("unknown-user");
      const refused = leftOut(found.value, served) ?? (login ? closed(found.value) : null);
      return refused ?? { kind: "known", account: accountOf(found.value) };
    },
  };
}

type Served = Pick<UnixBackendOptions, "minUid" | "allowDes">;

/** What there is to compare with; without it the answer is the same for every password. */
type Credential =
  | { readonly kind: "hash"; readonly hash: string; readonly locked: boolean }
  | { readonly kind: "none"; readonly answer: Answer };

const UNCHECKED = "its hash is of a form that is not checked (DES only with allow_des)";

function credentialOf(account: UnixAccount, served: Served): Credential {
  const refused = leftOut(account, served);
  if (refused !== null) return { kind: "none", answer: refused };
  const field = readPasswordField(account.password);
  if (field.kind === "none") return { kind: "none", answer: rejected("not-allowed", "it has no password") };
  if (field.kind === "in-shadow") {
    return { kind: "none", answer: rejected("not-allowed", "its password is x, so it is in a shadow file") };
  }
  const locked = field.kind === "locked";
  if (judgeHash(field.hash, served) !== "nowhere") return { kind: "hash", hash: field.hash, locked };
  return { kind: "none", answer: locked ? rejected("disabled") : rejected("not-allowed", UNCHECKED) };
}

/** The answer for an account that could not log in with its password either. */
function closed({ password, aging }: UnixAccount): Answer | null {
  if (readPasswordField(password).kind === "locked") return rejected("disabled");
  const aged = aging === null ? null : judgeAging(aging, Date.now());
  return aged === null ? null : rejected(aged);
}

/** The answer for an account of the system's own. A file without numbers lists those too: they never have a password. */
function leftOut({ uid, password }: UnixAccount, { minUid }: Served): Answer | null {
  if (uid === null) {
    return readPasswordField(password).kind === "none" ? rejected("not-allowed", "it has no password") : null;
  }
  return uid >= minUid ? null : rejected("not-allowed", `its number ${uid} is below min_uid`);
}

/** Changes with the hash, and does not tell it. */
function versionOf(hash: string): string {
  return createHash("sha256").update(hash).digest("hex").slice(0, 16);
}

function rejected(why: RejectedBecause, note?: string): Answer {
  return note === undefined ? { kind: "rejected", why } : { kind: "rejected", why, note };
}

function unavailable(cause: string): Answer {
  return { kind: "unavailable", cause };
}
