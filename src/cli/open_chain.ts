/**
 * The configured backends and their authenticator, opened by a command for itself: no server has to run.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { BACKENDS } from "../../backends/registry.ts";
import type { AccountAdmin } from "../accounts/account_store.ts";
import { APP_PASSWORD_FILE, AppPasswordFile } from "../accounts/app_password_store.ts";
import { createVerifierMaker } from "../accounts/derived_verifiers.ts";
import { type AppPasswords, createAppPasswords } from "../auth/app_password_admin.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import { createAuthenticator } from "../auth/create_authenticator.ts";
import { createGuessingStore } from "../auth/guessing.ts";
import { createSuccessCache } from "../auth/success_cache.ts";
import type { Backend } from "../backend.ts";
import type { BackendConfig, Config } from "../config/config.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import { openBackend } from "../server/open_backend.ts";
import { openStore, type StoreProblem } from "./accounts.ts";
import { EXIT } from "./exit.ts";
import { complain } from "./output.ts";

/** Backends opened for a command; dispose them. */
export interface OpenBackends extends AsyncDisposable {
  readonly backends: readonly Backend[];
  /** The account stores behind them, by the backend's name. */
  readonly stores: ReadonlyMap<string, AccountAdmin>;
  /** Why others of them cannot be opened. */
  readonly problems: readonly StoreProblem[];
}

/** An open chain; dispose it. */
export interface OpenChain extends AsyncDisposable {
  readonly backends: readonly Backend[];
  /** The account stores behind them, by the backend's name. */
  readonly stores: ReadonlyMap<string, AccountAdmin>;
  readonly authenticator: Authenticator;
  readonly appPasswords: AppPasswords;
}

/** Opens the backends of these sections, each as far as it can be. */
export async function openBackends(config: Config, sections: readonly BackendConfig[]): Promise<OpenBackends> {
  await using opened = new AsyncDisposableStack();
  const backends: Backend[] = [];
  const stores = new Map<string, AccountAdmin>();
  const problems: StoreProblem[] = [];
  const { dataDir, defaultRealm, sasl } = config;
  const verifiersOf = createVerifierMaker({ key: randomBytes(32), defaultRealm, realms: sasl.realms });
  for (const section of sections) {
    const accounts = () => {
      const store = openStore(config, section);
      if (!store.ok) throw new StoreFailed(store.problem);
      stores.set(section.name, store.value);
      return opened.use(store.value);
    };
    try {
      const warn = (text: string) => complain(`backend.${section.name}: ${text}`);
      const { deadlineMs, realms } = section;
      const host = { dataDir, defaultRealm, realms, accounts, deadlineMs, verifiersOf, warn };
      const backend = await openBackend(section, BACKENDS, host);
      if (backend.ok) backends.push(opened.use(backend.value));
      else problems.push({ message: backend.problem.message, exit: EXIT.config });
    } catch (error) {
      if (!(error instanceof StoreFailed)) throw error;
      problems.push(error.problem);
    }
  }
  const owned = opened.move();
  return { backends, stores, problems, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Opens the chain. Nothing is counted or remembered: guesses and cached logins are the server's, in its own process. */
export async function openChain(config: Config, log: Log): Promise<Result<OpenChain, StoreProblem>> {
  await using opened = new AsyncDisposableStack();
  const { backends, stores, problems: [problem] } = opened.use(await openBackends(config, config.backends));
  if (problem !== undefined) return fail(problem);
  const key = randomBytes(32);
  const { dataDir, defaultRealm, sasl: { realms, legacyVerifiers } } = config;
  const settings = { defaultRealm, realms, legacyVerifiers, now: Date.now };
  const appPasswords = opened.use(new AppPasswordFile(join(dataDir, APP_PASSWORD_FILE), settings));
  const authenticator = opened.use(createAuthenticator({
    ...{ config, backends, appPasswords, log, key, clock: { now: Date.now }, floorMs: 0 },
    guessing: createGuessingStore({ enabled: false, exemptNetworks: [] }, NO_NETWORKS),
    cache: createSuccessCache({ key, enabled: false }),
  }));
  const chain = { sections: config.backends, backends, authenticator, stores, file: appPasswords };
  const owned = opened.move();
  return succeed({
    ...{ backends, stores, authenticator, appPasswords: createAppPasswords(chain) },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  });
}

/** Goes from where a backend asks for its store through the backend's `open`. */
class StoreFailed extends Error {
  readonly problem: StoreProblem;

  constructor(problem: StoreProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

const NO_NETWORKS = { has: () => false, add: () => {}, hasAnybody: () => false, [Symbol.dispose]: () => {} };
