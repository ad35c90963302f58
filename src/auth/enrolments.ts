/**
 * Enrolment windows: for ten minutes the logins from a network are shown, and the one with a device's right password binds the device to the
 * address that it came from and to the channel that it used. They are in memory: a restart closes them.
 *
 * @module
 */

import type { DeviceChannel, DeviceRecord } from "../accounts/device.ts";
import type { Account, Origin } from "../backend.ts";
import { isNetwork, networkSet } from "../lib/network.ts";
import type { LogEvent } from "../log/event.ts";

/** How long a window is open. */
export const ENROLMENT_MS = 10 * 60_000;

const MOST_SEEN = 20;
const MOST_WINDOWS = 50;
const MOST_NAMES = 1_000;

type AuthenticationEvent = Extract<LogEvent, { readonly kind: "authentication" }>;

/** What has to be put right at the device, or `none`. */
export type Correction =
  | "none"
  /** It logs in under another name. */
  | "user-name"
  | "password"
  /** The password is right, but not over this channel. */
  | "channel"
  /** It does not speak the mechanism as it should. */
  | "protocol"
  /** Nobody can tell now. */
  | "try-again";

/** A login that a window saw. */
export interface SeenLogin {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly remote: string;
  readonly mechanism: string;
  /** The version of TLS, or `null` without it. */
  readonly tls: string | null;
  readonly helo: string | null;
  /** As the client gave it, completed by the default realm. */
  readonly userName: string | null;
  readonly result: AuthenticationEvent["result"];
  readonly reason: string;
  readonly correction: Correction;
}

/** To what a device was bound, or could be. */
export interface Binding {
  readonly address: string;
  readonly channel: DeviceChannel;
}

/** A window, as it is now. */
export interface Enrolment {
  /** Canonical `name@realm`. */
  readonly device: string;
  /** `null`: from everywhere. */
  readonly network: string | null;
  readonly opened: number;
  readonly ends: number;
  /** The newest last. */
  readonly seen: readonly SeenLogin[];
  /** A right password came from there; nothing is changed before it is confirmed. */
  readonly found: Binding | null;
  readonly bound: Binding | null;
}

/** How a window is opened. */
export interface EnrolmentRequest {
  /** Canonical `name@realm`. */
  readonly device: string;
  readonly network: string | null;
  /** Whether a right password waits for `confirm`; else the device is bound at once. */
  readonly confirm: boolean;
  /** The devices of the store in which the device is: writes the networks and the channel. */
  readonly bind: (binding: Binding) => boolean;
}

interface Window extends Omit<Enrolment, "found" | "bound" | "seen"> {
  readonly confirm: boolean;
  readonly bind: EnrolmentRequest["bind"];
  readonly seen: SeenLogin[];
  found: Binding | null;
  bound: Binding | null;
}

/** All windows of the process. */
export class Enrolments {
  readonly #windows = new Map<string, Window>();
  readonly #names = new Map<string, string>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Opens a window in the place of an older one of the device; `null`: the network is none, or too many windows are open. */
  open({ device, network, confirm, bind }: EnrolmentRequest): Enrolment | null {
    this.#sweep();
    if (network !== null && (!isNetwork(network) || network.includes("%"))) return null;
    if (this.#windows.size >= MOST_WINDOWS && !this.#windows.has(device)) return null;
    const opened = this.#now();
    const facts = { device, network, opened, ends: opened + ENROLMENT_MS };
    this.#windows.set(device, { ...facts, confirm, bind, seen: [], found: null, bound: null });
    return this.show(device);
  }

  /** The window of a device, also one that has ended by being bound; `null` where there is none or its time is over. */
  show(device: string): Enrolment | null {
    this.#sweep();
    const window = this.#windows.get(device);
    if (window === undefined) return null;
    const { network, opened, ends, seen, found, bound } = window;
    return { device, network, opened, ends, seen: [...seen], found, bound };
  }

  /** Ends a window; false where there is none. */
  close(device: string): boolean {
    return this.#windows.delete(device);
  }

  /** Binds the device to what was found; false where nothing was. */
  confirm(device: string): boolean {
    this.#sweep();
    const window = this.#windows.get(device);
    return window !== undefined && window.found !== null && bindTo(window, window.found);
  }

  /** The devices whose window is open for this address. */
  openFor(remote: string): ReadonlySet<string> {
    if (this.#windows.size === 0) return NONE;
    this.#sweep();
    return new Set([...this.#open(remote)].map(({ device }) => device));
  }

  /** Remembers the HELO name of a session in which a login begins, where a window is open for it. */
  hello(session: string, remote: string, helo: string | null): void {
    if (helo === null || this.openFor(remote).size === 0) return;
    if (this.#names.size >= MOST_NAMES) this.#names.clear();
    this.#names.set(session, helo);
  }

  /** A right password, before its scope is judged: so that the login that binds a device gets through itself. */
  proved({ name }: Account, { remote, mechanism, tls }: Origin): void {
    for (const window of this.#open(remote)) {
      const channel = channelOf(mechanism, tls !== null);
      if (window.device !== name || channel === null) continue;
      window.found = { address: remote, channel };
      if (!window.confirm) bindTo(window, window.found);
    }
  }

  /** To be told of each end of an exchange. */
  note(event: LogEvent): void {
    if (event.kind !== "authentication" || this.#windows.size === 0) return;
    const session = event.id.slice(0, event.id.lastIndexOf("."));
    const { remote, mechanism, tls, authcid: userName, result, reason } = event;
    const seen = { at: this.#now(), remote, mechanism, tls, helo: this.#names.get(session) ?? null };
    for (const window of this.#windows.values()) {
      if (!covers(window, remote) || window.ends <= seen.at) continue;
      window.seen.push({ ...seen, userName, result, reason, correction: correctionOf(event, window) });
      if (window.seen.length > MOST_SEEN) window.seen.shift();
    }
  }

  *#open(remote: string): Iterable<Window> {
    const now = this.#now();
    for (const window of this.#windows.values()) {
      if (window.bound === null && window.ends > now && covers(window, remote)) yield window;
    }
  }

  #sweep(): void {
    const now = this.#now();
    for (const [device, { ends }] of this.#windows) if (ends <= now) this.#windows.delete(device);
    if (this.#windows.size === 0) this.#names.clear();
  }
}

const NONE: ReadonlySet<string> = new Set();

/** The channel that a login with this mechanism has used; `null`: no device may use it. */
export function channelOf(mechanism: string, tls: boolean): DeviceChannel | null {
  if (tls) return "tls";
  if (mechanism === "CRAM-MD5") return "cram-md5";
  return mechanism === "LOGIN" || mechanism === "PLAIN" ? "login" : null;
}

/** The settings that binding a device changes. */
export function boundSettings({ address, channel }: Binding): Pick<DeviceRecord, "networks" | "channel"> {
  return { networks: [address], channel };
}

function bindTo(window: Window, binding: Binding): boolean {
  if (window.bound !== null || !window.bind(binding)) return false;
  window.bound = binding;
  return true;
}

function covers({ network }: Pick<Window, "network">, remote: string): boolean {
  return network === null || networkSet([network]).has(remote);
}

function correctionOf({ account, authcid, result }: AuthenticationEvent, { device, found }: Window): Correction {
  switch (result) {
    case "accepted":
      return account === device ? "none" : "user-name";
    case "too-weak":
      return account === device ? "channel" : "user-name";
    case "rejected":
      if (account === device && found !== null) return "none";
      return account === device || authcid === device ? "password" : "user-name";
    case "malformed":
    case "cancelled":
      return "protocol";
    case "delayed":
    case "unavailable":
      return "try-again";
  }
}
