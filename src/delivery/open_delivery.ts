/**
 * The deliverers that a configuration asks for.
 *
 * @module
 */

import { join } from "node:path";
import type { Config, LmtpTarget, MaildirTarget, RouteConfig } from "../config/config.ts";
import { type Result, succeed } from "../lib/result.ts";
import type { Log } from "../log/event.ts";
import type { LocalRecipients } from "../policy/local_recipients.ts";
import type { Deliverer, Hop } from "./deliverer.ts";
import { openDiscard, openFail } from "./discard.ts";
import { lmtpHop, openLmtp } from "./lmtp.ts";
import type { DkimSigner } from "./dkim_signer.ts";
import { openMaildir } from "./maildir.ts";
import { openMx } from "./mx/mx.ts";
import { ownAddresses } from "./mx/own_addresses.ts";
import { TokenSources } from "./oauth/token_sources.ts";
import type { RetrySettings } from "./retry.ts";
import { MAILDIR_HOP, type RouteRule, type RouteSettings } from "./routes.ts";
import { DEFAULT_NOTICES, type NoticeSettings } from "./notice.ts";
import type { SchedulerSettings } from "./scheduler.ts";
import { openSmarthost } from "./smarthost.ts";

/** Settings of a scheduler, and what they own. */
export interface Delivery extends AsyncDisposable {
  readonly settings: SchedulerSettings;
}

interface Parts {
  readonly config: Config;
  readonly log: Log;
  readonly tokens: TokenSources;
  /** One for all routes: its policies are in one folder. `null`: none of them needs it. */
  readonly mx: Deliverer | null;
}

/** Conversations at once with a server that says nothing else of it. */
const LMTP_CONCURRENCY = 5;

/** Makes the deliverers; nothing is connected before the first mail. The problem is a sentence for the administrator. */
export async function openDelivery(
  config: Config,
  { recipients, signer, log }: {
    readonly recipients: LocalRecipients;
    readonly signer: DkimSigner;
    readonly log: Log;
  },
): Promise<Result<Delivery, string>> {
  const { hostname, delivery } = config;
  const { smarthost, local, giveUpMs, retryMs } = delivery;
  const deliverers = new Map<string, Deliverer>();
  const mx = await openMxOf(config, log);
  if (!mx.ok) return mx;
  const tokens = new TokenSources({ log });
  const parts: Parts = { config, log, tokens, mx: mx.value };
  if (mx.value !== null) deliverers.set("mx", mx.value);
  if (local !== null) deliverers.set(local.to.kind, openLocal(local.to.kind, local.to, parts));
  if (smarthost !== null) {
    const opened = await openSmarthost({ config: smarthost, hostname, log, tokens });
    if (!opened.ok) return opened;
    deliverers.set("smarthost", opened.value);
  }
  for (const route of config.routes) {
    const opened = await openRoute(route, parts);
    if (!opened.ok) return opened;
    deliverers.set(route.name, limited(opened.value, route));
  }
  return succeed({
    settings: {
      ...{ hostname, recipients, deliverers, signer, giveUpMs, retryMs },
      ...routeSettings(config),
      notices: noticesOf(config),
      timetables: timetablesOf(config),
    },
    [Symbol.asyncDispose]: async () => {
      for (const deliverer of deliverers.values()) await deliverer[Symbol.asyncDispose]();
      await tokens[Symbol.asyncDispose]();
    },
  });
}

function noticesOf({ hostname, localDomains, delivery, notices }: Config): NoticeSettings {
  const { languages: [first, ...rest], postmasterCopies } = notices;
  return {
    languages: first === undefined ? DEFAULT_NOTICES.languages : [first, ...rest],
    delayMs: delivery.delayNoticeMs,
    postmaster: postmasterCopies ? `postmaster@${localDomains[0] ?? hostname}` : null,
  };
}

/** The ways that a configuration knows. */
export function routeSettings({ delivery, routes }: Config): Omit<RouteSettings, "recipients"> {
  const { smarthost, local } = delivery;
  return {
    smarthost: smarthost === null ? null : { route: "smarthost", host: smarthost.host, port: smarthost.port },
    mx: delivery.default === "mx",
    local: local?.to.kind === "lmtp" ? lmtpHop("lmtp", local.to.address) : MAILDIR_HOP,
    routes: routes.map(ruleOf),
  };
}

function ruleOf({ name, when, to }: RouteConfig): RouteRule {
  return { name, when, place: placeOf(to), toMailbox: to.kind === "maildir" || to.kind === "lmtp" };
}

function placeOf(to: RouteConfig["to"]): Pick<Hop, "host" | "port"> | null {
  switch (to.kind) {
    case "smarthost":
      return { host: to.smarthost.host, port: to.smarthost.port };
    case "lmtp": {
      const { host, port } = lmtpHop("", to.address);
      return { host, port };
    }
    case "mx":
      return null;
    case "maildir":
    case "discard":
    case "fail":
      return { host: MAILDIR_HOP.host, port: MAILDIR_HOP.port };
  }
}

async function openMxOf(config: Config, log: Log): Promise<Result<Deliverer | null, string>> {
  const { hostname, listeners, dataDir, delivery, routes } = config;
  if (delivery.default !== "mx" && !routes.some(({ to }) => to.kind === "mx")) return succeed(null);
  const isOurs = ownAddresses(listeners, () => Deno.networkInterfaces().map(({ address }) => address));
  return await openMx({ config: delivery.mx, hostname, stsFolder: join(dataDir, "mta-sts"), isOurs, log });
}

async function openRoute({ name, to }: RouteConfig, parts: Parts): Promise<Result<Deliverer, string>> {
  const { config: { hostname }, log, tokens, mx } = parts;
  switch (to.kind) {
    case "smarthost":
      return await openSmarthost({ config: to.smarthost, hostname, log, tokens });
    case "mx":
      if (mx === null) throw new TypeError(`Cannot open route ${name}: delivery by MX is not open`);
      // It is closed under its own name.
      return succeed({ ...mx, [Symbol.asyncDispose]: () => Promise.resolve() });
    case "maildir":
    case "lmtp":
      return succeed(openLocal(name, to, parts));
    case "discard":
      return succeed(openDiscard(name));
    case "fail":
      return succeed(openFail(name, to));
  }
}

function openLocal(name: string, to: MaildirTarget | LmtpTarget, { config: { hostname }, log }: Parts): Deliverer {
  return to.kind === "maildir"
    ? openMaildir({ template: to.maildir, hostname, log, now: Date.now })
    : openLmtp({ name, address: to.address, hostname, log, concurrency: LMTP_CONCURRENCY });
}

function limited(deliverer: Deliverer, { concurrency }: RouteConfig): Deliverer {
  return concurrency === null ? deliverer : { ...deliverer, concurrency };
}

function timetablesOf({ delivery, routes }: Config): ReadonlyMap<string, RetrySettings> {
  const own = routes.filter(({ retryMs, giveUpMs }) => retryMs !== null || giveUpMs !== null);
  return new Map(own.map(({ name, retryMs, giveUpMs }) => {
    return [name, { retryMs: retryMs ?? delivery.retryMs, giveUpMs: giveUpMs ?? delivery.giveUpMs }];
  }));
}
