/**
 * The devices of one configuration: what is offered to their addresses without TLS, what they may do, and what is repaired for them.
 *
 * @module
 */

import type { AccountAdmin } from "../accounts/account_store.ts";
import { type DeviceRecord, isDevice, nextDay } from "../accounts/device.ts";
import type { LoginRules } from "../auth/authenticator.ts";
import type { Enrolments } from "../auth/enrolments.ts";
import { canonicalRealm, realmSet, servedRealms } from "../auth/members.ts";
import type { Account, Origin } from "../backend.ts";
import type { Config } from "../config/config.ts";
import { printable } from "../lib/text.ts";
import type { Log } from "../log/event.ts";
import { isAt, judgeDeviceMail, judgeDeviceRecipient, WEAK_MECHANISMS } from "../policy/devices.ts";
import type { Mechanism } from "../sasl/mechanism.ts";
import { mechanismNamed } from "../sasl/mechanisms.ts";
import type { Identity } from "../smtp/identity.ts";
import { REPLIES } from "../smtp/replies.ts";
import type { OfferFacts, SessionContext, Verdict } from "../smtp/session_state.ts";

/** What they are made of. */
export interface DevicesParts {
  readonly config: Pick<Config, "defaultRealm" | "backends" | "sasl">;
  /** By the backend's name. */
  readonly stores: ReadonlyMap<string, AccountAdmin>;
  readonly enrolments: Enrolments;
  readonly log: Log;
  readonly now: () => number;
}

const NO_ONE: readonly DeviceRecord[] = [];
const NOTHING: readonly Mechanism[] = [];
const ACCEPT: Verdict = { kind: "accept" };
/** As in EHLO. */
const ORDER = ["CRAM-MD5", "PLAIN", "LOGIN"].flatMap((name) => mechanismNamed(name) ?? []);

/** The devices, as their stores have them now. */
export class Devices {
  readonly #parts: DevicesParts;
  readonly #isAsked: (device: DeviceRecord) => boolean;

  constructor(parts: DevicesParts) {
    this.#parts = parts;
    const { config } = parts;
    const served = servedRealms(config);
    const required = config.backends.filter(({ control }) => control === "required").map(({ realms }) =>
      realmSet(realms)
    );
    // Where another backend has to agree a device cannot log in, and nothing is offered that would be refused.
    this.#isAsked = ({ name }) => {
      const realm = canonicalRealm(name.slice(name.lastIndexOf("@") + 1));
      return served?.has(realm) !== false && !required.some((realms) => realms === null || realms.has(realm));
    };
  }

  /** What is fixed for a connection from this address because of the devices there. */
  context(remote: string): Pick<SessionContext, "weakAuth" | "repairs"> {
    const all = this.#all();
    if (all.length === 0) return {};
    const here = all.filter((device) => this.#isHere(device, remote));
    const repairs = here.some(({ repair }) => repair);
    return {
      weakAuth: here.some(({ channel }) => WEAK_MECHANISMS[channel].length > 0),
      ...repairs && { repairs: (account) => account === null || this.#named(account)?.repair === true },
    };
  }

  /** The offer with what devices at this address have beside it: without TLS their weak mechanism, and nothing else. */
  offered(offer: readonly Mechanism[], { tls, health, remote }: OfferFacts): readonly Mechanism[] {
    const weak = tls || health ? NOTHING : this.#weakAt(remote);
    return weak.length === 0 ? offer : [...offer, ...weak.filter((one) => !offer.includes(one))];
  }

  /** How a login from there is judged. `offer`: what is offered there without any device. */
  loginRules(origin: Origin, offer: readonly Mechanism[]): LoginRules {
    const { enrolments } = this.#parts;
    const proved = (account: Account) => {
      if (isDevice(account)) enrolments.proved(account, origin);
    };
    if (origin.tls !== null || offer.some(({ name }) => name === origin.mechanism)) return { proved };
    const admits = (account: Account) => {
      const device = this.#of(account);
      return device !== null && this.#isHere(device, origin.remote) &&
        WEAK_MECHANISMS[device.channel].includes(origin.mechanism);
    };
    return { proved, admits };
  }

  /** Judges MAIL. Whoever is no device may go on. `underWay`: mails of the device that are begun and not yet counted. */
  judgeMail(identity: Identity | null, reversePath: string | null, underWay = 0): Verdict {
    const mail = { reversePath, underWay, opens: nextDay(this.#parts.now()) };
    return this.#judge(identity, (device) => judgeDeviceMail(device, mail));
  }

  /** Judges RCPT. */
  judgeRecipient(identity: Identity | null, forwardPath: string): Verdict {
    return this.#judge(identity, (device) => judgeDeviceRecipient(device, forwardPath));
  }

  /** Counts a mail that was stored. */
  sent(identity: Identity | null): void {
    if (identity === null || !isDevice(identity.account)) return;
    const { name, backend } = identity.account;
    this.#kept(() => this.#parts.stores.get(backend)?.devices.countMail(name, this.#parts.now()));
  }

  /** Counts what was repaired in a session: for the device that logged in, else for the one at this address. Gives its name. */
  repaired(repairs: ReadonlyMap<string, number>, identity: Identity | null, remote: string): string | null {
    const device = identity === null
      ? this.#all().find((one) => one.repair && this.#isHere(one, remote))
      : this.#of(identity.account);
    if (device === undefined || device === null) return null;
    this.#kept(() => {
      for (const { devices } of this.#parts.stores.values()) {
        devices.countRepairs(device.name, repairs, this.#parts.now());
      }
    });
    return device.name;
  }

  #judge(identity: Identity | null, judge: (device: DeviceRecord) => Verdict): Verdict {
    if (identity === null || !isDevice(identity.account)) return ACCEPT;
    const { name, backend } = identity.account;
    const devices = this.#kept(() => this.#parts.stores.get(backend)?.devices.all() ?? NO_ONE);
    if (devices === null) return UNKNOWN;
    const device = devices.find((one) => one.name === name);
    return device === undefined ? GONE : judge(device);
  }

  #weakAt(remote: string): readonly Mechanism[] {
    const here = this.#all().filter((device) => this.#isHere(device, remote));
    if (here.length === 0) return NOTHING;
    return ORDER.filter(({ name }) => here.some(({ channel }) => WEAK_MECHANISMS[channel].includes(name)));
  }

  /** By its networks, or since a window is open for it here. */
  #isHere(device: DeviceRecord, remote: string): boolean {
    if (device.disabled || !this.#isAsked(device)) return false;
    return isAt(device, remote) || this.#parts.enrolments.openFor(remote).has(device.name);
  }

  #of({ name, backend, attributes }: Account): DeviceRecord | null {
    if (!isDevice({ attributes })) return null;
    const devices = this.#kept(() => this.#parts.stores.get(backend)?.devices.all() ?? NO_ONE) ?? NO_ONE;
    return devices.find((device) => device.name === name) ?? null;
  }

  #named(name: string): DeviceRecord | null {
    return this.#all().find((device) => device.name === name) ?? null;
  }

  #all(): readonly DeviceRecord[] {
    return this.#kept(() => {
      const lists = [...new Set(this.#parts.stores.values())].map(({ devices }) => devices.all());
      return lists.length === 1 ? lists[0] ?? NO_ONE : lists.flat();
    }) ?? NO_ONE;
  }

  /** A file that cannot be read keeps no connection out; logins there are told as what they are. */
  #kept<Value>(work: () => Value): Value | null {
    try {
      return work();
    } catch (error) {
      const reason = printable(error instanceof Error ? error.message : String(error));
      this.#parts.log({ kind: "warning", about: "devices", text: `The account store failed: ${reason}` });
      return null;
    }
  }
}

const UNKNOWN: Verdict = {
  kind: "refuse",
  reply: REPLIES.senderUnavailable,
  rule: "the account store cannot tell what the device may do",
};
const GONE: Verdict = { kind: "refuse", reply: REPLIES.accessDenied, rule: "the device is deleted" };
