/**
 * Devices: accounts of scanners, printers and alarm panels. They have no mailbox, send as one address, and may need a channel that is too
 * weak for people. The contract of their store, their passwords, and what may be asked for.
 *
 * @module
 */

import { randomInt } from "node:crypto";
import type { Account, UserName } from "../backend.ts";
import { isNetwork } from "../lib/network.ts";
import { fail, type Result, succeed } from "../lib/result.ts";
import { addressForm } from "./account_name.ts";

/**
 * What a device may do without TLS: `cram-md5` from its networks, `login` (LOGIN or PLAIN, the password in the clear) from its one address,
 * `tls` nothing.
 */
export type DeviceChannel = "cram-md5" | "login" | "tls";

/** What an administrator says of a device. */
export interface DeviceSettings {
  /** The one address that it sends as. */
  readonly sender: string;
  /** From where it logs in; empty: from everywhere, and never without TLS. */
  readonly networks: readonly string[];
  /** Addresses and `@domain`; empty: everybody. */
  readonly recipients: readonly string[];
  /** Mails in a day (UTC); `null`: any number. */
  readonly perDay: number | null;
  readonly channel: DeviceChannel;
  /** Whether what it does wrong in SMTP is repaired. */
  readonly repair: boolean;
}

/** What was repaired, how often, and when for the last time (RFC 3339, UTC). */
export interface DeviceRepair {
  readonly what: string;
  readonly count: number;
  readonly last: string;
}

/** A device as an administrator sees it. */
export interface DeviceRecord extends DeviceSettings {
  /** Canonical `name@realm`. */
  readonly name: string;
  readonly disabled: boolean;
  readonly created: string;
  readonly changed: string;
  readonly lastUsed: string | null;
  /** Mails that it has sent today (UTC). */
  readonly mailsToday: number;
  readonly repairs: readonly DeviceRepair[];
}

/** Why a device was not made or changed, with the value that is wrong. */
export type DeviceProblem =
  | { readonly kind: "exists" | "unknown-device" | "bad-name" | "too-many" }
  | { readonly kind: "bad-sender" | "bad-network" | "bad-recipient" | "bad-per-day"; readonly value: string }
  /** `login` is for one address alone. */
  | { readonly kind: "one-address" };

/** A device with its fresh password: nobody can read it again. */
export interface NewDevice {
  readonly device: DeviceRecord;
  readonly password: string;
}

/** The kind of password: digits alone, or letters. */
export interface DevicePasswordOptions {
  /** Digits alone. */
  readonly keypad: boolean;
}

/** The devices of an account store. Every change is durable when it returns; whoever cannot read the file throws. */
export interface DeviceAdmin {
  /** Sorted by name; as the file is now, from memory while nobody has changed it. */
  all(): readonly DeviceRecord[];
  show(name: UserName): DeviceRecord | null;
  add(
    name: UserName,
    settings: DeviceSettings,
    options: DevicePasswordOptions,
  ): Promise<Result<NewDevice, DeviceProblem>>;
  /** Changes what is given. */
  set(name: UserName, settings: Partial<DeviceSettings>): Result<DeviceRecord, DeviceProblem>;
  setPassword(name: UserName, options: DevicePasswordOptions): Promise<Result<NewDevice, DeviceProblem>>;
  setDisabled(name: UserName, disabled: boolean): Result<DeviceRecord, DeviceProblem>;
  remove(name: UserName): Result<void, DeviceProblem>;
  /** Counts a mail that was taken from a device; the cap of the day is held against it. */
  countMail(name: string, at: number): void;
  /** Counts repairs, `at` in milliseconds since the epoch. */
  countRepairs(name: string, repairs: ReadonlyMap<string, number>, at: number): void;
}

/** By which everybody knows the account of a device. */
export const DEVICE_ATTRIBUTES: Readonly<Record<string, string>> = { kind: "device" };

/** Whether an account is a device's. */
export function isDevice({ attributes }: Pick<Account, "attributes">): boolean {
  return attributes["kind"] === DEVICE_ATTRIBUTES["kind"];
}

const DAY_MS = 86_400_000;
/** 53 bits. */
const DIGITS = 16;
/** 72 bits: 16 letters of the 23 that are no `i`, `l` or `o`. */
const LETTERS = 16;
const ALPHABET = "abcdefghjkmnpqrstuvwxyz";
const MOST_NETWORKS = 20;
const MOST_RECIPIENTS = 100;
const MOST_PER_DAY = 1_000_000;

/** The number of the day (UTC) since the epoch. */
export function dayOf(at: number): number {
  return Math.floor(at / DAY_MS);
}

/** When the day after this time begins. */
export function nextDay(at: number): number {
  return (dayOf(at) + 1) * DAY_MS;
}

/** Makes a password that such a thing's keys can type: digits alone for a keypad, else lower-case letters that look like no other. */
export function makeDevicePassword({ keypad }: DevicePasswordOptions): string {
  if (keypad) return Array.from({ length: DIGITS }, () => randomInt(10)).join("");
  return Array.from({ length: LETTERS }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
}

/** Checks settings, and writes them in the one form in which they are stored. */
export function checkDevice(
  { sender, networks, recipients, perDay, channel, repair }: DeviceSettings,
): Result<DeviceSettings, DeviceProblem> {
  const address = addressForm(sender);
  if (address === null || address === "*" || address.startsWith("@")) {
    return fail({ kind: "bad-sender", value: sender });
  }
  const wanted = [...new Set(networks.map((network) => network.toLowerCase()))];
  const odd = wanted.find((network) => !isNetwork(network) || network.includes("%"));
  if (odd !== undefined) return fail({ kind: "bad-network", value: odd });
  const forms = recipients.map((each) => ({ each, form: addressForm(each) }));
  const bad = forms.find(({ form }) => form === null || form === "*");
  if (bad !== undefined) return fail({ kind: "bad-recipient", value: bad.each });
  const allowed = [...new Set(forms.flatMap(({ form }) => form ?? []))];
  if (wanted.length > MOST_NETWORKS || allowed.length > MOST_RECIPIENTS) return fail({ kind: "too-many" });
  if (perDay !== null && !(Number.isInteger(perDay) && perDay > 0 && perDay <= MOST_PER_DAY)) {
    return fail({ kind: "bad-per-day", value: String(perDay) });
  }
  if (channel === "login" && (wanted.length > 1 || !wanted.every(isOneAddress))) return fail({ kind: "one-address" });
  return succeed({ sender: address, networks: wanted, recipients: allowed, perDay, channel, repair });
}

/** Why a device was not made or changed, as a sentence goes on. */
export function explainDevice(problem: DeviceProblem): string {
  switch (problem.kind) {
    case "exists":
      return "an account has this name";
    case "unknown-device":
      return "there is no such device";
    case "bad-name":
      return 'a name has 1 to 64 octets, no space, no "/" or "@" and no leading dot';
    case "too-many":
      return `${MOST_NETWORKS} networks and ${MOST_RECIPIENTS} recipients are the most`;
    case "bad-sender":
      return "it sends as one address, such as scanner@example.jp";
    case "bad-network":
      return "a network is an address or in CIDR form, such as 192.0.2.7 or 192.0.2.0/24";
    case "bad-recipient":
      return "a recipient is an address, or a domain such as @example.jp";
    case "bad-per-day":
      return `mails in a day are a number from 1 to ${MOST_PER_DAY}`;
    case "one-address":
      return "the channel login is for one address alone: name no network, and no other address";
  }
}

function isOneAddress(network: string): boolean {
  const [address = "", bits] = network.split("/");
  return bits === undefined || bits === (address.includes(":") ? "128" : "32");
}
