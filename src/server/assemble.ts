/**
 * Builds a generation out of a configuration: backends, chain, offer, certificate.
 *
 * @module
 */

import { createAuthenticator } from "../auth/create_authenticator.ts";
import { createLocalRecipients } from "../auth/local_recipients.ts";
import { createOffer } from "../auth/offered.ts";
import { createSuccessCache } from "../auth/success_cache.ts";
import type { AccountAdmin } from "../accounts/account_store.ts";
import type { Backend } from "../backend.ts";
import type { BackendHost, BackendModule } from "../backend_module.ts";
import type { BackendConfig, Config } from "../config/config.ts";
import { networkSet } from "../lib/network.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { MECHANISMS } from "../sasl/mechanisms.ts";
import { loadCertificate } from "./certificate.ts";
import { Generation } from "./generation.ts";
import { type Standing, type StartProblem, StoreUnavailable } from "./standing.ts";

/** The kinds of backend built in, by type. */
export type BackendModules = ReadonlyMap<string, BackendModule>;

/** Brings a configuration to life. Nothing of it stays open when there is a problem. */
export async function buildGeneration(
  config: Config,
  standing: Standing,
  modules: BackendModules,
): Promise<Result<Generation, StartProblem>> {
  const certificate = config.tls === null ? null : await loadCertificate(config.tls);
  if (certificate !== null && !certificate.ok) return fail({ kind: "config", message: certificate.problem });
  await using opened = new AsyncDisposableStack();
  const backends: Backend[] = [];
  const stores = new Map<string, AccountAdmin>();
  for (const section of config.backends) {
    const accounts = (file: string) => {
      const store = standing.accounts(file);
      stores.set(section.name, store);
      return store;
    };
    const host = { dataDir: config.dataDir, defaultRealm: config.defaultRealm, accounts };
    const backend = await openBackend(section, modules, host);
    if (!backend.ok) return backend;
    backends.push(opened.use(backend.value));
  }
  const { key, log, guessing, spool } = standing;
  const cache = config.sasl.successCache ? standing.cache : createSuccessCache({ key, enabled: false });
  const clock = { now: Date.now };
  const authenticator = opened.use(createAuthenticator({ config, backends, guessing, cache, key, log, clock }));
  const answers = backends.map((backend) => backend.answers);
  const owned = opened.move();
  return succeed(
    new Generation({
      config,
      authenticator,
      backends,
      stores,
      spool,
      localRecipients: createLocalRecipients({ domains: config, authenticator, stores: [...stores.values()] }),
      certificate: certificate === null ? null : certificate.value,
      cleartextNetworks: networkSet(config.sasl.cleartextNetworks),
      offered: createOffer({ sasl: config.sasl, answers, mechanisms: MECHANISMS }),
      dispose: () => owned.disposeAsync(),
    }),
  );
}

async function openBackend(
  { name, type, options }: BackendConfig,
  modules: BackendModules,
  host: BackendHost,
): Promise<Result<Backend, StartProblem>> {
  const module = modules.get(type);
  if (module === undefined) return fail({ kind: "config", message: `Cannot open backend ${name}: no type "${type}"` });
  try {
    return succeed(await module.open(name, options, host));
  } catch (cause) {
    if (cause instanceof StoreUnavailable) return fail(cause.problem);
    throw cause;
  }
}
