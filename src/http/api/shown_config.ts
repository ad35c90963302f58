/**
 * The configuration as it is shown: in the form of the file, so that it could be one, and without secrets.
 *
 * @module
 */

import type {
  BackendConfig,
  Config,
  HttpConfig,
  ListenerConfig,
  MailServer,
  WebhookConfig,
} from "../../config/config.ts";
import type { MasqueradeRules } from "../../policy/masquerade.ts";
import type { SendingConfig } from "../../config/sending.ts";
import { deliveryTable, routeTable } from "./shown_delivery.ts";
import { shownOptions } from "./shown_options.ts";
import { addressText, durationText, inFile, MASK, type Table } from "./shown_values.ts";

/** Shows a configuration. What is not set is left out. Of a file that holds more than a secret the content is shown. */
export function shownConfig(config: Config): Table {
  const { hostname, defaultRealm, localDomains, localRecipients, postmaster, dataDir, user, tls } = config;
  const { sessionBeforeAuthMs, commandMs, drainMs, ...counts } = config.limits;
  const times = {
    sessionBeforeAuth: durationText(sessionBeforeAuthMs),
    command: durationText(commandMs),
    drain: durationText(drainMs),
  };
  return {
    ...inFile({ hostname, defaultRealm, localDomains }),
    local_recipients: Object.fromEntries(localRecipients),
    ...inFile({ postmaster, dataDir, user }),
    ...tls !== null && { tls: inFile(tls) },
    listener: config.listeners.map(listenerTable),
    sasl: inFile(config.sasl),
    backend: Object.fromEntries(config.backends.map((backend) => [backend.name, backendTable(backend)])),
    delivery: deliveryTable(config.delivery),
    route: config.routes.map(routeTable),
    message: inFile(config.message),
    notices: inFile(config.notices),
    sendmail: inFile(config.sendmail),
    dkim: inFile({ folder: config.dkim.folder, domains: config.dkim.domains }),
    access: inFile(config.access),
    sender: inFile({ ...config.sender, accounts: Object.fromEntries(config.sender.accounts) }),
    ...config.masquerade !== null && { masquerade: masqueradeTable(config.masquerade) },
    limits: { ...inFile({ ...counts, ...times }), ...sendingTable(config.sending) },
    hold: inFile(config.hold),
    ...guessingTables(config),
    ...config.http !== null && { http: httpTable(config.http) },
    webhook: config.webhooks.map(webhookTable),
    log: inFile(config.log),
  };
}

function masqueradeTable({ addDomain, as, envelope, all, ...rules }: MasqueradeRules): Table {
  const { entireDomain, limited, genericsFile, genericsEntireDomain } = rules;
  return inFile({
    alwaysAddDomain: addDomain,
    ...{ as, domains: [...rules.domains], entireDomain, limited, envelope, all },
    exposedUsers: [...rules.exposedUsers],
    exceptions: [...rules.exceptions],
    ...genericsFile !== "" && { genericsFile, genericsDomains: [...rules.genericsDomains], genericsEntireDomain },
  });
}

function guessingTables(
  { guessing, bans }: Pick<Config, "guessing" | "bans">,
): { readonly guessing: Table; readonly bans: Table } {
  const { slotMs, networkWindowMs, networkDelayMs, forgetMs, ...counts } = guessing;
  const { timeMs, ...numbers } = bans;
  const times = {
    slot: durationText(slotMs),
    networkWindow: durationText(networkWindowMs),
    networkDelay: durationText(networkDelayMs),
    forget: durationText(forgetMs),
  };
  return { guessing: inFile({ ...counts, ...times }), bans: inFile({ ...numbers, time: durationText(timeMs) }) };
}

function sendingTable({ account, credential, network, address, ...rest }: SendingConfig): Table {
  const tables = Object.entries({ account, credential, network, address }).map(([scope, values]) => [
    scope,
    inFile({ ...values }),
  ]);
  return { ...inFile(rest), ...Object.fromEntries(tables) };
}

function listenerTable({ host, port, ...rest }: ListenerConfig): Table {
  return inFile({ ...rest, address: addressText({ host, port }) });
}

function backendTable({ type, deadlineMs, control, realms, concurrency, options }: BackendConfig): Table {
  return {
    ...inFile({ type, deadline: durationText(deadlineMs), control, realms, concurrency }),
    ...shownOptions(options),
  };
}

function httpTable({ host, port, profiles, ...rest }: HttpConfig): Table {
  return {
    ...inFile({ address: addressText({ host, port }), ...rest }),
    ...profiles !== null && {
      profiles: inFile({
        name: profiles.name,
        imap: profiles.imap === null ? null : serverTable(profiles.imap),
        pop: profiles.pop === null ? null : serverTable(profiles.pop),
      }),
    },
  };
}

function serverTable({ host, port, tls }: MailServer): Table {
  return { address: addressText({ host, port }), tls };
}

/** The path of a URL may be what its receiver knows us by. */
function webhookTable({ url, events, queueAgeMs }: WebhookConfig): Table {
  const { origin, pathname, search } = new URL(url);
  const shown = pathname === "/" && search === "" ? origin : `${origin}/${MASK}`;
  return { url: shown, secret: MASK, events, queue_age: durationText(queueAgeMs) };
}
