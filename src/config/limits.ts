/**
 * [limits] and [hold]: their keys, and what becomes of them.
 *
 * @module
 */

import type { z } from "zod";
import type { ConnectionValues } from "../policy/connection_rate.ts";
import { LIMITS, type LimitValues } from "../policy/limits.ts";
import type { LimitsConfig } from "./config.ts";
import { account, count, duration, flag, list, network, size, table } from "./quantities.ts";
import type { HoldConfig, SendingConfig } from "./sending.ts";

const MANY = 1_000_000_000;

const number = (description: string) => count(1, MANY).optional().meta({ description });

const sent = {
  mailsPerHour: number("mails within an hour"),
  mailsPerDay: number("mails within a day"),
  recipientsPerHour: number("recipients of all mails within an hour"),
  recipientsPerDay: number("recipients of all mails within a day"),
  newRecipientsPerHour: number("recipients that the account never sent to before, within an hour"),
  newRecipientsPerDay: number("recipients that the account never sent to before, within a day"),
  octetsPerHour: size.optional().meta({ description: "size of all mails within an hour" }),
  octetsPerDay: size.optional().meta({ description: "size of all mails within a day" }),
};

const sentSchema = table(sent);
const guestSchema = table({
  ...sent,
  connections: number("connections at once"),
  connectionsPerMinute: count(1, 10_000).optional().meta({ description: "connections opened within a minute" }),
});

/** [limits] */
export const limitsSchema = table({
  connections: count(1, 100_000).default(2000),
  connectionsPerAddress: count(1, 100_000).default(100),
  recipients: count(1, 100_000).default(1000).meta({ description: "of one mail" }),
  messageSize: size.prefault("50MiB"),
  authFailures: count(1, 1000).default(5).meta({ description: "of one connection" }),
  protocolErrors: count(1, 1000).default(20).meta({ description: "of one connection" }),
  refusedRecipients: count(1, 10_000).default(50).meta({ description: "of one connection" }),
  sessionBeforeAuth: duration.prefault("2min").meta({ description: "on msa listeners" }),
  command: duration.prefault("5min").meta({ description: "the longest wait for the next command" }),
  drain: duration.prefault("60s").meta({ description: "for sessions to end after SIGTERM" }),
  account: sentSchema.prefault({}).meta({ description: "what one account may send" }),
  credential: sentSchema.prefault({}).meta({ description: "what may be sent with one password or app password" }),
  network: guestSchema.prefault({}).meta({ description: "what one network (/24, /48) may send" }),
  address: guestSchema.prefault({}).meta({ description: "what one address may send" }),
  exemptAccounts: list(account).prefault([]).meta({ description: "accounts outside all limits on what is sent" }),
  exemptNetworks: list(network).prefault([]).meta({ description: "outside the limits of networks and addresses" }),
  reportOnly: flag.default(false).meta({ description: "log what is over a limit, and accept it" }),
});

/** [hold] */
export const holdSchema = table({
  networksPerHour: number("an account that sends from more networks within an hour is put on hold"),
  newRecipientsPerHour: number("an account that sends to more new recipients within an hour is put on hold"),
  exemptAccounts: list(account).prefault([]).meta({ description: "accounts that are never put on hold by themselves" }),
});

type LimitsSection = z.output<typeof limitsSchema>;

/** What [limits] says of clients and connections. */
export function completeLimits(
  { sessionBeforeAuth, command, drain, ...section }: LimitsSection,
): LimitsConfig {
  const { account: _a, credential: _c, network: _n, address: _d, ...others } = section;
  const { exemptAccounts: _accounts, exemptNetworks: _networks, reportOnly: _reportOnly, ...counts } = others;
  return { ...counts, sessionBeforeAuthMs: sessionBeforeAuth, commandMs: command, drainMs: drain };
}

/** What [limits] says of what is sent. */
export function completeSending(section: LimitsSection, withRealm: (account: string) => string): SendingConfig {
  return {
    account: valuesOf(section.account),
    credential: valuesOf(section.credential),
    network: { ...valuesOf(section.network), ...connectionsOf(section.network) },
    address: { ...valuesOf(section.address), ...connectionsOf(section.address) },
    exemptAccounts: section.exemptAccounts.map(withRealm),
    exemptNetworks: section.exemptNetworks,
    reportOnly: section.reportOnly,
  };
}

/** Completes [hold]. */
export function completeHold(
  { networksPerHour, newRecipientsPerHour, exemptAccounts }: z.output<typeof holdSchema>,
  withRealm: (account: string) => string,
): HoldConfig {
  return {
    networksPerHour: networksPerHour ?? null,
    newRecipientsPerHour: newRecipientsPerHour ?? null,
    exemptAccounts: exemptAccounts.map(withRealm),
  };
}

function valuesOf(section: z.output<typeof sentSchema>): LimitValues {
  return Object.fromEntries(
    LIMITS.map(({ name }) => [name, section[name]] as const).filter(([, most]) => most !== undefined),
  );
}

function connectionsOf(
  { connections, connectionsPerMinute }: z.output<typeof guestSchema>,
): ConnectionValues {
  return {
    ...connections !== undefined && { connections },
    ...connectionsPerMinute !== undefined && { connectionsPerMinute },
  };
}
