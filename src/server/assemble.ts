/**
 * Builds a generation out of a configuration: backends, chain, offer, certificate.
 *
 * @module
 */

import { createVerifierMaker } from "../accounts/derived_verifiers.ts";
import { createAppPasswords } from "../auth/app_password_admin.ts";
import { appPasswordAnswers, takesAppPasswords } from "../auth/app_passwords.ts";
import { createAuthenticator } from "../auth/create_authenticator.ts";
import { answersForOffer } from "../auth/members.ts";
import { openAliasFile } from "../auth/alias_file.ts";
import { createLocalRecipients } from "../auth/local_recipients.ts";
import { createOffer } from "../auth/offered.ts";
import { createSuccessCache } from "../auth/success_cache.ts";
import type { AccountAdmin } from "../accounts/account_store.ts";
import type { Backend } from "../backend.ts";
import type { Config } from "../config/config.ts";
import type { Log } from "../log/event.ts";
import { createDkimSigner } from "../delivery/dkim_signer.ts";
import { AliasTable } from "../policy/alias_table.ts";
import { networkSet } from "../lib/network.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { MECHANISMS } from "../sasl/mechanisms.ts";
import { loadCertificate } from "./certificate.ts";
import { openAccess } from "./access_file.ts";
import { Devices } from "./devices.ts";
import { Generation } from "./generation.ts";
import { SenderRule } from "./sender_rule.ts";
import { type BackendModules, openBackend } from "./open_backend.ts";
import type { Standing, StartProblem } from "./standing.ts";

function aliasesOf(config: Config, log: Log): () => Promise<AliasTable | null> {
  const file = config.delivery.local?.aliasesFile ?? null;
  const { localDomains } = config;
  const none = new AliasTable(new Map(), localDomains);
  return file === null ? () => Promise.resolve(none) : openAliasFile({ file, localDomains, log, now: Date.now });
}

/** Brings a configuration to life. Nothing of it stays open when there is a problem. */
export async function buildGeneration(
  config: Config,
  standing: Standing,
  modules: BackendModules,
): Promise<Result<Generation, StartProblem>> {
  const certificate = config.tls === null ? null : await loadCertificate(config.tls);
  if (certificate !== null && !certificate.ok) return fail({ kind: "config", message: certificate.problem });
  const signer = await createDkimSigner(config.dkim.keys);
  await using opened = new AsyncDisposableStack();
  const backends: Backend[] = [];
  const stores = new Map<string, AccountAdmin>();
  const { defaultRealm, sasl } = config;
  const verifiersOf = createVerifierMaker({ key: standing.key, defaultRealm, realms: sasl.realms });
  for (const section of config.backends) {
    const accounts = (file: string) => {
      const store = standing.accounts(file);
      stores.set(section.name, store);
      return store;
    };
    const warn = (text: string) => standing.log({ kind: "warning", about: `backend.${section.name}`, text });
    const { deadlineMs, realms } = section;
    const host = { dataDir: config.dataDir, defaultRealm, realms, accounts, deadlineMs, verifiersOf, warn };
    const backend = await openBackend(section, modules, host);
    if (!backend.ok) return backend;
    backends.push(opened.use(backend.value));
  }
  const { key, log, guessing, spool, appPasswords, limits, enrolments } = standing;
  const takesForeign = backends.some(takesAppPasswords);
  // A file that cannot be read is told now, and not at the first login.
  const present = takesForeign ? appPasswords.existing() : null;
  if (present?.ok === false) return fail(present.problem);
  const cache = config.sasl.successCache ? standing.cache : createSuccessCache({ key, enabled: false });
  const clock = { now: Date.now };
  const authenticator = opened.use(
    createAuthenticator({ config, backends, appPasswords, guessing, cache, key, log, clock }),
  );
  const answers = answersForOffer(config, backends);
  const aliases = aliasesOf(config, log);
  const owned = opened.move();
  return succeed(
    new Generation({
      config,
      authenticator,
      backends,
      stores,
      appPasswords: createAppPasswords({
        ...{ sections: config.backends, backends, authenticator, stores, file: appPasswords },
      }),
      spool,
      isBanned: (remote, options) => standing.isBanned(remote, options),
      limits,
      localRecipients: createLocalRecipients({
        ...{ domains: config, authenticator, stores: [...stores.values()] },
        aliases,
      }),
      access: openAccess(config.access, { log, now: Date.now }),
      certificate: certificate === null ? null : certificate.value,
      signer,
      senderRule: new SenderRule({ config, aliases, log }),
      devices: new Devices({ config, stores, enrolments, ...{ log, now: Date.now } }),
      enrolments,
      cleartextNetworks: networkSet(config.sasl.cleartextNetworks),
      offered: createOffer({
        ...{ sasl: config.sasl, answers, mechanisms: MECHANISMS },
        appPasswords: takesForeign ? appPasswordAnswers(sasl.legacyVerifiers) : null,
      }),
      dispose: () => owned.disposeAsync(),
    }),
  );
}
