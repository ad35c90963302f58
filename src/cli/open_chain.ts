/**
 * The configured backends and their authenticator, opened by a command for itself: no server has to run.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { BACKENDS } from "../../backends/registry.ts";
import type { AccountStore } from "../accounts/account_store.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import { createAuthenticator } from "../auth/create_authenticator.ts";
import { createGuessingStore } from "../auth/guessing.ts";
import { createSuccessCache } from "../auth/success_cache.ts";
import type { Backend } from "../backend.ts";
import type { Config } from "../config/config.ts";
import { type Result, succeed } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import { openStore, storeFile, type StoreProblem } from "./accounts.ts";

/** An open chain; dispose it. */
export interface OpenChain extends AsyncDisposable {
  readonly backends: readonly Backend[];
  readonly authenticator: Authenticator;
}

/** Opens the chain. Nothing is counted or remembered: guesses and cached logins are the server's, in its own process. */
export async function openChain(config: Config, log: Log): Promise<Result<OpenChain, StoreProblem>> {
  await using opened = new AsyncDisposableStack();
  const stores = new Map<string, AccountStore>();
  for (const section of config.backends.filter(({ type }) => type === "sasldb")) {
    const store = openStore(config, section);
    if (!store.ok) return store;
    stores.set(storeFile(section), opened.use(store.value));
  }
  const host = {
    dataDir: config.dataDir,
    defaultRealm: config.defaultRealm,
    accounts: (file: string) => storeIn(stores, file),
  };
  const backends: Backend[] = [];
  for (const { name, type, options } of config.backends) {
    const module = BACKENDS.get(type);
    if (module === undefined) throw new TypeError(`Cannot open backend ${name}: no module for ${type}`);
    backends.push(opened.use(await module.open(name, options, host)));
  }
  const key = randomBytes(32);
  const authenticator = opened.use(createAuthenticator({
    ...{ config, backends, log, key, clock: { now: Date.now }, floorMs: 0 },
    guessing: createGuessingStore({ enabled: false, exemptNetworks: [] }, NO_NETWORKS),
    cache: createSuccessCache({ key, enabled: false }),
  }));
  const owned = opened.move();
  return succeed({ backends, authenticator, [Symbol.asyncDispose]: () => owned.disposeAsync() });
}

const NO_NETWORKS = { has: () => false, add: () => {}, [Symbol.dispose]: () => {} };

function storeIn(stores: ReadonlyMap<string, AccountStore>, file: string): AccountStore {
  const store = stores.get(file);
  if (store === undefined) throw new TypeError(`Cannot open account store ${file}: it belongs to no section`);
  return store;
}
