/**
 * The configuration as it is shown: in the form of the file, so that it could be one, and without secrets.
 *
 * @module
 */

import type {
  BackendConfig,
  Config,
  DeliveryConfig,
  HttpConfig,
  ListenerConfig,
  MailServer,
  SmarthostConfig,
  WebhookConfig,
} from "../../config/config.ts";
import { toSnake } from "../../config/keys.ts";
import { shownOptions } from "./shown_options.ts";
import { addressText, durationText, MASK } from "./shown_values.ts";

type Table = Readonly<Record<string, unknown>>;

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
    message: inFile(config.message),
    limits: inFile({ ...counts, ...times }),
    guessing: inFile(config.guessing),
    ...config.http !== null && { http: httpTable(config.http) },
    webhook: config.webhooks.map(webhookTable),
    log: inFile(config.log),
  };
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

function deliveryTable({ default: route, smarthost, local, giveUpMs, retryMs }: DeliveryConfig): Table {
  return {
    default: route,
    ...smarthost !== null && { smarthost: smarthostTable(smarthost) },
    ...local !== null && { local: inFile(local) },
    give_up: durationText(giveUpMs),
    retry: retryMs.map(durationText),
  };
}

function smarthostTable(
  { host, port, auth, tls, caFile, allowClearTextPassword, concurrency }: SmarthostConfig,
): Table {
  return {
    ...inFile({ address: addressText({ host, port }), tls, caFile }),
    // Of auth_info_file.
    ...auth !== null && { auth_info: { ...auth, password: MASK } },
    ...inFile({ allowCleartextPassword: allowClearTextPassword, concurrency }),
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

/** With the names of the file, and without what is not set. */
function inFile(table: object): Table {
  return Object.fromEntries(
    Object.entries(table).filter(([, value]) => value !== null && value !== undefined).map(([key, value]) => {
      return [toSnake(key), value];
    }),
  );
}
