/**
 * The authenticator of one configuration.
 *
 * @module
 */

import { canonicalName } from "../accounts/account_name.ts";
import type { Answer, Backend, Origin, Question, RejectedBecause, UserName, VerifierScheme } from "../backend.ts";
import type { Config } from "../config/config.ts";
import type { ChainStep, Log } from "../log/event.ts";
import type { ChainMember } from "./ask_backend.ts";
import { askCached } from "./ask_cached.ts";
import type { AuthenticationExchange, Authenticator, GuessingStore } from "./authenticator.ts";
import { askChain, type ChainResult } from "./chain.ts";
import { DecoyShapes } from "./decoy_shapes.ts";
import { decoyVerifier } from "./decoys.ts";
import { type ChainCall, Exchange } from "./exchange.ts";
import { createHolds, type Wait, waitByTimer } from "./holds.ts";
import { cannotAgree, canonicalRealm, chainMembers, isAskedFor, servedRealms, whySkipped } from "./members.ts";
import { baseName } from "./offered.ts";
import { createRealmDoctor } from "./realm_doctor.ts";
import type { SuccessCache } from "./success_cache.ts";

/** What an authenticator is made of. It disposes none of it. */
export interface AuthenticatorParts {
  readonly config: Pick<Config, "defaultRealm" | "backends"> & {
    readonly sasl: Pick<
      Config["sasl"],
      "pwcheckMethod" | "realms" | "trustMech" | "userCaseSensitive" | "outageIsRejection"
    >;
  };
  /** One for each name of `pwcheck_method`, in any order. */
  readonly backends: readonly Backend[];
  /** Lives as long as the process. */
  readonly guessing: GuessingStore;
  /** Lives as long as the process. */
  readonly cache: SuccessCache;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly clock: { now(): number };
  /** See `loadProcessKey`. */
  readonly key: Uint8Array;
  /** The least time of a failure, from the arrival of the secret to the verdict. Successes do not wait. Default 100. */
  readonly floorMs?: number;
  /** How it waits. Default: by a timer. */
  readonly wait?: Wait;
}

const FLOOR_MS = 100;
/** Replies that may wait for a minute at the same time: each is a connection. */
const HOLDS = 50;

/** What is said of a name in a realm that is not served: to the client the same as of any unknown one. */
const NOT_SERVED = refusal("unknown-user", { backend: "realms", answer: "rejected:realm not served", ms: 0 });
/** Of a mechanism that shows its secret to one backend alone, where several must agree. It is not offered there. */
const NOT_BY_THIS = refusal("not-allowed", { backend: "chain", answer: "rejected:several must agree", ms: 0 });

/** Makes the authenticator. Disposing it ends every wait at once. */
export function createAuthenticator(parts: AuthenticatorParts): Authenticator {
  const { config, guessing, log, key, floorMs = FLOOR_MS, wait = waitByTimer } = parts;
  const { defaultRealm, sasl: { realms, userCaseSensitive, outageIsRejection } } = config;
  const now = () => parts.clock.now();
  const holds = createHolds(HOLDS, wait);
  const members = chainMembers(config, parts);
  const local = members.find(({ backend }) => backend.local !== undefined)?.backend.local;
  const served = servedRealms(config);
  const trusted = new Set(config.sasl.trustMech.map(baseName));
  const shapes = new DecoyShapes();
  const doctor = createRealmDoctor({ backends: parts.backends, defaultRealm, log });

  const chain = async (question: Question, { signal, onBug }: ChainCall): Promise<ChainResult> => {
    if (question.kind !== "token" && served?.has(canonicalRealm(question.user.realm)) === false) return NOT_SERVED;
    const options = { signal, onBug, cache: parts.cache, now };
    const ask = (member: ChainMember) => askCached(member, question, options);
    const skips = (member: ChainMember) => whySkipped(member, question);
    // Whether an account exists is no login: whoever knows it says so.
    if (question.kind === "lookup") return await askChain(members.map(asSufficient), { ask, skips, now });
    if (cannotAgree(members, question)) return NOT_BY_THIS;
    const result = await askChain(members, { ask, skips, now });
    const { answer, decidedBy } = result;
    if (answer.kind === "verifiers" && decidedBy !== null) shapes.learn(decidedBy.backend.name, answer.verifiers);
    return result;
  };
  const exchangeParts = {
    ...{ key, defaultRealm, guessing, holds, log, now, floorMs, outageIsRejection, chain },
    logUnknown: doctor.log,
    decoy: (user: UserName, scheme: VerifierScheme) => {
      const { local, realm, folded } = canonicalName(user);
      const able = members.filter((member) => isAskedFor(member, { realm, scheme }));
      return decoyVerifier({ local: userCaseSensitive ? local : folded, realm }, scheme, {
        ...{ key, defaultRealm, realms },
        shapes: able.map(({ backend }) => shapes.of(backend.name, scheme)),
      });
    },
    spend: (password: string, signal: AbortSignal) => local?.spend(password, signal) ?? Promise.resolve(),
    trusts: (mechanism: string) => trusted.has(baseName(mechanism)),
  };

  return {
    begin: (origin: Origin, session: string): AuthenticationExchange => new Exchange(exchangeParts, origin, session),
    lookup: async (user: UserName, signal: AbortSignal): Promise<Answer> => {
      const onBug = (text: string) => log({ kind: "bug", where: "backend", id: null, text });
      return (await chain({ kind: "lookup", user }, { signal, onBug })).answer;
    },
    [Symbol.asyncDispose]: async () => {
      holds[Symbol.dispose]();
      await doctor[Symbol.asyncDispose]();
    },
  };
}

function asSufficient(member: ChainMember): ChainMember {
  return { ...member, control: "sufficient" };
}

function refusal(why: RejectedBecause, step: ChainStep): ChainResult {
  const answer = { kind: "rejected", why } as const;
  return { answer, decidedBy: null, agreedBy: [], steps: [step], wrongSecret: false, unknownHere: true, because: why };
}
