/**
 * The limits of one connection: what its transaction has set aside, and what it is told.
 *
 * @module
 */

import { type Amounts, negative, NO_AMOUNTS, plus, type Use } from "../../policy/limit_usage.ts";
import { judgeLimits, type LimitScope } from "../../policy/limits.ts";
import { networkOf } from "../../lib/network.ts";
import { limitReached, tooManyFrom } from "../../smtp/limit_replies.ts";
import type { Decision, Disposition, Verdict } from "../../smtp/session_state.ts";
import type { Identity } from "../../smtp/identity.ts";
import type { ConnectionRate } from "../../policy/connection_rate.ts";
import type { Holds } from "./holds.ts";
import type { LimitKeeper, Subject } from "./keeper.ts";
import type { Uses } from "./uses.ts";

/** What a session needs of the keeper. */
export interface SessionKeeper extends
  Pick<
    LimitKeeper,
    | ("now" | "log" | "settings" | "isExemptNetwork" | "subjects")
    | ("count" | "noteNetwork" | "watchNewRecipients" | "holdLate")
  > {
  readonly uses: Pick<Uses, "of" | "hashOf" | "isKnown" | "know">;
  readonly holds: Pick<Holds, "holds" | "of">;
  readonly rates: Readonly<Record<"network" | "address", Pick<ConnectionRate, "judge" | "opened">>>;
}

/** Who is on the other side. */
interface Client {
  readonly identity: Identity | null;
  readonly remote: string;
}

interface Transaction {
  readonly account: string | null;
  readonly subjects: readonly (Subject & { readonly use: Use })[];
  reserved: Amounts;
  /** Recipients that the account has not sent to before, as hashes. */
  readonly fresh: Map<string, Uint8Array>;
  readonly known: Uint8Array[];
}

/** The limits of one connection, until it is disposed. */
export class LimitSession implements Disposable {
  readonly #keeper: SessionKeeper;
  readonly #session: string;
  readonly #open: Disposable[] = [];
  #transaction: Transaction | null = null;

  constructor(keeper: SessionKeeper, session: string) {
    this.#keeper = keeper;
    this.#session = session;
  }

  /** What the limits say of what the other rules accept; `null`: nothing against it. What is accepted is set aside. */
  judge(decision: Decision, client: Client): Verdict | null {
    switch (decision.about) {
      case "connect":
        return this.#judgeConnection(client);
      case "mail":
        return this.#judgeMail(client, decision.envelope.declaredSizeOctets ?? 0);
      case "rcpt":
        return this.#judgeRecipient(client, decision.recipient.forwardPath);
    }
  }

  /** How a mail is kept whose content begins now: its account may be on hold since MAIL. */
  disposition(given: Disposition): Disposition {
    const account = this.#transaction?.account ?? null;
    return given === "deliver" && account !== null && this.#keeper.holds.holds(account) ? "hold" : given;
  }

  /** Counts the mail: it has been committed as `mail` and gets its 250. */
  committed(mail: string, octets: number, kept: Disposition): void {
    const transaction = this.#transaction;
    if (transaction === null) return;
    const { account, subjects, reserved, fresh, known } = transaction;
    this.drop();
    this.#keeper.count(subjects, { ...reserved, octets });
    if (account === null) return;
    this.#keeper.uses.know(account, [...fresh.values(), ...known]);
    if (kept === "deliver" && this.#keeper.holds.holds(account)) this.#keeper.holdLate(mail);
  }

  /** Gives back what is set aside: the transaction has ended without a mail. */
  drop(): void {
    const transaction = this.#transaction;
    this.#transaction = null;
    if (transaction === null) return;
    for (const { use } of transaction.subjects) use.reserve(negative(transaction.reserved));
  }

  [Symbol.dispose](): void {
    this.drop();
    for (const one of this.#open.splice(0)) one[Symbol.dispose]();
  }

  #judgeConnection({ remote }: Client): Verdict | null {
    const { keeper, now } = { keeper: this.#keeper, now: this.#keeper.now() };
    if (keeper.isExemptNetwork(remote)) return null;
    const { network, address } = keeper.settings;
    const guests = [
      { scope: "address", subject: remote, values: address },
      { scope: "network", subject: networkOf(remote), values: network },
    ] as const;
    for (const { scope, subject, values } of guests) {
      const found = keeper.rates[scope].judge(subject, values, now);
      if (found === null) continue;
      const { limit, most, opens } = found;
      const told = { limit, most, opens, used: most, wanted: 1 };
      const reported = this.#tell({ scope, subject }, told, { identity: null, remote });
      if (reported) continue;
      const reply = tooManyFrom({ of: scope, opens, now });
      return { kind: "refuse", reply, rule: `limits.${scope}.${limit} of ${subject}: ${most} at most` };
    }
    for (const { scope, subject, values } of guests) {
      if (values.connections === undefined && values.connectionsPerMinute === undefined) continue;
      this.#open.push(keeper.rates[scope].opened(subject, values, now));
    }
    return null;
  }

  #judgeMail(client: Client, octets: number): Verdict | null {
    this.drop();
    const account = client.identity?.account.name ?? null;
    const subjects = this.#keeper.subjects(client).map((each) => ({
      ...each,
      use: this.#keeper.uses.of(each.scope, each.subject),
    }));
    this.#transaction = { account, subjects, reserved: NO_AMOUNTS, fresh: new Map(), known: [] };
    const refused = this.#want({ ...NO_AMOUNTS, mails: 1, octets }, client);
    if (refused !== null) {
      this.drop();
      return refused;
    }
    if (account !== null) this.#keeper.noteNetwork(account, client.remote);
    return null;
  }

  #judgeRecipient(client: Client, forwardPath: string): Verdict | null {
    const transaction = this.#transaction;
    if (transaction === null) return null;
    const { account, fresh, known } = transaction;
    const { uses } = this.#keeper;
    const hash = account === null ? null : uses.hashOf(account, forwardPath);
    const name = hash?.toHex() ?? "";
    const isNew = account !== null && hash !== null && !fresh.has(name) && !uses.isKnown(account, hash);
    const want = { ...NO_AMOUNTS, recipients: 1, newRecipients: isNew ? 1 : 0 };
    const refused = this.#want(want, client);
    if (refused !== null) return refused;
    if (hash !== null && isNew) fresh.set(name, hash);
    if (hash !== null && !isNew && !fresh.has(name)) known.push(hash);
    if (account === null) return null;
    if (isNew) this.#keeper.watchNewRecipients(account);
    const hold = this.#keeper.holds.holds(account) ? this.#keeper.holds.of(account) : null;
    return hold === null ? null : { kind: "hold", rule: `the account is on hold: ${hold.rule}` };
  }

  /** Sets something aside, or says why not. */
  #want(want: Amounts, client: Client): Verdict | null {
    const transaction = this.#transaction;
    if (transaction === null) return null;
    const now = this.#keeper.now();
    for (const { scope, subject, values, use } of transaction.subjects) {
      const found = judgeLimits(values, { use, want, own: transaction.reserved }, now);
      if (found === null || this.#tell({ scope, subject }, { ...found, limit: found.name }, client)) continue;
      const { name, kind, window, most, used, wanted, opens } = found;
      const reply = limitReached({ of: scope, kind, window, most, opens, now });
      const rule = `limits.${scope}.${name} of ${subject}: ${used} of ${most} used, ${wanted} more wanted`;
      return { kind: "refuse", reply, rule };
    }
    for (const { use } of transaction.subjects) use.reserve(want);
    transaction.reserved = plus(transaction.reserved, want);
    return null;
  }

  /** Logs what is over a limit. The result is whether it is let through all the same. */
  #tell(
    { scope, subject }: { readonly scope: LimitScope; readonly subject: string },
    found: {
      readonly limit: string;
      readonly used: number;
      readonly wanted: number;
      readonly most: number;
      readonly opens: number | null;
    },
    { identity, remote }: Client,
  ): boolean {
    const { limit, used, wanted, most, opens } = found;
    const reported = this.#keeper.settings.reportOnly;
    this.#keeper.log({
      ...{ kind: "limit-reached", session: this.#session, remote, account: identity?.account.name ?? null },
      ...{ scope, subject, limit, used, wanted, most },
      opens: opens === null ? null : new Date(opens).toISOString(),
      reported,
    });
    return reported;
  }
}
