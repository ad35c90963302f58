/**
 * Asking the whole chain: which realms are served, who is asked, and the app passwords that stand before it.
 *
 * @module
 */

import type { AppPasswordFile } from "../accounts/app_password_store.ts";
import type { Answer, Backend, Question, RejectedBecause, UserName } from "../backend.ts";
import type { Config } from "../config/config.ts";
import type { ChainStep } from "../log/event.ts";
import { appPasswordMember, takesAppPasswords } from "./app_passwords.ts";
import { askBackend, type ChainMember } from "./ask_backend.ts";
import { askCached } from "./ask_cached.ts";
import { askChain, type ChainResult, isUnknown } from "./chain.ts";
import type { ChainCall } from "./exchange.ts";
import { cannotAgree, canonicalRealm, requiredIn, whySkipped } from "./members.ts";
import type { SuccessCache } from "./success_cache.ts";

/** What is asked, and with what. */
export interface AskingParts {
  readonly members: readonly ChainMember[];
  /** In canonical form; `null`: each realm. */
  readonly served: ReadonlySet<string> | null;
  readonly backends: readonly Backend[];
  readonly appPasswords?: AppPasswordFile | undefined;
  readonly config: { readonly sasl: Pick<Config["sasl"], "legacyVerifiers" | "appPasswordOutage"> };
  readonly cache: SuccessCache;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told of what goes wrong where nobody waits for it. */
  readonly onBug: (text: string) => void;
}

/** The chain, ready to be asked. */
export interface Asking {
  ask(question: Question, call: ChainCall): Promise<ChainResult>;
  /** Who is asked for accounts of a realm, given in canonical form, app passwords among them. */
  askedIn(realm: string): readonly ChainMember[];
}

/** What is said of a name in a realm that is not served: to the client the same as of any unknown one. */
const NOT_SERVED = refusal("unknown-user", { backend: "realms", answer: "rejected:realm not served", ms: 0 });
/** Of a mechanism that shows its secret to one backend alone, where several must agree. It is not offered there. */
const NOT_BY_THIS = refusal("not-allowed", { backend: "chain", answer: "rejected:several must agree", ms: 0 });
/** Each backend has a deadline of its own. */
const NEVER = new AbortController().signal;

type Lookup = Extract<Question, { readonly kind: "lookup" }>;

/** An answer that was given before the chain was asked. */
interface FirstAnswer {
  readonly member: ChainMember;
  readonly answer: Answer;
}

/** Makes it. */
export function createAsking({ members, served, cache, now, ...parts }: AskingParts): Asking {
  const appPasswords = makeAppPasswords();

  function makeAppPasswords(): ChainMember | null {
    const { backends, appPasswords: file, config: { sasl }, onBug } = parts;
    if (file === undefined || !backends.some(takesAppPasswords)) return null;
    return appPasswordMember({
      file,
      legacyVerifiers: sasl.legacyVerifiers,
      outageAllowed: sasl.appPasswordOutage,
      lookup: async (user) => (await lookUp({ kind: "lookup", user, login: true }, { signal: NEVER, onBug })).answer,
      isOurs: (name) => backends.some((backend) => backend.name === name && backend.local !== undefined),
      now,
    });
  }

  function isServed(user: UserName): boolean {
    return served === null || served.has(canonicalRealm(user.realm));
  }

  /** Not where something is required: an app password could not be shown to it. */
  function appPasswordsIn(realm: string): readonly ChainMember[] {
    return appPasswords === null || requiredIn(members, realm).length > 0 ? [] : [appPasswords];
  }

  /** `null`: there is no app password to speak of, and the chain is asked as if there were none at all. */
  async function askFirst(question: Question, call: ChainCall): Promise<FirstAnswer | null> {
    if (question.kind === "token") return null;
    for (const member of appPasswordsIn(canonicalRealm(question.user.realm))) {
      const answer = await askBackend(member, question, call);
      if (!isUnknown(answer)) return { member, answer };
    }
    return null;
  }

  async function lookUp(question: Lookup, call: ChainCall): Promise<ChainResult> {
    if (!isServed(question.user)) return NOT_SERVED;
    // Whether an account exists is no login: whoever knows it says so.
    return await askChain(members.map(asSufficient), {
      ask: (member) => askCached(member, question, { ...call, cache, now }),
      skips: (member) => whySkipped(member, question),
      now,
    });
  }

  async function ask(question: Question, call: ChainCall): Promise<ChainResult> {
    if (question.kind === "lookup") return await lookUp(question, call);
    if (question.kind !== "token" && !isServed(question.user)) return NOT_SERVED;
    if (cannotAgree(members, question)) return NOT_BY_THIS;
    const first = await askFirst(question, call);
    return await askChain(first === null ? members : [first.member, ...members], {
      ask: async (member) => {
        if (member === first?.member) return { answer: first.answer, note: null };
        return await askCached(member, question, { ...call, cache, now });
      },
      skips: (member) => member === first?.member ? null : whySkipped(member, question),
      now,
    });
  }

  return { ask, askedIn: (realm) => [...appPasswordsIn(realm), ...members] };
}

function asSufficient(member: ChainMember): ChainMember {
  return { ...member, control: "sufficient" };
}

function refusal(why: RejectedBecause, step: ChainStep): ChainResult {
  const answer = { kind: "rejected", why } as const;
  return { answer, decidedBy: null, agreedBy: [], steps: [step], wrongSecret: false, unknownHere: true, because: why };
}
