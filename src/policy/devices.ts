/**
 * What a device may do: the mechanisms without TLS, its sender, its recipients, its mails of a day.
 *
 * @module
 */

import type { Account } from "../backend.ts";
import { toAscii } from "../lib/domain.ts";
import { networkSet } from "../lib/network.ts";
import { deviceDayFull, REPLIES } from "../smtp/replies.ts";
import type { Verdict } from "../smtp/session_state.ts";

/** What a device is held to. */
export interface DeviceRules {
  /** Canonical. */
  readonly sender: string;
  /** Addresses and `@domain` in the form of addresses that are compared; empty: everybody. */
  readonly recipients: readonly string[];
  readonly perDay: number | null;
  readonly mailsToday: number;
}

/** Where a device is let in, and how. */
export interface DevicePlace {
  readonly networks: readonly string[];
  readonly channel: "cram-md5" | "login" | "tls";
  readonly disabled: boolean;
}

/** Whether an account is a device's, as the account store says it. */
export function isDeviceAccount({ attributes }: Pick<Account, "attributes">): boolean {
  return attributes["kind"] === "device";
}

/** What a channel permits without TLS, in the order of EHLO. */
export const WEAK_MECHANISMS: Readonly<Record<DevicePlace["channel"], readonly string[]>> = {
  "cram-md5": ["CRAM-MD5"],
  "login": ["PLAIN", "LOGIN"],
  "tls": [],
};

/** Whether a device's client is at this address. A device without networks is nowhere: its weak channel opens when it is bound to a place. */
export function isAt({ networks, disabled }: Pick<DevicePlace, "networks" | "disabled">, remote: string): boolean {
  return !disabled && networks.length > 0 && setOf(networks).has(remote);
}

/** A mail that a device begins. */
export interface DeviceMail {
  readonly reversePath: string | null;
  /** How many mails of the device are begun and not yet in `mailsToday`. */
  readonly underWay: number;
  /** When the next day begins, in milliseconds since the epoch. */
  readonly opens: number;
}

/** Judges MAIL of a device. */
export function judgeDeviceMail(
  { sender, perDay, mailsToday }: DeviceRules,
  { reversePath, underWay, opens }: DeviceMail,
): Verdict {
  if (reversePath === null || compared(reversePath) !== compared(sender)) {
    return { kind: "refuse", reply: REPLIES.deviceSender, rule: `the device sends as ${sender} only` };
  }
  if (perDay !== null && mailsToday + underWay >= perDay) {
    const reply = deviceDayFull(new Date(opens).toISOString().replace(".000Z", "Z"));
    return { kind: "refuse", reply, rule: `the device has sent its ${perDay} mails of today` };
  }
  return { kind: "accept" };
}

/** Judges RCPT of a device. */
export function judgeDeviceRecipient({ recipients }: Pick<DeviceRules, "recipients">, forwardPath: string): Verdict {
  if (recipients.length === 0) return { kind: "accept" };
  const address = compared(forwardPath);
  const domain = address.slice(address.lastIndexOf("@"));
  if (recipients.some((each) => compared(each) === address || compared(each) === domain)) return { kind: "accept" };
  return { kind: "refuse", reply: REPLIES.deviceRecipient, rule: "the device may not send to this recipient" };
}

/** Local part in NFC and without case, domain as an A-label. */
function compared(address: string): string {
  const at = address.lastIndexOf("@");
  const domain = address.slice(at + 1);
  const local = address.slice(0, Math.max(at, 0)).normalize("NFC").toLowerCase().normalize("NFC");
  return `${local}@${toAscii(domain) ?? domain.toLowerCase()}`;
}

const REMEMBERED = 1_000;
const sets = new Map<string, ReturnType<typeof networkSet>>();

/** Devices keep their networks for years, and each connection asks. */
function setOf(networks: readonly string[]): ReturnType<typeof networkSet> {
  const key = networks.join(" ");
  const known = sets.get(key);
  if (known !== undefined) return known;
  const made = networkSet(networks);
  if (sets.size >= REMEMBERED) sets.clear();
  sets.set(key, made);
  return made;
}
