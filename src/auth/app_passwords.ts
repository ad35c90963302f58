/**
 * The backend of app passwords for accounts of other backends. It stands before the chain, where it answers for what it has and is not to
 * be seen otherwise: the chain goes on as if it were not there. What an app password opens is the account of the other backend, which is
 * asked at each login whether it still knows it.
 *
 * @module
 */

import { type AppPasswordFile, type AppPasswordStore, splitAccountName } from "../accounts/app_password_store.ts";
import type {
  Answer,
  Backend,
  LocalAccounts,
  Origin,
  Question,
  Standing,
  UserName,
  VerifierScheme,
} from "../backend.ts";
import type { Result } from "../lib/result.ts";
import { fail, succeed } from "../lib/result.ts";
import { mechanismNamed } from "../sasl/mechanisms.ts";
import type { ChainMember } from "./ask_backend.ts";

/** What it is made of. */
export interface AppPasswordParts {
  readonly file: AppPasswordFile;
  readonly legacyVerifiers: boolean;
  /** Whether an account that was known within 24 hours may log in while its backend is down. */
  readonly outageAllowed: boolean;
  /** Asks the chain whether it knows an account, and whether that may log in. */
  readonly lookup: (user: UserName) => Promise<Answer>;
  /** Whether the accounts of a backend of the chain lie in a store of ours: then their app passwords are there. */
  readonly isOurs: (backend: string) => boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** How it is called in the log. */
export const APP_PASSWORDS = "app-passwords";

/** Whether an account may log in cannot be told now: an outage, and nobody's wrong password. */
export class StandingUnavailable extends Error {
  override readonly name = "StandingUnavailable";
}

/** What the backend can answer, for every account that has an app password. */
export function appPasswordAnswers(legacyVerifiers: boolean): Backend["answers"] {
  const modern = ["scram-sha-1", "scram-sha-256"] as const;
  const schemes = new Set<VerifierScheme>(legacyVerifiers ? ["cram-md5", "digest-md5", ...modern] : modern);
  return { password: true, lookup: false, schemes, tokens: new Set() };
}

/** Whether a backend can have accounts whose app passwords are kept here: it says of each that is there, and is no store of ours. */
export function takesAppPasswords({ local, answers }: Pick<Backend, "local" | "answers">): boolean {
  return local === undefined && answers.lookup;
}

/** The member that is asked before the chain. */
export function appPasswordMember(parts: AppPasswordParts): ChainMember {
  const backend = createAppPasswordBackend(parts);
  // The file is here: there is nothing to wait for, and no gate.
  return { backend, deadlineMs: DEADLINE_MS, control: "sufficient", realms: null, gate: null };
}

const DEADLINE_MS = 10_000;
const UNKNOWN: Answer = { kind: "rejected", why: "unknown-user" };

function createAppPasswordBackend(parts: AppPasswordParts): Backend {
  return {
    name: APP_PASSWORDS,
    answers: appPasswordAnswers(parts.legacyVerifiers),
    local: localAccounts(parts),
    ask: async (question) => {
      const store = parts.file.existing();
      if (!store.ok) return { kind: "unavailable", cause: store.problem.message };
      try {
        return store.value === null ? UNKNOWN : await answer(question, store.value);
      } catch (error) {
        if (!isOutage(error)) throw error;
        return { kind: "unavailable", cause: error.message };
      }
    },
    probe: () => Promise.resolve(probe(parts.file)),
    // The file belongs to the process.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function answer(question: Question, store: AppPasswordStore): Promise<Answer> {
  if (question.kind !== "password" && question.kind !== "verifiers") return UNKNOWN;
  // Pages and the change of a password are for people, and for whoever knows the password of the account itself.
  if (!isSasl(question.origin)) return UNKNOWN;
  const name = await store.find(question.user);
  if (name === null) return UNKNOWN;
  const account = { name, backend: APP_PASSWORDS, addresses: [], groups: [], attributes: {} };
  if (question.kind === "password") {
    const credential = store.check(name, question.password);
    if (credential === null) return UNKNOWN;
    return { kind: "accepted", account, credential: credential.id, version: credential.version };
  }
  const verifiers = await store.verifiers(name, question.scheme);
  return verifiers.length === 0 ? UNKNOWN : { kind: "verifiers", account, verifiers, decoy: false };
}

function localAccounts({ file, lookup, isOurs, outageAllowed, now }: AppPasswordParts): LocalAccounts {
  const present = () => {
    const store = file.existing();
    if (!store.ok) throw new StandingUnavailable(store.problem.message);
    return store.value;
  };
  return {
    standing: async (user): Promise<Standing | null> => {
      const store = present();
      const name = await store?.find(user) ?? null;
      if (store === null || name === null) return null;
      const answer = await lookup(splitAccountName(name));
      const credentials = await store.credentials(name);
      if (answer.kind === "known" && answer.account.name === name && !isOurs(answer.account.backend)) {
        store.know(name, answer.account, now());
        return { account: answer.account, disabled: false, credentials };
      }
      if (answer.kind === "unavailable") {
        const known = outageAllowed ? store.known(name, now()) : null;
        if (known === null) throw new StandingUnavailable(answer.cause);
        return { account: known, disabled: false, credentials };
      }
      store.forget(name);
      return null;
    },
    used: ({ account }, credential, at, origin) => void present()?.used(account.name, credential, origin, at),
    // Whoever is unknown here is asked for in the whole chain, and the time of that is another's to take.
    spend: () => Promise.resolve(),
  };
}

/** Whether a question comes from an exchange of SASL, and not from a form that was filled in. */
function isSasl({ mechanism }: Origin): boolean {
  return mechanismNamed(mechanism) !== null;
}

function probe(file: AppPasswordFile): Result<void, string> {
  const store = file.existing();
  return store.ok ? succeed(undefined) : fail(store.problem.message);
}

/** Words of SQLite, which name tables and files, never a value. */
function isOutage(error: unknown): error is Error {
  return error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";
}
