/**
 * Limits and holds of the running server: it lives as long as the process, and gets new settings by a reload.
 *
 * @module
 */

import type { Config } from "../../config/config.ts";
import type { HoldConfig, SendingConfig } from "../../config/sending.ts";
import { type AccountLimits, type HoldView, limitKey, type LimitOperations } from "../../http/limit_operations.ts";
import { networkOf, type NetworkSet, networkSet } from "../../lib/network.ts";
import type { Log } from "../../log/event.ts";
import { ConnectionRate } from "../../policy/connection_rate.ts";
import type { Amounts } from "../../policy/limit_usage.ts";
import {
  effectiveValues,
  hasLimits,
  LIMITS,
  type LimitScope,
  limitStandings,
  type LimitValues,
  type OwnValues,
  suggestValues,
} from "../../policy/limits.ts";
import type { Hold, LimitRecords } from "../../records/limit_records.ts";
import type { Identity } from "../../smtp/identity.ts";
import type { Spool } from "../../spool/spool.ts";
import { Holds } from "./holds.ts";
import { Uses } from "./uses.ts";

/** What it works with. */
export interface KeeperParts {
  readonly records: LimitRecords;
  readonly spool: Pick<Spool, "scan" | "change">;
  /** Of keyed hashes. */
  readonly key: Uint8Array;
  readonly log: Log;
  readonly now: () => number;
}

/** One of those whose limits a transaction counts against. */
export interface Subject {
  readonly scope: LimitScope;
  readonly subject: string;
  readonly values: LimitValues;
}

/** Limits and holds. */
export class LimitKeeper implements LimitOperations, Disposable {
  readonly uses: Uses;
  /** Who is on hold. */
  readonly holds: Holds;
  readonly rates = { network: new ConnectionRate(), address: new ConnectionRate() };
  readonly now: () => number;
  readonly log: Log;
  readonly #records: LimitRecords;
  readonly #own = new Map<string, OwnValues>();
  #sending: SendingConfig;
  #hold: HoldConfig;
  #exemptAccounts: ReadonlySet<string>;
  #exemptNetworks: NetworkSet;

  constructor(parts: KeeperParts, config: Pick<Config, "sending" | "hold">) {
    this.#records = parts.records;
    this.now = parts.now;
    this.log = parts.log;
    this.uses = new Uses(parts);
    this.holds = new Holds(parts);
    this.#sending = config.sending;
    this.#hold = config.hold;
    this.#exemptAccounts = new Set(config.sending.exemptAccounts);
    this.#exemptNetworks = networkSet(config.sending.exemptNetworks);
  }

  /** What [limits] says of sending. */
  get settings(): SendingConfig {
    return this.#sending;
  }

  /** Takes the settings of a new configuration. */
  configure({ sending, hold }: Pick<Config, "sending" | "hold">): void {
    this.#sending = sending;
    this.#hold = hold;
    this.#exemptAccounts = new Set(sending.exemptAccounts);
    this.#exemptNetworks = networkSet(sending.exemptNetworks);
  }

  /** Whether networks and addresses are not limited there. */
  isExemptNetwork(remote: string): boolean {
    return this.#exemptNetworks.has(remote);
  }

  /** Against whom a mail of this client counts. An account always counts, so that values can be suggested. */
  subjects({ identity, remote }: { readonly identity: Identity | null; readonly remote: string }): readonly Subject[] {
    const { account: _account, credential, network, address } = this.#sending;
    const name = identity?.account.name ?? null;
    const exempt = name !== null && this.#exemptAccounts.has(name);
    const subjects: Subject[] = [];
    if (identity !== null && name !== null) {
      subjects.push({ scope: "account", subject: name, values: exempt ? {} : this.#valuesOf(name) });
      if (!exempt && hasLimits(credential)) {
        subjects.push({ scope: "credential", subject: `${name} ${identity.credential}`, values: credential });
      }
    }
    if (exempt || this.isExemptNetwork(remote)) return subjects;
    if (hasLimits(network)) subjects.push({ scope: "network", subject: networkOf(remote), values: network });
    if (hasLimits(address)) subjects.push({ scope: "address", subject: remote, values: address });
    return subjects;
  }

  /** Counts a mail. */
  count(subjects: readonly Pick<Subject, "scope" | "subject">[], amounts: Amounts): void {
    const now = this.now();
    for (const { scope, subject } of subjects) this.uses.changed(scope, subject).add(amounts, now);
  }

  /** Counts a mail that a program on this machine left for an account. */
  countLocal(account: string, forwardPaths: readonly string[], octets: number): void {
    const hashes = forwardPaths.map((path) => this.uses.hashOf(account, path));
    const fresh = new Set(hashes.filter((hash) => !this.uses.isKnown(account, hash)).map((hash) => hash.toHex()));
    const amounts = { mails: 1, recipients: hashes.length, newRecipients: fresh.size, octets };
    this.count([{ scope: "account", subject: account }], amounts);
    this.uses.know(account, hashes);
    this.watchNewRecipients(account);
  }

  /** Mails of an account that are begun and not yet counted. */
  underWay(account: string): number {
    return this.uses.of("account", account).reserved.mails;
  }

  /** A mail is begun from there: an account that does so from too many networks is put on hold. */
  noteNetwork(account: string, remote: string): void {
    if (this.isExemptNetwork(remote)) return;
    const networks = this.uses.changed("account", account).noteNetwork(networkOf(remote), this.now());
    const most = this.#hold.networksPerHour;
    if (most === null || networks <= most) return;
    this.#holdByRule(account, `it sends from ${networks} networks within an hour, hold.networks_per_hour is ${most}`);
  }

  /** An account that sends to too many new recipients, those under way included, is put on hold. */
  watchNewRecipients(account: string): void {
    const most = this.#hold.newRecipientsPerHour;
    if (most === null) return;
    const use = this.uses.of("account", account);
    const count = use.used("newRecipients", "hour", this.now()) + use.reserved.newRecipients;
    if (count <= most) return;
    const rule = `it sends to ${count} new recipients within an hour, hold.new_recipients_per_hour is ${most}`;
    this.#holdByRule(account, rule);
  }

  /** Holds a mail that came in while its account was put on hold. */
  holdLate(mail: string): void {
    this.holds.holdLate(mail).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : "unknown reason";
      this.log({ kind: "alarm", about: "hold", text: `Cannot hold mail ${mail}: ${reason}` });
    });
  }

  show(account: string): AccountLimits {
    const now = this.now();
    const use = this.uses.of("account", account);
    const own = this.ownValues(account);
    const suggested = suggestValues(use.peaks(now));
    const limits = limitStandings(this.#valuesOf(account), use, now).map(({ name, most, used, opens }) => ({
      name: limitKey(name),
      ...{ used, most, own: own[name] !== undefined },
      opens: opens === null ? null : new Date(opens).toISOString(),
      suggested: suggested[name],
    }));
    return {
      ...{ account, exempt: this.#exemptAccounts.has(account), reportOnly: this.#sending.reportOnly },
      networks: [...use.networks(now)],
      hold: this.holdOf(account),
      limits,
    };
  }

  accounts(count: number): readonly string[] {
    this.uses.write();
    return this.#records.accounts(count);
  }

  ownValues(account: string): OwnValues {
    const found = this.#own.get(account);
    if (found !== undefined) return found;
    const kept = this.#records.ownValues(account);
    const own = Object.fromEntries(
      LIMITS.map(({ name }) => [name, kept.get(name)] as const).filter(([, most]) => most !== undefined),
    );
    if (this.#own.size >= OWN_REMEMBERED) this.#own.clear();
    this.#own.set(account, own);
    return own;
  }

  setValues(account: string, values: Parameters<LimitOperations["setValues"]>[1], by: string): void {
    this.#records.setOwnValues(account, values);
    this.#own.delete(account);
    const changes = [...values].map(([name, most]) => `${limitKey(name)} = ${most === undefined ? "default" : most}`);
    this.log({ kind: "account-changed", account, what: `limits: ${changes.join(", ")}`, by });
  }

  reset(account: string, by: string): void {
    this.uses.changed("account", account).reset();
    this.uses.write();
    this.log({ kind: "account-changed", account, what: "limits: reset", by });
  }

  forget(account: string): void {
    this.uses.forget(account);
    this.#own.delete(account);
    this.holds.forget(account);
  }

  holdOf(account: string): HoldView | null {
    const hold = this.holds.of(account);
    return hold === null ? null : viewOf(hold);
  }

  /** All accounts on hold. */
  listHolds(): readonly HoldView[] {
    return this.holds.list().map(viewOf);
  }

  async hold(
    account: string,
    { reason, by }: { readonly reason: string; readonly by: string },
  ): Promise<number | null> {
    return await this.holds.hold(account, { rule: reason, by });
  }

  async release(account: string, by: string): Promise<number | null> {
    const mails = await this.holds.release(account, by);
    // What put it on hold would do so again with its next mail.
    if (mails !== null) this.uses.changed("account", account).forgive();
    return mails;
  }

  async discard(account: string, by: string): Promise<number | null> {
    return await this.holds.discard(account, by);
  }

  [Symbol.dispose](): void {
    this.uses[Symbol.dispose]();
    this.#records[Symbol.dispose]();
  }

  #valuesOf(account: string) {
    return effectiveValues(this.#sending.account, this.ownValues(account));
  }

  #holdByRule(account: string, rule: string): void {
    if (this.#hold.exemptAccounts.includes(account)) return;
    // A failure is logged where it is.
    this.holds.hold(account, { rule, by: "rule" }).catch(() => {});
  }
}

const OWN_REMEMBERED = 20_000;

function viewOf({ account, since, rule, by }: Hold): HoldView {
  return { account, since: new Date(since).toISOString(), rule, by };
}
