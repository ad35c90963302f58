/**
 * From checked sections to the whole: defaults that depend on each other, and what must hold between sections.
 *
 * @module
 */

import { resolve } from "node:path";
import { toAscii } from "../lib/domain.ts";
import { isLoopback } from "../lib/network.ts";
import { canonicalLocal } from "../policy/local_recipients.ts";
import type { BackendConfig, Config, DeliveryConfig, SaslConfig, SmarthostConfig } from "./config.ts";
import type { FileContents, Findings } from "./files.ts";
import type { Mistake } from "./keys.ts";
import { completeHttp, completeWebhooks } from "./http.ts";
import { completeListeners } from "./listeners.ts";
import { completeMx } from "./mx.ts";
import { type BackendSections, type ChainLink, type Sections, unused } from "./sections.ts";

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
  const { hostname, dataDir, tls, message, limits, guessing, http, webhook, log, user } = sections;
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
  const backends = backendsOf(checked, findings);

  if (
    hostname === null || dataDir === null || tls === null || listeners === null || sasl === null || backends === null ||
    delivery === null || message === null || limits === null || guessing === null || http === null ||
    webhooks === null ||
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
  const { sessionBeforeAuth, command, drain, ...counts } = limits;
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
    message,
    limits: { ...counts, sessionBeforeAuthMs: sessionBeforeAuth, commandMs: command, drainMs: drain },
    guessing,
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
  { sections: { postmaster, localRecipients }, hasLocalDelivery }: Checked,
  domains: { readonly localDomains: readonly string[]; readonly localRecipients: ReadonlyMap<string, string> },
  { mistakes }: Findings,
): void {
  if (domains.localDomains.length === 0) return;
  const mapped = domains.localDomains.every((domain) => domains.localRecipients.has(`postmaster@${domain}`));
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
  { delivery }: Sections,
  { contents, folder }: { readonly contents: FileContents; readonly folder: string },
  { mistakes, warnings }: Findings,
): DeliveryConfig | null {
  if (delivery === null) return null;
  const { smarthost: section, local } = delivery;
  const route = delivery.default ?? (section === undefined ? "none" : "smarthost");
  if (route === "smarthost" && section === undefined) {
    mistakes.push({ path: ["delivery", "default"], text: "smarthost needs [delivery.smarthost] with an address" });
  }
  if (route === "none") warnings.push("delivery: without a smarthost only mail for local domains is accepted");
  if (local !== undefined) mistakes.push(...maildirMistakes(local.maildir));
  const smarthost: SmarthostConfig | null = section === undefined ? null : {
    ...section.address,
    tls: section.tls ?? (section.address.port === 465 ? "implicit" : "required"),
    caFile: section.caFile === undefined ? null : resolve(folder, section.caFile),
    auth: contents.smarthostAuth,
    allowClearTextPassword: section.allowCleartextPassword,
    concurrency: section.concurrency,
  };
  if (smarthost !== null) warnings.push(...smarthostWarnings(smarthost));
  return {
    default: route,
    smarthost,
    mx: completeMx(delivery.mx, folder),
    local: local === undefined ? null : { maildir: resolve(folder, local.maildir) },
    giveUpMs: delivery.giveUp,
    retryMs: delivery.retry,
  };
}

function maildirMistakes(template: string): readonly Mistake[] {
  const path = ["delivery", "local", "maildir"];
  const places = [...template.matchAll(/\{[^{}]*\}/g)].map(([place]) => place);
  const unknown = places.filter((place) => !["{user}", "{realm}", "{account}"].includes(place));
  if (unknown.length > 0) {
    return [{ path, text: `${unknown[0]} stands for nothing, expected {user}, {realm} or {account}` }];
  }
  if (places.some((place) => place !== "{realm}")) return [];
  return [{ path, text: "expected a path with {user} or {account}" }];
}

function smarthostWarnings({ host, port, tls, auth, allowClearTextPassword }: SmarthostConfig): readonly string[] {
  const warnings: string[] = [];
  if (port === 465 && tls !== "implicit") warnings.push(`delivery.smarthost.tls: port 465 usually needs "implicit"`);
  const exposed = (tls === "never" && !isLoopback(host) && host !== "localhost") || tls === "opportunistic";
  if (auth !== null && exposed) {
    warnings.push(
      allowClearTextPassword
        ? "delivery.smarthost.allow_cleartext_password: the password may be sent where others can read it"
        : `delivery.smarthost.tls: with "${tls}" the password is sent only by mechanisms that hide it`,
    );
  }
  return warnings;
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
