/**
 * The authenticator of one configuration.
 *
 * @module
 */

import { canonicalName } from "../accounts/account_name.ts";
import type { Answer, Backend, Origin, Question, UserName, VerifierScheme } from "../backend.ts";
import type { AppPasswordFile } from "../accounts/app_password_store.ts";
import type { Config } from "../config/config.ts";
import type { Log } from "../log/event.ts";
import { createAsking } from "./asking.ts";
import type { AuthenticationExchange, Authenticator, GuessingStore, LoginRules } from "./authenticator.ts";
import type { ChainResult } from "./chain.ts";
import { DecoyShapes } from "./decoy_shapes.ts";
import { decoyVerifier } from "./decoys.ts";
import { type ChainCall, Exchange } from "./exchange.ts";
import { createHolds, type Wait, waitByTimer } from "./holds.ts";
import { chainMembers, isAskedFor, servedRealms } from "./members.ts";
import { trustedMechanisms } from "./offered.ts";
import { createRealmDoctor } from "./realm_doctor.ts";
import type { SuccessCache } from "./success_cache.ts";

/** What an authenticator is made of. It disposes none of it. */
export interface AuthenticatorParts {
  readonly config: Pick<Config, "defaultRealm" | "backends"> & {
    readonly sasl: Pick<
      Config["sasl"],
      | ("pwcheckMethod" | "realms" | "trustMech" | "userCaseSensitive" | "outageIsRejection")
      | ("legacyVerifiers" | "appPasswordOutage")
    >;
  };
  /** One for each name of `pwcheck_method`, in any order. */
  readonly backends: readonly Backend[];
  /** App passwords for accounts of those backends whose accounts are elsewhere. Lives as long as the process. Absent: there are none. */
  readonly appPasswords?: AppPasswordFile | undefined;
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

/** Makes the authenticator. Disposing it ends every wait at once. */
export function createAuthenticator(parts: AuthenticatorParts): Authenticator {
  const { config, guessing, log, key, floorMs = FLOOR_MS, wait = waitByTimer } = parts;
  const { defaultRealm, sasl: { realms, userCaseSensitive, outageIsRejection } } = config;
  const now = () => parts.clock.now();
  const holds = createHolds(HOLDS, wait);
  const members = chainMembers(config, parts);
  const local = members.find(({ backend }) => backend.local !== undefined)?.backend.local;
  const served = servedRealms(config);
  const shapes = new DecoyShapes();
  const doctor = createRealmDoctor({ backends: parts.backends, defaultRealm, log });

  const onBug = (text: string) => log({ kind: "bug", where: "backend", id: null, text });
  const asking = createAsking({ ...parts, members, served, now, onBug });
  const chain = async (question: Question, call: ChainCall): Promise<ChainResult> => {
    const result = await asking.ask(question, call);
    const { answer, decidedBy } = result;
    if (answer.kind === "verifiers" && decidedBy !== null) shapes.learn(decidedBy.backend.name, answer.verifiers);
    return result;
  };
  const exchangeParts = {
    ...{ key, defaultRealm, guessing, holds, log, now, floorMs, outageIsRejection, chain },
    logUnknown: doctor.log,
    decoy: (user: UserName, scheme: VerifierScheme) => {
      const { local, realm, folded } = canonicalName(user);
      const able = asking.askedIn(realm).filter((member) => isAskedFor(member, { realm, scheme }));
      return decoyVerifier({ local: userCaseSensitive ? local : folded, realm }, scheme, {
        ...{ key, defaultRealm, realms },
        shapes: able.map(({ backend }) => shapes.of(backend.name, scheme)),
      });
    },
    spend: (password: string, signal: AbortSignal) => local?.spend(password, signal) ?? Promise.resolve(),
    trusts: trustedMechanisms(config.sasl),
  };

  return {
    begin: (origin: Origin, session: string, rules?: LoginRules): AuthenticationExchange =>
      new Exchange({ ...exchangeParts, rules }, origin, session),
    lookup: async (user: UserName, signal: AbortSignal): Promise<Answer> => {
      return (await asking.ask({ kind: "lookup", user }, { signal, onBug })).answer;
    },
    [Symbol.asyncDispose]: async () => {
      holds[Symbol.dispose]();
      await doctor[Symbol.asyncDispose]();
    },
  };
}
