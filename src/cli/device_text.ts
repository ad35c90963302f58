/**
 * A device as commands show it.
 *
 * @module
 */

import type { DeviceRecord } from "../accounts/device.ts";
import { printable } from "../lib/text.ts";

const CHANNELS: Readonly<Record<DeviceRecord["channel"], string>> = {
  "cram-md5": "CRAM-MD5 without TLS from its networks",
  "login": "LOGIN and PLAIN without TLS from its address",
  "tls": "TLS alone",
};

/** A line for each thing that is to be said. */
export function deviceText(device: DeviceRecord): readonly string[] {
  const { name, disabled, sender, networks, recipients, perDay, mailsToday, channel, repair } = device;
  const lines: (readonly [string, string])[] = [
    ["device", name],
    ["state", disabled ? "disabled" : "active"],
    ["sends as", sender],
    ["networks", networks.length === 0 ? "all, with TLS" : networks.join(", ")],
    ["recipients", recipients.length === 0 ? "all" : recipients.join(", ")],
    ["mails today", perDay === null ? `${mailsToday}` : `${mailsToday} of ${perDay}`],
    ["channel", CHANNELS[channel]],
    ["repair", repair ? "on" : "off"],
    ["last used", device.lastUsed ?? "never"],
    ...device.repairs.map(({ what, count, last }) => ["repaired", `${what} ${count} times, last ${last}`] as const),
  ];
  return lines.map(([head, value]) => `${`${head}:`.padEnd(14)}${printable(value, 1000)}`);
}

/** Names fixed here, so that scripts can rely on them. */
export function deviceJson(
  {
    name,
    disabled,
    created,
    changed,
    lastUsed,
    sender,
    networks,
    recipients,
    perDay,
    mailsToday,
    channel,
    repair,
    repairs,
  }: DeviceRecord,
): Readonly<Record<string, unknown>> {
  const settings = { from: sender, networks, recipients, perDay, channel, repair };
  return { device: name, disabled, created, changed, lastUsed, ...settings, mailsToday, repairs };
}
