/**
 * From checked sections to the whole: defaults that depend on each other, and what must hold between sections.
 *
 * @module
 */

import { resolve } from "node:path";
import { toAscii } from "../lib/domain.ts";
import { canonicalLocal } from "../policy/local_recipients.ts";
import { completeAccess } from "./access.ts";
import type { BackendConfig, Config, DeliveryConfig, SaslConfig } from "./config.ts";
import type { FileContents, Findings } from "./files.ts";
import { completeDkim } from "./dkim.ts";
import { completeBans, completeGuessing } from "./guessing.ts";
import { completeHttp, completeWebhooks } from "./http.ts";
import { completeHold, completeLimits, completeSending } from "./limits.ts";
import { completeListeners } from "./listeners.ts";
import { completeMasquerade } from "./masquerade.ts";
import { completeMx } from "./mx.ts";
import { completeLocal, completeRoutes } from "./routes.ts";
import { type BackendSections, type ChainLink, type Sections, unused } from "./sections.ts";
import { completeSender } from "./sender.ts";
import { completeSmarthost, smarthostWarnings } from "./smarthost.ts";

/** What `complete` works on. */
export interface Checked {
  readonly sections: Sections;
  /** Whether there is a [delivery.local], also when it has mistakes. */
  readonly hasLocalDelivery: boolean;
  /** What `pwcheck_method` names. */
  readonly chain: readonly ChainLink[];
  readonly backends: BackendSections;
  readonly contents: FileContents;
  /** The folder of the file, absolute. */
  readonly folder: string;
}

/** Completes the configuration. `null`: a section has a mistake; what can be said about the others is said all the same. */
export function completeConfig(checked: Checked, findings: Findings): Config | null {
  const { sections, contents, folder } = checked;
  const { hostname, dataDir, tls, message, notices, sendmail, limits, hold, guessing, bans, http, webhook, log, user } =
    sections;
  const localDomains = [...new Set([...sections.localDomains ?? [], ...contents.localDomains])];
  const defaultRealm = sections.defaultRealm ?? localDomains[0] ?? hostname ?? "";
  const withRealm = (account: string) => account.includes("@") ? account : `${account}@${defaultRealm}`;

  const localRecipients = readRecipients(sections, { localDomains, withRealm }, findings);
  checkLocalMail(checked, { localDomains, localRecipients }, findings);
  const sasl = completeSasl(checked, findings);
  const listeners = sections.listener === null ? null : allOf(completeListeners(sections.listener, {
    // A [tls] with a mistake is there, and the mistake is told once.
    hasTls: tls !== undefined,
    mechList: sections.sasl?.mechList ?? null,
    gateway: contents.access.gateway,
  }, findings));
  if (http !== null && http !== undefined && http.address.port !== 0) {
    const same = listeners?.find(({ host, port }) => host === http.address.host && port === http.address.port);
    if (same !== undefined) {
      findings.mistakes.push({ path: ["http", "address"], text: `it is already that of listener ${same.name}` });
    }
  }
  if (hostname?.includes(".") === false) {
    findings.warnings.push(`hostname: ${hostname} has no domain, and many servers refuse mail from such a host`);
  }
  const sidecar = http === null
    ? null
    : completeHttp(http, { hostname: hostname ?? "", hasTls: tls !== undefined }, findings);
  const webhooks = webhook === null ? null : completeWebhooks(webhook, contents.webhookSecrets, findings);
  const delivery = completeDelivery(sections, { contents, folder }, findings);
  const routes = sections.route === null
    ? null
    : completeRoutes(sections.route, { folder, auths: contents.routeAuths, withRealm }, findings);
  const backends = backendsOf(checked, findings);
  const access = sections.access === null
    ? null
    : completeAccess(sections.access, { folder, contents: contents.access }, findings);
  const sender = sections.sender === null ? null : completeSender(sections.sender, withRealm);
  const masquerade = sections.masquerade === null || hostname === null ? null : completeMasquerade(
    sections.masquerade,
    { folder, hostname, defaultRealm, localDomains, contents: contents.masquerade },
    findings,
  );
  const dkim = dataDir === null || sections.dkim === null ? null : completeDkim(
    sections.dkim,
    { folder, dataDir: resolve(folder, dataDir), keys: contents.dkimKeys },
    findings,
  );

  if (
    hostname === null || dataDir === null || tls === null || listeners === null || sasl === null || backends === null ||
    delivery === null || routes === null || message === null || notices === null || sendmail === null ||
    limits === null || hold === null ||
    guessing === null || http === null ||
    webhooks === null || dkim === null || access === null || sender === null || sections.masquerade === null ||
    guessing === null || bans === null || http === null ||
    webhooks === null || dkim === null || access === null ||
    log === null ||
    user === null || sections.defaultRealm === null || sections.localDomains === null ||
    sections.localDomainsFile === null || sections.localRecipients === null || sections.postmaster === null
  ) return null;
  for (const realm of new Set([defaultRealm, ...sasl.realms])) {
    if (backends.some(({ realms }) => realms.length === 0 || realms.includes(realm))) continue;
    findings.warnings.push(
      `sasl.pwcheck_method: no backend is asked for the realm ${realm}, so nobody there can log in`,
    );
  }
  return {
    hostname,
    defaultRealm,
    localDomains,
    localRecipients,
    postmaster: sections.postmaster === undefined ? null : withRealm(sections.postmaster),
    dataDir: resolve(folder, dataDir),
    user: user ?? null,
    tls: tls === undefined ? null : {
      certificateFile: resolve(folder, tls.certificateFile),
      keyFile: resolve(folder, tls.keyFile),
    },
    listeners,
    sasl,
    backends,
    delivery,
    routes,
    message,
    notices: { ...notices, languages: [...new Set(notices.languages)] },
    sendmail,
    dkim,
    access,
    sender,
    masquerade,
    limits: completeLimits(limits),
    sending: completeSending(limits, withRealm),
    hold: completeHold(hold, withRealm),
    guessing: completeGuessing(guessing),
    bans: completeBans(bans),
    http: sidecar,
    webhooks,
    log,
  };
}

function readRecipients(
  { localRecipients }: Sections,
  { localDomains, withRealm }: {
    readonly localDomains: readonly string[];
    readonly withRealm: (account: string) => string;
  },
  { mistakes }: Findings,
): ReadonlyMap<string, string> {
  const recipients = new Map<string, string>();
  for (const [address, account] of Object.entries(localRecipients ?? {})) {
    const at = address.lastIndexOf("@");
    const domain = toAscii(address.slice(at + 1));
    if (at < 1 || domain === null) {
      mistakes.push({ path: ["local_recipients", address], text: "expected an address such as info@foobar.co.jp" });
    } else if (!localDomains.includes(domain)) {
      mistakes.push({ path: ["local_recipients", address], text: `${domain} is not in local_domains` });
    } else {
      recipients.set(`${canonicalLocal(address.slice(0, at))}@${domain}`, withRealm(account));
    }
  }
  return recipients;
}

function checkLocalMail(
  { sections: { postmaster, localRecipients, delivery }, hasLocalDelivery, contents }: Checked,
  domains: { readonly localDomains: readonly string[]; readonly localRecipients: ReadonlyMap<string, string> },
  { mistakes }: Findings,
): void {
  if (domains.localDomains.length === 0) return;
  const mapped = (delivery?.local?.aliasesFile !== undefined && contents.aliases.has("postmaster")) ||
    domains.localDomains.every((domain) => domains.localRecipients.has(`postmaster@${domain}`));
  if (postmaster === undefined && localRecipients !== null && !mapped) {
    mistakes.push({
      path: ["postmaster"],
      text:
        "expected the account that gets mail for postmaster (RFC 5321 section 4.5.1), because there are local domains",
    });
  }
  if (!hasLocalDelivery) {
    mistakes.push({
      path: ["delivery", "local"],
      text: 'expected where mail of local domains goes, such as maildir = "/var/mail/{user}/Maildir"',
    });
  }
}

function completeSasl({ sections: { sasl }, chain }: Checked, { warnings }: Findings): SaslConfig | null {
  if (sasl === null) return null;
  for (const mechanism of sasl.trustMech ?? []) {
    if (!sasl.mechList.includes(mechanism)) warnings.push(`sasl.trust_mech: ${mechanism} is not in mech_list`);
  }
  if (sasl.outageIsRejection) {
    warnings.push("sasl.outage_is_rejection: while a backend is down people are told that their password is wrong");
  }
  return {
    ...sasl,
    pwcheckMethod: chain.map(({ name }) => name),
    mechList: [...new Set(sasl.mechList)],
    trustMech: sasl.trustMech ?? sasl.mechList,
  };
}

function completeDelivery(
  { delivery, route: routes }: Sections,
  { contents, folder }: { readonly contents: FileContents; readonly folder: string },
  findings: Findings,
): DeliveryConfig | null {
  const { mistakes, warnings } = findings;
  if (delivery === null) return null;
  const { smarthost: section, local } = delivery;
  const route = delivery.default ?? (section === undefined ? "none" : "smarthost");
  if (route === "smarthost" && section === undefined) {
    mistakes.push({ path: ["delivery", "default"], text: "smarthost needs [delivery.smarthost] with an address" });
  }
  if (route === "none") {
    warnings.push(
      routes === null || routes.length === 0
        ? "delivery: without a smarthost only mail for local domains is accepted"
        : "delivery: without a smarthost only mail for local domains, and what a [[route]] takes, is accepted",
    );
  }
  const smarthost = section === undefined ? null : completeSmarthost(section, { auth: contents.smarthostAuth, folder });
  if (smarthost !== null) warnings.push(...smarthostWarnings(smarthost, ["delivery", "smarthost"]));
  return {
    default: route,
    smarthost,
    mx: completeMx(delivery.mx, folder),
    local: local === undefined ? null : completeLocal(local, folder, findings),
    etrnDomains: [...new Set(delivery.etrnDomains)],
    delayNoticeMs: delivery.delayNotice,
    giveUpMs: delivery.giveUp,
    retryMs: delivery.retry,
  };
}

function backendsOf({ chain, backends }: Checked, { mistakes, warnings }: Findings): readonly BackendConfig[] | null {
  const names = chain.map(({ name }) => name);
  for (const [at, { name, path }] of chain.entries()) {
    if (names.indexOf(name) !== at) mistakes.push({ path, text: `${name} is there twice` });
  }
  for (const name of backends.keys()) {
    if (!names.includes(name)) warnings.push(unused(name));
  }
  return allOf(names.map((name) => backends.get(name) ?? null));
}

/** The list, or `null` when one of it is. */
function allOf<Item>(items: readonly (Item | null)[]): readonly Item[] | null {
  const there = items.filter((item) => item !== null);
  return there.length === items.length ? there : null;
}
